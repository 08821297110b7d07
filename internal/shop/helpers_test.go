package shop_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/shop"
)

// small keeps a load below a second.
const small = 2_000_000

// appPassword holds what a quoting mistake would trip over.
const appPassword = `pass'wo\rd"%`

// pair is a primary and its secondary, as root, and the primary once more as the shop's application.
type pair struct {
	primary, secondary, app *sql.DB
	cluster                 *sandbox.Cluster
}

func newPair(t *testing.T) pair {
	t.Helper()
	c := sandbox.ForTest(t, sandbox.Options{Nodes: sandbox.Nodes(2)})
	app, err := c.Primary().Open(sandbox.Account{User: shop.AppUser, Password: inventory.NewSecret(appPassword)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, app.Close()) })
	return pair{primary: root(t, c.Primary()), secondary: root(t, c.Secondaries()[0]), app: app, cluster: c}
}

func newServer(t *testing.T) *sql.DB {
	t.Helper()
	return root(t, sandbox.ForTest(t, sandbox.Options{Nodes: sandbox.Nodes(1)}).Primary())
}

func root(t *testing.T, n *sandbox.Node) *sql.DB {
	t.Helper()
	db, err := n.DB()
	require.NoError(t, err)
	return db
}

func value[T any](t *testing.T, db *sql.DB, query string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, db.QueryRowContext(t.Context(), query, args...).Scan(&v), query)
	return v
}

// catchUp waits until the secondary has executed what the primary has by now.
func catchUp(t *testing.T, p pair) {
	t.Helper()
	set := value[string](t, p.primary, "SELECT @@GLOBAL.gtid_executed")
	timedOut := value[int](t, p.secondary, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 120)", set)
	state := value[string](t, p.secondary, `SELECT COALESCE(GROUP_CONCAT(last_error_message), '') FROM performance_schema.replication_applier_status_by_worker`)
	require.Zero(t, timedOut, "the secondary did not catch up: %s", state)
}

// eventually asks until the answer is yes. Its limit is only there to name what a hanging test waits for.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for !ask() {
		select {
		case <-ctx.Done():
			require.Fail(t, "never happened: "+what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
