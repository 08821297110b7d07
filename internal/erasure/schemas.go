package erasure

import (
	"context"
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// userSchemas lists every schema that is not the server's own, with its size.
func userSchemas(ctx context.Context, r node.Reader) ([]Schema, error) {
	const query = `SELECT s.SCHEMA_NAME, COALESCE(SUM(t.TABLE_TYPE = 'BASE TABLE'), 0), COALESCE(SUM(t.TABLE_TYPE = 'VIEW'), 0),
  COALESCE(SUM(t.DATA_LENGTH + t.INDEX_LENGTH), 0)
FROM information_schema.SCHEMATA s LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME
WHERE s.SCHEMA_NAME ` + node.UserSchemas + `
GROUP BY s.SCHEMA_NAME ORDER BY s.SCHEMA_NAME`
	var schemas []Schema
	err := node.Each(ctx, r, "list the schemas", query, nil, func(scan func(...any) error) error {
		var s Schema
		err := scan(&s.Name, &s.Tables, &s.Views, &s.Bytes)
		schemas = append(schemas, s)
		return err
	})
	return schemas, err
}

// The server's numbers: a schema's directory cannot be removed; what XA RECOVER says to an account that may not see; an XA transaction that
// is not there, or is still its session's.
const (
	errnoCannotRemove = 1010
	errnoXARefused    = 1401
	errnoXAUnknown    = 1397
)

// ForeignFilesError: a schema's directory holds a file that is not MySQL's. The server then refuses to drop the schema, and so does
// a clone (measured on 9.7: 1010, nothing of the schema dropped). Nobody but the operator can take the file away; then the
// erase goes on.
type ForeignFilesError struct {
	Node, Schema string
	Err          error
}

func (e *ForeignFilesError) Error() string {
	return fmt.Sprintf("node %s: schema %q cannot be dropped, because its directory below the data directory holds files that are not MySQL's: move them away, then try again: %v",
		e.Node, e.Schema, e.Err)
}

func (e *ForeignFilesError) Unwrap() error { return e.Err }

func dropSchemas(ctx context.Context, c *node.Claim, o Options, schemas []Schema, d *Destroyed) (err error) {
	if len(schemas) == 0 {
		return nil
	}
	for _, setting := range []string{
		"SET SESSION sql_log_bin = 0", // a drop in the binary log would be a GTID of its own
		"SET SESSION foreign_key_checks = 0",
		fmt.Sprintf("SET SESSION lock_wait_timeout = %d", o.LockWaitSeconds),
	} {
		if err := c.Exec(ctx, "prepare the session for the drop", setting); err != nil {
			return err
		}
	}
	// sql_log_bin=0 does not get around super_read_only (measured on 9.7). The fence keeps everybody else out meanwhile.
	if err := c.Exec(ctx, "allow the drop", "SET GLOBAL super_read_only = OFF"); err != nil {
		return err
	}
	defer func() {
		back := c.Exec(context.WithoutCancel(ctx), "refuse writes again", "SET GLOBAL super_read_only = ON")
		if err == nil {
			err = back
		}
	}()
	for _, s := range schemas {
		if err := dropSchema(ctx, c, o, s.Name, d); err != nil {
			return err
		}
		d.Schemas = append(d.Schemas, s)
		if o.OnSchema != nil {
			o.OnSchema(s)
		}
	}
	return nil
}

func dropSchema(ctx context.Context, c *node.Claim, o Options, name string, d *Destroyed) error {
	for attempt := 1; ; attempt++ {
		// Who holds a lock is ended before the first try: the wait would only be longer.
		ended, err := endLockHolders(ctx, c)
		d.Ended = append(d.Ended, ended...)
		if err != nil {
			return err
		}
		err = c.Exec(ctx, "drop schema "+name, "DROP DATABASE IF EXISTS "+node.Quote(name))
		if err == nil {
			return nil
		}
		if node.Number(err) == errnoCannotRemove {
			return &ForeignFilesError{Node: c.Name(), Schema: name, Err: err}
		}
		if node.Number(err) != node.ErrnoLockWaitTimeout {
			return err
		}
		if attempt >= o.Attempts {
			return fmt.Errorf("gave up after %d attempts: %w", attempt, err)
		}
		if err := rollBackPrepared(ctx, c); err != nil {
			return err
		}
	}
}

// endLockHolders ends the sessions with a metadata lock that a drop would wait for: on any user schema or its objects (a
// drop also waits for the parents of its foreign keys, measured on 9.7), or on the whole server (LOCK INSTANCE FOR BACKUP,
// FLUSH TABLES WITH READ LOCK). The own account's other sessions are not spared: a claim has the last word on a node that is
// being erased.
func endLockHolders(ctx context.Context, c *node.Claim) ([]node.Session, error) {
	const query = `SELECT DISTINCT t.PROCESSLIST_ID, COALESCE(t.PROCESSLIST_USER, ''), COALESCE(t.PROCESSLIST_HOST, '')
FROM performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID
WHERE l.LOCK_STATUS = 'GRANTED' AND t.NAME = 'thread/sql/one_connection' AND t.PROCESSLIST_ID <> CONNECTION_ID()
  AND (l.OBJECT_SCHEMA ` + node.UserSchemas + `
    OR l.OBJECT_TYPE IN ('GLOBAL', 'BACKUP LOCK') AND l.LOCK_DURATION = 'EXPLICIT')`
	var holders []node.Session
	err := node.Each(ctx, c, "see who holds metadata locks", query, nil, func(scan func(...any) error) error {
		var s node.Session
		err := scan(&s.ConnectionID, &s.User, &s.Host)
		holders = append(holders, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, s := range holders {
		err := c.Exec(ctx, "end a session that holds a metadata lock", fmt.Sprintf("KILL %d", s.ConnectionID))
		if err != nil && node.Number(err) != node.ErrnoUnknownThread {
			return nil, err
		}
	}
	return holders, nil
}

// rollBackPrepared gives up the prepared XA transactions, whose locks a drop waits for and no session holds. Whatever they wrote is to be
// destroyed: one of the node's own is an errant transaction, one of the primary's comes back with the copy. It is done only once a drop has
// waited in vain, because the list asks for a privilege of its own.
func rollBackPrepared(ctx context.Context, c *node.Claim) error {
	var all []string
	err := node.Each(ctx, c, "list the prepared XA transactions", "XA RECOVER CONVERT XID", nil, func(scan func(...any) error) error {
		var format int64
		var gtrid, bqual int // lengths in bytes
		var data string      // 0x and both in hexadecimal
		if err := scan(&format, &gtrid, &bqual, &data); err != nil {
			return err
		}
		data = strings.TrimPrefix(data, "0x")
		if len(data) != 2*(gtrid+bqual) {
			return fmt.Errorf("the server named an XA transaction by %d bytes and wrote %d digits", gtrid+bqual, len(data))
		}
		all = append(all, fmt.Sprintf("XA ROLLBACK X'%s',X'%s',%d", data[:2*gtrid], data[2*gtrid:], format))
		return nil
	})
	if node.Number(err) == errnoXARefused {
		return fmt.Errorf("a drop waits for a lock that no session holds, and the worker's account may not see whether a prepared XA transaction does: "+
			"grant it XA_RECOVER_ADMIN, or XA ROLLBACK what XA RECOVER shows on the node: %w", err)
	}
	if err != nil {
		return err
	}
	for _, rollback := range all {
		if err := c.Exec(ctx, "roll back a prepared XA transaction", rollback); err != nil && node.Number(err) != errnoXAUnknown {
			return err
		}
	}
	return nil
}
