package node

import (
	"context"
	"database/sql"
)

// Session is one client connection of a server.
type Session struct {
	ConnectionID uint64
	User         string
	Host         string
	Command      string
	State        string
	Info         string // the statement it runs, cut to 200 characters
	// Seconds it has been in its command.
	Seconds int64
}

// DumpsBinaryLog reports whether the session feeds a replica.
func (s Session) DumpsBinaryLog() bool {
	return s.Command == "Binlog Dump" || s.Command == "Binlog Dump GTID"
}

// ReadSessions lists the client connections, without system threads, without connections that are not logged in yet, and
// without the asking connection itself. Replicas that read the binary log are among them: see DumpsBinaryLog.
func ReadSessions(ctx context.Context, r Reader) ([]Session, error) {
	const query = `SELECT PROCESSLIST_ID, PROCESSLIST_USER, COALESCE(PROCESSLIST_HOST, ''), COALESCE(PROCESSLIST_COMMAND, ''),
  COALESCE(PROCESSLIST_STATE, ''), LEFT(COALESCE(PROCESSLIST_INFO, ''), 200), PROCESSLIST_TIME
FROM performance_schema.threads
WHERE NAME = 'thread/sql/one_connection' AND PROCESSLIST_ID <> CONNECTION_ID()
  AND PROCESSLIST_USER IS NOT NULL AND PROCESSLIST_USER <> 'unauthenticated user'
ORDER BY PROCESSLIST_ID`
	var sessions []Session
	err := Each(ctx, r, "list the sessions", query, nil, func(scan func(...any) error) error {
		var s Session
		var seconds sql.NullInt64
		if err := scan(&s.ConnectionID, &s.User, &s.Host, &s.Command, &s.State, &s.Info, &seconds); err != nil {
			return err
		}
		s.Seconds = seconds.Int64
		sessions = append(sessions, s)
		return nil
	})
	return sessions, err
}
