package shop_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/shop"
)

// written are tables that a writer changes, by what changes in them.
var written = []string{
	"shop.carts", "shop.categories", "shop.clicks", "shop.counters", "shop.customers", "shop.ledger", "shop.order_lines", "shop.orders",
	"shop.page_views", "shop.product_photos", "shop.products", "shop.stock", "shop.stores", "shop_archive.manuals",
	"shop_archive.orders_gone", "shop_archive.price_history", "shop_archive.returns",
}

// unwritten are tables that a writer must leave alone, or it would mend harms.
var unwritten = []string{"shop.gift cards", "shop_archive.documents", "shop_archive.tax rates 2024"}

func TestASecondaryFollowsTheWriterExactly(t *testing.T) {
	p := newPair(t)
	require.NoError(t, shop.Create(t.Context(), p.primary, shop.Options{Bytes: small, Password: appPassword}))
	before, err := shop.Checksums(t.Context(), p.primary)
	require.NoError(t, err)
	storeBefore := value[string](t, p.primary, "SELECT CONCAT_WS('/', HEX(place), opens, area) FROM shop.stores ORDER BY id DESC LIMIT 1")

	w := shop.NewWriter(p.app, shop.WriterOptions{Connections: 4, PerSecond: 2000})
	require.NoError(t, w.Start(t.Context()))
	assert.ErrorContains(t, w.Start(t.Context()), "started already")
	eventually(t, "every kind of transaction", func() bool {
		s := w.Stats()
		return len(s.Deeds) == 13 && s.Transactions > 500
	})

	// Every connection is cut under way, and then the server crashes: nothing acknowledged may be lost, nothing done twice.
	for _, harm := range []func(*testing.T, pair){cutConnections, crash} {
		seen := w.Stats().Transactions
		harm(t, p)
		eventually(t, "the writer goes on", func() bool { return w.Stats().Transactions > seen+100 })
	}
	stats := w.Stop()
	assert.Equal(t, stats, w.Stop(), "stopping twice is stopping once")
	assert.Positive(t, stats.Failures, "the connections were cut")
	assert.Positive(t, stats.MaxLatency)
	assert.Positive(t, stats.Elapsed)

	_, err = shop.PauseEvents(t.Context(), p.primary)
	require.NoError(t, err)
	// A primary that is away for longer than the channel's retries (10 by default on 9.7) is given up by its secondary.
	_, err = p.secondary.ExecContext(t.Context(), "START REPLICA")
	require.NoError(t, err)
	catchUp(t, p)
	require.NoError(t, shop.CheckLedger(t.Context(), p.primary, stats))
	require.NoError(t, shop.CheckLedger(t.Context(), p.secondary, stats))
	onPrimary, err := shop.Checksums(t.Context(), p.primary)
	require.NoError(t, err)
	onSecondary, err := shop.Checksums(t.Context(), p.secondary)
	require.NoError(t, err)
	assert.Len(t, onSecondary, 21)
	assert.Empty(t, shop.Diff(onPrimary, onSecondary))

	changed := map[string]bool{}
	for _, d := range shop.Diff(before, onPrimary) {
		changed[d.Table] = true
	}
	for _, table := range written {
		assert.True(t, changed[table], "%s was not written", table)
	}
	for _, table := range unwritten {
		assert.False(t, changed[table], "%s was written", table)
	}
	assert.Equal(t, storeBefore, value[string](t, p.primary, "SELECT CONCAT_WS('/', HEX(place), opens, area) FROM shop.stores ORDER BY id DESC LIMIT 1"))

	event := "SELECT CONCAT(definer, ' ', status) FROM information_schema.events WHERE event_name = 'heartbeat'"
	assert.Regexp(t, `^shop_events@localhost (SLAVESIDE|REPLICA_SIDE)_DISABLED$`, value[string](t, p.secondary, event))
	assert.Zero(t, value[int](t, p.secondary, "SELECT COUNT(*) FROM shop.heartbeats WHERE note LIKE CONCAT('%', @@server_uuid)"))

	// The proof must be able to fail.
	_, err = p.primary.ExecContext(t.Context(), "DELETE FROM shop.ledger WHERE run = UNHEX(?) AND worker = 1 AND seq = 2", stats.Run)
	require.NoError(t, err)
	assert.ErrorContains(t, shop.CheckLedger(t.Context(), p.primary, stats), "worker 1 of run "+stats.Run)
}

func TestAWriterNeedsAShop(t *testing.T) {
	db := newServer(t)
	assert.ErrorContains(t, shop.NewWriter(db, shop.WriterOptions{}).Start(t.Context()), "call Create first")
	assert.Zero(t, shop.NewWriter(db, shop.WriterOptions{}).Stop().Transactions, "one that never began can be stopped")
	assert.ErrorContains(t, shop.NewWriter(db, shop.WriterOptions{Connections: -1}).Start(t.Context()), "-1 connections")
}

func TestAWriterStopsThoughItsServerIsGone(t *testing.T) {
	p := newPair(t)
	require.NoError(t, shop.Create(t.Context(), p.primary, shop.Options{Bytes: small, Password: appPassword}))
	w := shop.NewWriter(p.app, shop.WriterOptions{PerSecond: 1000})
	require.NoError(t, w.Start(t.Context()))
	eventually(t, "writes", func() bool { return w.Stats().Transactions > 50 })
	require.NoError(t, p.cluster.Primary().Stop(t.Context()))
	stats := w.Stop()
	assert.Positive(t, stats.Failures)
	assert.NotEmpty(t, stats.LastFailure)

	require.NoError(t, p.cluster.Primary().Start())
	require.NoError(t, p.cluster.Primary().WaitReady(t.Context()))
	assert.NoError(t, shop.CheckLedger(t.Context(), p.primary, stats))
}

// cutConnections kills every session of the writer on the server.
func cutConnections(t *testing.T, p pair) {
	t.Helper()
	rows, err := p.primary.QueryContext(t.Context(), "SELECT processlist_id FROM performance_schema.threads WHERE processlist_user = ?", shop.AppUser)
	require.NoError(t, err)
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	cut := 0
	for _, id := range ids {
		if _, err := p.primary.ExecContext(t.Context(), fmt.Sprint("KILL ", id)); err == nil { // else it ended by itself
			cut++
		}
	}
	require.Positive(t, cut)
}

// crash kills the primary, which its supervisor then starts again.
func crash(t *testing.T, p pair) {
	t.Helper()
	require.NoError(t, p.cluster.Primary().Kill9())
}
