package proof

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/wire"
)

// session is one pinned connection with the settings under which two servers show equal data equally. It never reconnects: a lost
// connection is a lost snapshot.
type session struct {
	node.Pinned
	// tap hands rows out as the server sent them; nil in a control session.
	tap *wire.Tap
	// pool is the session's own, nil if its connection is another's.
	pool *sql.DB
	// id is the server's number of the connection.
	id string
	// since is when the first statement began after the metadata locks of this session's transaction were last let go, in nanoseconds
	// of the worker's clock; 0 while none is held.
	since atomic.Int64
	// yield asks the statement that runs to end at its next row. Letting the locks go takes it back.
	yield atomic.Bool
}

// errYielded ends a statement that was asked to.
var errYielded = errors.New("gave way to DDL that waited")

// sqlMode is the same on both sides. ALLOW_INVALID_DATES lets every date that a column can hold be written as a literal.
const sqlMode = "ALLOW_INVALID_DATES"

// blockLockWait bounds, in seconds, how long a block waits behind DDL for its metadata lock: our waiting would queue behind it and
// keep a snapshot open. The table is put off instead.
const blockLockWait = 3

// openSession takes a connection of the side's pool, for statements outside the snapshots.
func openSession(ctx context.Context, s Side) (*session, error) {
	return pin(ctx, &session{Pinned: node.Pinned{Node: s.Name}}, s.DB)
}

// openStream opens a connection for rows.
func openStream(ctx context.Context, s Side) (*session, error) {
	config := s.Rows.Clone()
	config.ParseTime = false // a time cannot hold every date that a column can
	tap, err := tapped(config)
	if err != nil {
		return nil, nodeError(ctx, s.Name, "connect", err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, nodeError(ctx, s.Name, "connect", err)
	}
	pool := sql.OpenDB(connector)
	out, err := pin(ctx, &session{Pinned: node.Pinned{Node: s.Name}, tap: tap, pool: pool}, pool)
	if err != nil {
		return nil, err
	}
	if err := out.widen(ctx); err != nil {
		out.close()
		return nil, nodeError(ctx, s.Name, "prepare the session", err)
	}
	return out, nil
}

// tapped puts a tap into the connections that the driver opens.
func tapped(config *mysql.Config) (*wire.Tap, error) {
	tap := new(wire.Tap)
	switch {
	case config.TLS != nil:
		var err error
		if config.TLS, err = tap.TLS(config.TLS); err != nil {
			return nil, err
		}
	case config.TLSConfig != "" && config.TLSConfig != "false":
		return nil, fmt.Errorf("its TLS configuration is %q, a name that only the driver can look up; set mysql.Config.TLS: %w", config.TLSConfig, ErrUnfit)
	}
	config.DialFunc = tap.Dial(config.DialFunc)
	return tap, nil
}

// sendSize is how much the server is brought to send at a time, bytes.
const sendSize = 256 << 10

// widen makes the server's buffer of this connection larger: it reads and writes through the same one, and what it has grown to for a
// statement stays. Of net_buffer_length, 16 KiB by default, a session cannot have more (measured on 9.7).
func (s *session) widen(ctx context.Context) error {
	v, err := s.value(ctx, "SELECT @@max_allowed_packet")
	if err != nil {
		return err
	}
	statement, err := s.Conn.PrepareContext(ctx, "DO LENGTH(?)")
	if err != nil {
		return err
	}
	defer statement.Close()
	_, err = statement.ExecContext(ctx, strings.Repeat(" ", int(min(sendSize, number([]byte(v))/2))))
	return err
}

func pin(ctx context.Context, out *session, pool *sql.DB) (*session, error) {
	var err error
	if out.Conn, err = pool.Conn(ctx); err != nil {
		out.closePool()
		return nil, nodeError(ctx, out.Node, "connect", err)
	}
	if err := out.prepare(ctx); err != nil {
		out.close()
		return nil, nodeError(ctx, out.Node, "prepare the session", err)
	}
	return out, nil
}

func (s *session) prepare(ctx context.Context) error {
	settings := fmt.Sprintf(`SET SESSION time_zone='+00:00', sql_mode='%s', autocommit=1, completion_type='NO_CHAIN',
		transaction_isolation='REPEATABLE-READ', transaction_read_only=1, max_execution_time=0, lock_wait_timeout=%d, sql_select_limit=18446744073709551615,
		sql_big_selects=1, sql_safe_updates=0, net_write_timeout=600, net_read_timeout=600, wait_timeout=28800, character_set_results=NULL`,
		sqlMode, blockLockWait)
	if _, err := s.Conn.ExecContext(ctx, settings); err != nil {
		return err
	}
	// Since 8.0.30 a server can give tables an invisible key of its own; here it is a column like any other.
	if _, err := s.Conn.ExecContext(ctx, "SET SESSION show_gipk_in_create_table_and_information_schema=ON"); err != nil &&
		node.Number(err) != node.ErrnoUnknownSystemVar {
		return err
	}
	var err error
	s.id, err = s.value(ctx, "SELECT CONNECTION_ID()")
	return err
}

// rows runs a statement through the binary protocol, where a FLOAT keeps all its bits, and hands out each row. Values are valid until
// each returns. database/sql's Scan would cost as much again as the reading (measured: 240 against 140 ns a row).
func (s *session) rows(ctx context.Context, statement string, each func([]driver.Value) error) error {
	return s.query(ctx, statement, nil, each)
}

// sent hands out each row as the server sent it, and decoded only those that packet asks for.
func (s *session) sent(ctx context.Context, statement string, packet wire.Each, decoded func([]driver.Value) error) error {
	asked := 0
	return s.query(ctx, statement, func(row []byte) (bool, error) {
		if s.yield.Load() {
			return false, errYielded
		}
		show, err := packet(row)
		if show {
			asked++
		}
		return show, err
	}, func(values []driver.Value) error {
		if asked--; asked < 0 {
			return errors.New("a row came past the tap")
		}
		return decoded(values)
	})
}

// query is rows, or sent if packet is not nil.
func (s *session) query(ctx context.Context, statement string, packet wire.Each, each func([]driver.Value) error) error {
	s.since.CompareAndSwap(0, time.Now().UnixNano())
	err := s.Conn.Raw(func(dc any) error {
		preparer, ok := dc.(driver.ConnPrepareContext)
		if !ok {
			return fmt.Errorf("driver %T cannot prepare", dc)
		}
		stmt, err := preparer.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		defer stmt.Close()
		queryer, ok := stmt.(driver.StmtQueryContext)
		if !ok {
			return fmt.Errorf("driver %T cannot query", stmt)
		}
		if packet == nil {
			return s.drain(ctx, queryer, each)
		}
		if err := s.tap.Divert(packet); err != nil {
			return err
		}
		err = s.drain(ctx, queryer, each)
		return errors.Join(s.tap.End(), err)
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// drain runs a prepared statement to the end of its rows.
func (s *session) drain(ctx context.Context, prepared driver.StmtQueryContext, each func([]driver.Value) error) error {
	rows, err := prepared.QueryContext(ctx, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(values); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if s.yield.Load() {
			return errYielded
		}
		if err := each(values); err != nil {
			return err
		}
	}
}

func (s *session) exec(ctx context.Context, statement string) error {
	_, err := s.Conn.ExecContext(ctx, statement)
	return err
}

// snapshot opens a read-only snapshot now.
func (s *session) snapshot(ctx context.Context) error {
	return s.exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
}

// mark sets the savepoint that releaseLocks goes back to. It is not part of snapshot, whose calls must lie close together.
func (s *session) mark(ctx context.Context) error {
	s.since.Store(0)
	s.yield.Store(false)
	return s.exec(ctx, "SAVEPOINT proof")
}

// releaseLocks lets waiting DDL pass and keeps the snapshot (MySQL manual: Metadata Locking; measured on 9.7: an ALTER that waited
// went on at once, and the read view stayed).
func (s *session) releaseLocks(ctx context.Context) error {
	const statement = "ROLLBACK TO SAVEPOINT proof"
	err := s.exec(ctx, statement)
	if node.Number(err) == node.ErrnoQueryInterrupted { // by a KILL QUERY that came when its statement had just ended
		err = s.exec(ctx, statement)
	}
	s.yield.Store(false)
	s.since.Store(0)
	return err
}

// lockHold is how long a session may keep the metadata lock of a table that it goes on reading; in a reading through, when somebody waits.
const lockHold = 200 * time.Millisecond

// held is for how long the session has held metadata locks.
func (s *session) held() time.Duration {
	since := s.since.Load()
	if since == 0 {
		return 0
	}
	return time.Duration(time.Now().UnixNano() - since)
}

func (s *session) releaseLocksIfDue(ctx context.Context) error {
	if s.held() < lockHold {
		return nil
	}
	return s.releaseLocks(ctx)
}

// close ends the session's transaction and discards the connection: its settings are of no use to anybody else.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = s.Conn.ExecContext(ctx, "ROLLBACK")
	_ = s.Conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.Conn.Close()
	s.closePool()
}

func (s *session) closePool() {
	if s.pool != nil {
		_ = s.pool.Close()
	}
}

// literal quotes a string of metadata (a name). It holds with and without NO_BACKSLASH_ESCAPES, for it has no backslash.
func literal(s string) string { return fmt.Sprintf("_utf8mb4 x'%x'", s) }
