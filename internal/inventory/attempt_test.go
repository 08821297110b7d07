package inventory_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// try does what the need is for once, by a connection made for it: a session keeps the privileges it began with.
func try(t *testing.T, n need, account sandbox.Account) error {
	t.Helper()
	require.NoError(t, n.on.Exec(t.Context(), append(slices.Clone(calm), n.prepare...)...))
	err := as(t, n.on, account, n.do)
	require.NoError(t, n.on.Exec(t.Context(), append(slices.Clone(calm), n.restore...)...))
	return err
}

func as(t *testing.T, on *sandbox.Node, account sandbox.Account, do func(context.Context, *sql.DB) error) error {
	t.Helper()
	db, err := on.Open(account)
	require.NoError(t, err)
	defer db.Close()
	return do(t.Context(), db)
}

// withhold takes a privilege away on one node alone, and returns what gives it back.
func withhold(t *testing.T, on *sandbox.Node, privilege, user string) (restore func()) {
	t.Helper()
	require.NoError(t, on.Exec(t.Context(), "SET SESSION sql_log_bin = 0", "REVOKE "+privilege+" ON *.* FROM "+user))
	return func() {
		// Also called when the test's own context has ended.
		require.NoError(t, on.Exec(context.Background(), "SET SESSION sql_log_bin = 0", "GRANT "+privilege+" ON *.* TO "+user))
	}
}

// run executes the statements on one connection.
func run(statements ...string) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		for _, s := range statements {
			if _, err := conn.ExecContext(ctx, s); err != nil {
				verb, _, _ := strings.Cut(s, " ")
				return fmt.Errorf("%s: %w", verb, err)
			}
		}
		return nil
	}
}

// see wants a row with text in one of its columns.
func see(text, query string) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return err
			}
			if slices.ContainsFunc(values, func(v sql.NullString) bool { return strings.Contains(v.String, text) }) {
				return nil
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return fmt.Errorf("%q in %s: %w", text, query, errUnseen)
	}
}

// kill ends a session that victim has opened.
func kill(t *testing.T, on *sandbox.Node, victim sandbox.Account) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		other, err := on.Open(victim)
		require.NoError(t, err)
		defer other.Close()
		session, err := other.Conn(ctx)
		require.NoError(t, err)
		defer session.Close()
		var id uint64
		require.NoError(t, session.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id))
		_, err = db.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
		return err
	}
}

func cloneFrom(c *sandbox.Cluster) string {
	donor := c.Accounts.Donor // letters and digits: nothing to quote
	return fmt.Sprintf("CLONE INSTANCE FROM '%s'@'127.0.0.1':%d IDENTIFIED BY '%s'", donor.User, c.Primary().PeerPort(), donor.Password.Reveal())
}

// rehearsal is done when the clone got as far as the recipient's super_read_only.
func rehearsal(c *sandbox.Cluster) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		err := run(cloneFrom(c))(ctx, db)
		var refused *mysql.MySQLError
		if errors.As(err, &refused) && refused.Number == 1290 {
			return nil
		}
		return err
	}
}

// probe is done when the donor refused an account that does not exist: a clone into a directory that nobody can make, which erases nothing.
func probe(c *sandbox.Cluster) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		statement := fmt.Sprintf("CLONE INSTANCE FROM 'nobody'@'127.0.0.1':%d IDENTIFIED BY 'x' DATA DIRECTORY = '/dev/null/x'", c.Primary().PeerPort())
		err := run(statement)(ctx, db)
		if err != nil && strings.Contains(err.Error(), "Connect failed: 1045") {
			return nil
		}
		return err
	}
}

func assertNumber(t *testing.T, want uint16, err error) {
	t.Helper()
	var refused *mysql.MySQLError
	if assert.ErrorAs(t, err, &refused) {
		assert.Equal(t, want, refused.Number, "%v", err)
	}
}

func serverVersion(t *testing.T, c *sandbox.Cluster) node.Version {
	t.Helper()
	text, err := c.Primary().QueryString(t.Context(), "SELECT @@version")
	require.NoError(t, err)
	v, err := node.ParseVersion(text)
	require.NoError(t, err)
	return v
}
