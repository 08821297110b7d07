package check

import (
	"context"
	"errors"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// maxListed is how many sessions or kinds of errors are named; the rest is counted.
const maxListed = 10

// The parts of a look at the primary, as a Gap names them.
const (
	partRestart      = "whether it was restarted meanwhile"
	partLoad         = "how busy it is"
	partDDL          = "its running DDL"
	partTransactions = "its open transactions"
	partErrors       = "its error log"
	partPassers      = "the accounts that a fence lets through"
)

// Look is what the primary alone is asked, after every node was read.
type Look struct {
	// Uptime is how long the server has run now. Restarted says that it began anew between its observation and this look.
	Uptime    time.Duration
	Restarted bool
	// AtWork counts the sessions of clients that do something at this moment.
	AtWork int
	// DDL are the statements that run now and change definitions, the longest first, at most maxListed.
	DDL []Work
	// Transactions are those that are open, the oldest first, at most maxListed.
	Transactions []Work
	// Errors are what the error log holds of priority Error within Limits.ErrorsWithin, by kind, the latest first, at most maxListed
	// of ErrorCount rows.
	Errors     []LoggedErrors
	ErrorCount int64
	// FencePassers are the accounts, but for the server's own and the worker's, that may log in while offline_mode is on.
	FencePassers []Passer
	// Logins are the attempts to log in to the primary as the donor and the replication account.
	Logins []Login
}

// Work is something that a session is doing. It bears no text of a statement: that may hold values of rows, or a password.
type Work struct {
	// Process is the connection's ID; 0 for a transaction that no session holds, such as a prepared one of an XA.
	Process uint64
	User    string
	// What names the kind of statement, as the server's instruments do: "alter_table". Empty for a transaction.
	What string
	// For is how long it has lasted.
	For time.Duration
}

// LoggedErrors are the rows of one kind in the error log, without their texts, which may hold values of rows.
type LoggedErrors struct {
	Code, Subsystem string
	Count           int64
	Last            time.Time
}

// Passer is an account that a fence does not keep out.
type Passer struct {
	User, Host string
	// By are the privileges, CONNECTION_ADMIN, SUPER or both.
	By string
	// Role is a role through which it holds them, as SQL writes it; empty when it holds them itself.
	Role string
}

// read asks everything; what cannot be read becomes a gap of the primary's observation. The error is that of a server that went away.
func (l *Look) read(ctx context.Context, s node.Reader, primary *Observation, limits Limits, admin string) error {
	parts := []struct {
		name string
		read func() error
	}{
		{partRestart, func() error { return l.readRestart(ctx, s, primary) }},
		{partLoad, func() (err error) { l.AtWork, err = AtWork(ctx, s); return err }},
		{partDDL, func() error { return l.readDDL(ctx, s) }},
		{partTransactions, func() error { return l.readTransactions(ctx, s) }},
		{partErrors, func() error { return l.readErrors(ctx, s, limits.ErrorsWithin) }},
		{partPassers, func() error { return l.readPassers(ctx, s, admin) }},
	}
	for _, part := range parts {
		gap, err := gapOf(part.name, part.read())
		if err != nil {
			return err
		}
		primary.Gaps = append(primary.Gaps, gap...)
	}
	return nil
}

// readRestart compares two uptimes with the time between them on the worker's own clock, so that no server's clock matters. They are
// whole seconds.
func (l *Look) readRestart(ctx context.Context, s node.Reader, primary *Observation) error {
	between := time.Since(primary.SeenAt)
	var err error
	l.Uptime, err = uptime(ctx, s)
	l.Restarted = err == nil && !primary.Unread(partUptime) && l.Uptime+time.Second < primary.Uptime+between
	return err
}

// AtWork counts the sessions of clients that do something now, the asking one left out. Threads_running is no measure of that: it counts
// a thread for every replica, and some of the server's own (measured on 9.7).
func AtWork(ctx context.Context, r node.Reader) (int, error) {
	const query = `SELECT COUNT(*) FROM performance_schema.processlist WHERE ID <> CONNECTION_ID()
AND COMMAND NOT IN ('Sleep', 'Daemon', 'Connect', 'Binlog Dump', 'Binlog Dump GTID', 'clone')`
	var sessions int
	err := node.One(ctx, r, "count the sessions at work", query, nil, &sessions)
	return sessions, err
}

func (l *Look) readDDL(ctx context.Context, s node.Reader) error {
	const query = `SELECT COALESCE(t.PROCESSLIST_ID, 0), COALESCE(t.PROCESSLIST_USER, ''), SUBSTRING_INDEX(e.EVENT_NAME, '/', -1), FLOOR(e.TIMER_WAIT / 1e12)
FROM performance_schema.events_statements_current e JOIN performance_schema.threads t ON t.THREAD_ID = e.THREAD_ID
WHERE e.END_EVENT_ID IS NULL AND e.EVENT_NAME REGEXP '^statement/sql/(alter|create|drop|rename|truncate|optimize)'
ORDER BY e.TIMER_WAIT DESC LIMIT ?`
	var err error
	l.DDL, err = works(ctx, s, "list the running DDL", query)
	return err
}

// readTransactions asks InnoDB, which knows transactions of no session as well. Its table holds the statements under way and cannot be read
// while one of them has a character outside the Basic Multilingual Plane (3854, measured on 9.7): then the sessions' own are taken. It
// reckons in the time zone of the server's machine, in which trx_started is given whatever the session's is (measured on 9.7).
func (l *Look) readTransactions(ctx context.Context, s node.Reader) error {
	const doing = "list the open transactions"
	const all = `SELECT x.trx_mysql_thread_id, COALESCE(t.PROCESSLIST_USER, ''), '',
GREATEST(0, TIMESTAMPDIFF(SECOND, x.trx_started, CONVERT_TZ(NOW(), @@session.time_zone, 'SYSTEM')))
FROM information_schema.INNODB_TRX x LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = x.trx_mysql_thread_id
WHERE x.trx_mysql_thread_id <> CONNECTION_ID() ORDER BY x.trx_started LIMIT ?`
	const ofSessions = `SELECT t.PROCESSLIST_ID, COALESCE(t.PROCESSLIST_USER, ''), '', FLOOR(e.TIMER_WAIT / 1e12)
FROM performance_schema.events_transactions_current e JOIN performance_schema.threads t ON t.THREAD_ID = e.THREAD_ID
WHERE e.STATE = 'ACTIVE' AND t.NAME = 'thread/sql/one_connection' AND t.PROCESSLIST_ID <> CONNECTION_ID() ORDER BY e.TIMER_WAIT DESC LIMIT ?`
	var err error
	l.Transactions, err = works(ctx, s, doing, all)
	var refused *node.Error
	if errors.As(err, &refused) && refused.Number == node.ErrnoCannotConvert {
		l.Transactions, err = works(ctx, s, doing, ofSessions)
	}
	return err
}

func works(ctx context.Context, s node.Reader, doing, query string) ([]Work, error) {
	var all []Work
	err := node.Each(ctx, s, doing, query, []any{maxListed}, func(scan func(...any) error) error {
		var w Work
		var seconds int64
		if err := scan(&w.Process, &w.User, &w.What, &seconds); err != nil {
			return err
		}
		w.For = time.Duration(seconds) * time.Second
		all = append(all, w)
		return nil
	})
	return all, err
}

func (l *Look) readErrors(ctx context.Context, s node.Reader, within time.Duration) error {
	const query = `SELECT ERROR_CODE, SUBSYSTEM, COUNT(*), MAX(LOGGED) FROM performance_schema.error_log
WHERE PRIO = 'Error' AND LOGGED > NOW(6) - INTERVAL ? SECOND GROUP BY ERROR_CODE, SUBSYSTEM ORDER BY MAX(LOGGED) DESC, ERROR_CODE`
	return node.Each(ctx, s, "read its error log", query, []any{int64(within / time.Second)}, func(scan func(...any) error) error {
		var e LoggedErrors
		if err := scan(&e.Code, &e.Subsystem, &e.Count, &e.Last); err != nil {
			return err
		}
		if l.ErrorCount += e.Count; len(l.Errors) < maxListed {
			l.Errors = append(l.Errors, e)
		}
		return nil
	})
}

// readPassers follows roles, whether they are active by default or not: SET ROLE is the holder's to say. Accounts that are locked cannot
// log in, the server's own among them.
func (l *Look) readPassers(ctx context.Context, s node.Reader, admin string) error {
	const query = `WITH RECURSIVE holders (user, host, privilege, role) AS (
  SELECT CAST(USER AS CHAR(32)), CAST(HOST AS CHAR(255)), CAST(PRIV AS CHAR(32)), CAST('' AS CHAR(320)) FROM mysql.global_grants
  WHERE PRIV = 'CONNECTION_ADMIN'
  UNION SELECT User, Host, 'SUPER', '' FROM mysql.user WHERE Super_priv = 'Y'
  UNION SELECT e.TO_USER, e.TO_HOST, h.privilege, CONCAT(QUOTE(h.user), '@', QUOTE(h.host))
  FROM mysql.role_edges e JOIN holders h ON e.FROM_USER = h.user AND e.FROM_HOST = h.host)
SELECT h.user, h.host, GROUP_CONCAT(DISTINCT h.privilege ORDER BY h.privilege SEPARATOR ', '), MAX(h.role)
FROM holders h JOIN mysql.user u ON u.User = h.user AND u.Host = h.host
WHERE u.account_locked = 'N' AND h.user <> ? GROUP BY h.user, h.host ORDER BY h.user, h.host`
	return node.Each(ctx, s, "list the accounts that a fence lets through", query, []any{admin}, func(scan func(...any) error) error {
		var p Passer
		if err := scan(&p.User, &p.Host, &p.By, &p.Role); err != nil {
			return err
		}
		l.FencePassers = append(l.FencePassers, p)
		return nil
	})
}

// looked is the look at the primary if that part of it could be read, else nil.
func (o *Observations) looked(part string) *Look {
	if o.PrimaryWith(part) == nil {
		return nil
	}
	return o.Look
}
