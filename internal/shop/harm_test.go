package shop_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/shop"
)

// differing returns the tables that differ once both servers rest at the same transaction.
func differing(t *testing.T, p pair) []string {
	t.Helper()
	resume, err := shop.PauseEvents(t.Context(), p.primary)
	require.NoError(t, err)
	defer func() { require.NoError(t, resume(t.Context())) }()
	catchUp(t, p)
	a, err := shop.Checksums(t.Context(), p.primary)
	require.NoError(t, err)
	b, err := shop.Checksums(t.Context(), p.secondary)
	require.NoError(t, err)
	var tables []string
	for _, d := range shop.Diff(a, b) {
		tables = append(tables, d.Table)
	}
	return tables
}

func errant(t *testing.T, p pair) string {
	t.Helper()
	executed := value[string](t, p.secondary, "SELECT @@GLOBAL.gtid_executed")
	return value[string](t, p.primary, "SELECT REPLACE(GTID_SUBTRACT(?, @@GLOBAL.gtid_executed), '\n', '')", executed)
}

// xorOfClicks is the weak sum that the twins must deceive.
const xorOfClicks = "SELECT CONCAT(COUNT(*), '/', BIT_XOR(CRC32(CONCAT_WS('#', visit, target, COALESCE(x, 'n'), COALESCE(y, 'n'))))) FROM shop.clicks"

// TestHarms does one harm after the other to one secondary, with the writer at work: each must show, alone, and none
// may be mended by the primary's writes nor stop replication, until the last, which is to stop it.
func TestHarms(t *testing.T) {
	p := newPair(t)
	require.NoError(t, shop.Create(t.Context(), p.primary, shop.Options{Bytes: small, Password: appPassword}))
	catchUp(t, p)
	require.Empty(t, differing(t, p))

	harms := []struct {
		name string
		do   func(context.Context, *sql.DB) (shop.Harm, error)
		seen func(t *testing.T) // more than the table
	}{
		{"silent", shop.HarmSilentChange, nil},
		{"float", shop.HarmFloatBit, func(t *testing.T) {
			const printed, exact = "SELECT CONCAT(area) FROM shop.stores ORDER BY id DESC LIMIT 1", "SELECT area + 0e0 FROM shop.stores ORDER BY id DESC LIMIT 1"
			assert.Equal(t, value[string](t, p.primary, printed), value[string](t, p.secondary, printed))
			assert.NotEqual(t, value[string](t, p.primary, exact), value[string](t, p.secondary, exact))
		}},
		{"twins", shop.HarmSilentTwins, func(t *testing.T) {
			assert.Equal(t, value[string](t, p.primary, xorOfClicks), value[string](t, p.secondary, xorOfClicks))
		}},
		{"view", shop.HarmSilentView, func(t *testing.T) {
			const text = "SELECT view_definition FROM information_schema.views WHERE table_name = 'best_prices'"
			assert.Contains(t, value[string](t, p.primary, text), "min(")
			assert.Contains(t, value[string](t, p.secondary, text), "max(")
		}},
		{"grant", shop.HarmSilentGrant, func(t *testing.T) {
			const right = "SELECT table_priv LIKE '%Delete%' FROM mysql.tables_priv WHERE user = 'shop_report' AND table_name = 'customers'"
			assert.Zero(t, value[int](t, p.primary, right))
			assert.Equal(t, 1, value[int](t, p.secondary, right))
		}},
		{"drop", shop.HarmSilentDrop, nil},
	}
	var expected []string
	for _, h := range harms {
		w := shop.NewWriter(p.app, shop.WriterOptions{PerSecond: 500})
		require.NoError(t, w.Start(t.Context()))
		harm, err := h.do(t.Context(), p.secondary)
		require.NoError(t, err, h.name)
		eventually(t, "writes after the harm", func() bool { return w.Stats().Transactions > 200 })
		stats := w.Stop()
		require.Zero(t, stats.Failures, stats.LastFailure)

		assert.Equal(t, h.name, harm.Name)
		assert.NotEmpty(t, harm.Sentence)
		assert.Empty(t, harm.Errant)
		if harm.Table != "" {
			expected = append(expected, harm.Table)
		}
		assert.ElementsMatch(t, expected, differing(t, p), h.name)
		assert.Empty(t, errant(t, p), "%s left a GTID", h.name)
		assert.Equal(t, 1, value[int](t, p.secondary, "SELECT @@GLOBAL.super_read_only"))
		if h.seen != nil {
			h.seen(t)
		}
	}

	t.Run("a harm that finds nothing to harm says so", func(t *testing.T) {
		_, err := shop.HarmSilentDrop(t.Context(), p.secondary)
		assert.ErrorContains(t, err, "Unknown table")
		assert.Equal(t, 1, value[int](t, p.secondary, "SELECT @@GLOBAL.super_read_only"))
	})

	t.Run("errant", func(t *testing.T) {
		w := shop.NewWriter(p.app, shop.WriterOptions{PerSecond: 500})
		require.NoError(t, w.Start(t.Context()))
		harm, err := shop.HarmErrantWrites(t.Context(), p.secondary)
		require.NoError(t, err)
		require.Zero(t, w.Stop().Failures)
		assert.Contains(t, harm.Sentence, "6 transactions")
		assert.Equal(t, value[string](t, p.secondary, "SELECT CONCAT(@@server_uuid, ':1-6')"), harm.Errant)
		tables := differing(t, p) // which also lets the secondary catch up
		assert.Equal(t, harm.Errant, errant(t, p))
		assert.Contains(t, tables, "shop_archive.documents")
		assert.Contains(t, tables, "shop_archive.written_by_mistake")
		assert.Equal(t, 1, value[int](t, p.secondary, "SELECT @@GLOBAL.super_read_only"))
	})

	t.Run("behind", func(t *testing.T) {
		w := shop.NewWriter(p.app, shop.WriterOptions{PerSecond: 500})
		require.NoError(t, w.Start(t.Context()))
		harm, err := shop.HarmFallBehind(t.Context(), p.primary, p.secondary)
		require.NoError(t, err)
		require.Zero(t, w.Stop().Failures)
		assert.NotEmpty(t, harm.Sentence)
		executed := value[string](t, p.secondary, "SELECT @@GLOBAL.gtid_executed")
		assert.NotEmpty(t, value[string](t, p.primary, "SELECT GTID_SUBTRACT(@@GLOBAL.gtid_purged, ?)", executed))

		_, err = p.secondary.ExecContext(t.Context(), "START REPLICA")
		require.NoError(t, err)
		eventually(t, "replication fails for want of binary logs", func() bool {
			return value[int](t, p.secondary, "SELECT COUNT(*) FROM performance_schema.replication_connection_status WHERE last_error_message LIKE '%purged required binary logs%'") == 1
		})
	})
}

func TestDiff(t *testing.T) {
	one, two := int64(1), int64(2)
	assert.Equal(t, []shop.Difference{
		{Table: "s.changed", A: &one, B: &two},
		{Table: "s.here", A: &one},
		{Table: "s.there", B: &two},
	}, shop.Diff(shop.Sums{"s.same": 1, "s.changed": 1, "s.here": 1}, shop.Sums{"s.same": 1, "s.changed": 2, "s.there": 2}))
	assert.Equal(t, "s.here: 1, no such table", shop.Difference{Table: "s.here", A: &one}.String())
	assert.Empty(t, shop.Diff(nil, nil))
}
