package shop_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/shop"
)

// kinds are the kinds of object that the shop promises, each with a query that counts them.
var kinds = map[string]string{
	"foreign keys":                 "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema LIKE 'shop%'",
	"foreign key between schemas":  "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema <> unique_constraint_schema AND constraint_schema LIKE 'shop%'",
	"foreign key to itself":        "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE table_name = referenced_table_name AND constraint_schema LIKE 'shop%'",
	"cascades":                     "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE delete_rule = 'CASCADE' AND constraint_schema LIKE 'shop%'",
	"stored generated columns":     "SELECT COUNT(*) FROM information_schema.columns WHERE extra LIKE '%STORED GENERATED%' AND table_schema LIKE 'shop%'",
	"virtual generated columns":    "SELECT COUNT(*) FROM information_schema.columns WHERE extra LIKE '%VIRTUAL GENERATED%' AND table_schema LIKE 'shop%'",
	"invisible columns":            "SELECT COUNT(*) FROM information_schema.columns WHERE extra LIKE '%INVISIBLE%' AND table_schema LIKE 'shop%'",
	"columns set by an update":     "SELECT COUNT(*) FROM information_schema.columns WHERE extra LIKE '%on update CURRENT_TIMESTAMP(6)%' AND table_schema LIKE 'shop%'",
	"unsigned bigint keys":         "SELECT COUNT(*) FROM information_schema.columns WHERE column_type = 'bigint unsigned' AND column_key = 'PRI' AND table_schema LIKE 'shop%'",
	"values beyond a signed one":   "SELECT COUNT(*) FROM shop.counters WHERE id > 9223372036854775807 AND hits > 9223372036854775807 AND delta < 0",
	"binary(16) keys":              "SELECT COUNT(*) FROM information_schema.columns WHERE column_type = 'binary(16)' AND column_key = 'PRI' AND table_schema LIKE 'shop%'",
	"points with an SRID":          "SELECT COUNT(*) FROM information_schema.columns WHERE data_type = 'point' AND srs_id = 4326 AND table_schema LIKE 'shop%'",
	"spatial indexes":              "SELECT COUNT(*) FROM information_schema.statistics WHERE index_type = 'SPATIAL' AND table_schema LIKE 'shop%'",
	"fulltext indexes":             "SELECT COUNT(*) FROM information_schema.statistics WHERE index_type = 'FULLTEXT' AND table_schema LIKE 'shop%'",
	"words found by fulltext":      "SELECT COUNT(*) FROM shop.products WHERE MATCH (name, description) AGAINST ('kettle')",
	"functional indexes":           "SELECT COUNT(*) FROM information_schema.statistics WHERE expression LIKE '%lower%' AND table_schema LIKE 'shop%'",
	"multi-valued indexes":         "SELECT COUNT(*) FROM information_schema.statistics WHERE expression LIKE '%array%' AND table_schema LIKE 'shop%'",
	"prefix indexes":               "SELECT COUNT(*) FROM information_schema.statistics WHERE sub_part IS NOT NULL AND index_type = 'BTREE' AND table_schema LIKE 'shop%'",
	"descending indexes":           "SELECT COUNT(*) FROM information_schema.statistics WHERE collation = 'D' AND table_schema LIKE 'shop%'",
	"check constraints":            "SELECT COUNT(*) FROM information_schema.check_constraints WHERE constraint_schema LIKE 'shop%'",
	"range partitions":             "SELECT COUNT(*) FROM information_schema.partitions WHERE partition_method = 'RANGE COLUMNS' AND table_rows > 0 AND table_schema LIKE 'shop%'",
	"hash partitions":              "SELECT COUNT(*) FROM information_schema.partitions WHERE partition_method = 'HASH' AND table_schema LIKE 'shop%'",
	"compressed tables":            "SELECT COUNT(*) FROM information_schema.tables WHERE row_format = 'Compressed' AND table_schema LIKE 'shop%'",
	"names that need quotes":       "SELECT COUNT(*) FROM information_schema.columns WHERE table_name = 'gift cards' AND column_name IN ('card no.', 'a `balance`', 'Größe')",
	"views":                        "SELECT COUNT(*) FROM information_schema.views WHERE definer = 'shop_owner@localhost' AND table_schema LIKE 'shop%'",
	"triggers":                     "SELECT COUNT(*) FROM information_schema.triggers WHERE definer = 'shop_owner@localhost' AND trigger_schema LIKE 'shop%'",
	"procedures":                   "SELECT COUNT(*) FROM information_schema.routines WHERE routine_type = 'PROCEDURE' AND routine_schema LIKE 'shop%'",
	"functions":                    "SELECT COUNT(*) FROM information_schema.routines WHERE routine_type = 'FUNCTION' AND routine_schema LIKE 'shop%'",
	"events of their own account":  "SELECT COUNT(*) FROM information_schema.events WHERE definer = 'shop_events@localhost' AND status = 'ENABLED' AND event_schema LIKE 'shop%'",
	"roles within roles":           "SELECT COUNT(*) FROM mysql.role_edges WHERE from_user = 'shop_read' AND to_user = 'shop_write'",
	"default roles":                "SELECT COUNT(*) FROM mysql.default_roles WHERE user = 'shop_app' AND default_role_user = 'shop_write'",
	"column grants":                "SELECT COUNT(*) FROM information_schema.column_privileges WHERE table_name = 'customers' AND grantee LIKE '%shop_report%'",
	"routine grants":               "SELECT COUNT(*) FROM mysql.procs_priv WHERE user = 'shop_report'",
	"locked definers":              "SELECT COUNT(*) FROM mysql.user WHERE account_locked = 'Y' AND user IN ('shop_owner', 'shop_events')",
	"four-byte characters":         "SELECT COUNT(*) FROM shop.customers WHERE HEX(name) LIKE '%F09F%'",
	"microseconds":                 "SELECT COUNT(*) FROM shop.orders WHERE MICROSECOND(placed_at) % 1000 <> 0",
	"rows that are equal":          "SELECT COUNT(*) FROM (SELECT 1 FROM shop.clicks GROUP BY visit, target, x, y HAVING COUNT(*) > 1) AS twins",
	"nulls":                        "SELECT COUNT(*) FROM shop.customers WHERE preferences IS NULL AND born IS NOT NULL",
	"json with non-ascii":          "SELECT COUNT(*) FROM shop.products WHERE colour = 'grün'",
	"blobs with zero bytes":        "SELECT COUNT(*) FROM shop.product_photos WHERE INSTR(body, 0x00) > 0",
	"tables without a primary key": "SELECT COUNT(*) FROM information_schema.tables t WHERE table_schema LIKE 'shop%' AND table_type = 'BASE TABLE' AND NOT EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.index_name = 'PRIMARY')",
	"composite keys":               "SELECT COUNT(*) FROM information_schema.statistics WHERE index_name = 'PRIMARY' AND seq_in_index = 2 AND table_schema LIKE 'shop%'",
}

// columnTypes are the types that at least one column must have.
var columnTypes = []string{
	"bigint", "binary", "bit", "char", "date", "datetime", "decimal", "double", "enum", "float", "int", "json", "longblob",
	"longtext", "mediumblob", "mediumint", "mediumtext", "point", "set", "smallint", "text", "time", "timestamp", "tinyint",
	"tinytext", "varbinary", "varchar", "year",
}

// dangling counts rows that point to nothing: the load does not check foreign keys, so this does.
var dangling = []string{
	"SELECT COUNT(*) FROM shop.categories a LEFT JOIN shop.categories b ON b.id = a.parent_id WHERE a.parent_id IS NOT NULL AND b.id IS NULL",
	"SELECT COUNT(*) FROM shop.products a LEFT JOIN shop.categories b ON b.id = a.category_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.product_photos a LEFT JOIN shop.products b ON b.id = a.product_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.stock a LEFT JOIN shop.products b ON b.id = a.product_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.stock a LEFT JOIN shop.stores b ON b.id = a.store_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.orders a LEFT JOIN shop.customers b ON b.id = a.customer_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.orders a LEFT JOIN shop.stores b ON b.id = a.store_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.order_lines a LEFT JOIN shop.orders b ON b.id = a.order_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.order_lines a LEFT JOIN shop.products b ON b.id = a.product_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop.carts a LEFT JOIN shop.customers b ON b.id = a.customer_id WHERE b.id IS NULL",
	"SELECT COUNT(*) FROM shop_archive.returns a LEFT JOIN shop.orders b ON b.id = a.order_id WHERE a.order_id IS NOT NULL AND b.id IS NULL",
	"SELECT COUNT(*) FROM shop.orders o WHERE o.total <> (SELECT SUM(l.amount) FROM shop.order_lines l WHERE l.order_id = o.id)",
	"SELECT COUNT(*) FROM shop.orders o WHERE (SELECT COUNT(*) FROM shop.order_lines l WHERE l.order_id = o.id) <> 3",
}

func TestCreateMakesEveryKindOfObject(t *testing.T) {
	db := newServer(t)
	require.NoError(t, shop.Create(t.Context(), db, shop.Options{Bytes: small, Password: appPassword}))
	_, err := db.ExecContext(t.Context(), "ANALYZE TABLE shop.page_views")
	require.NoError(t, err)

	for kind, query := range kinds {
		assert.Positive(t, value[int](t, db, query), kind)
	}
	for _, name := range columnTypes {
		n := value[int](t, db, "SELECT COUNT(*) FROM information_schema.columns WHERE data_type = ? AND table_schema LIKE 'shop%'", name)
		assert.Positive(t, n, "columns of type %s", name)
	}
	for _, query := range dangling {
		assert.Zero(t, value[int](t, db, query), query)
	}
	empty := map[string]bool{"shop.heartbeats": true, "shop.ledger": true, "shop_archive.orders_gone": true}
	sums, err := shop.Checksums(t.Context(), db)
	require.NoError(t, err)
	assert.Len(t, sums, 21)
	for table, sum := range sums {
		assert.True(t, sum != 0 || empty[table], "%s is empty", table)
	}

	before := value[int](t, db, "SELECT COUNT(*) FROM shop.heartbeats")
	eventually(t, "the event writes by itself", func() bool {
		return value[int](t, db, "SELECT COUNT(*) FROM shop.heartbeats") > before+1
	})
	resume, err := shop.PauseEvents(t.Context(), db)
	require.NoError(t, err)
	assert.Equal(t, "OFF", value[string](t, db, "SELECT @@GLOBAL.event_scheduler"))
	require.NoError(t, resume(t.Context()))
	assert.Equal(t, "ON", value[string](t, db, "SELECT @@GLOBAL.event_scheduler"))

	err = shop.Create(t.Context(), db, shop.Options{Bytes: small})
	assert.ErrorContains(t, err, "shop,shop_archive already")
	assert.ErrorContains(t, shop.Create(t.Context(), db, shop.Options{Bytes: -1}), "-1 bytes")
}

func TestTwoLoadsOfOneSizeAreEqual(t *testing.T) {
	db := newServer(t)
	var loads []shop.Sums
	for range 2 {
		for _, statement := range []string{
			"DROP DATABASE IF EXISTS shop_archive", "DROP DATABASE IF EXISTS shop", "DROP ROLE IF EXISTS shop_read, shop_write",
			"DROP USER IF EXISTS shop_app, shop_report, shop_owner@localhost, shop_events@localhost",
		} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		require.NoError(t, shop.Create(t.Context(), db, shop.Options{Bytes: small}))
		sums, err := shop.Checksums(t.Context(), db)
		require.NoError(t, err)
		delete(sums, "shop.heartbeats")
		loads = append(loads, sums)
	}
	assert.Len(t, loads[0], 20)
	assert.Empty(t, shop.Diff(loads[0], loads[1]))
	assert.Equal(t, 2, value[int](t, db, "SELECT COUNT(*) FROM mysql.user WHERE user IN ('shop_app', 'shop_report') AND account_locked = 'Y'"),
		"without a password nobody logs in")
}
