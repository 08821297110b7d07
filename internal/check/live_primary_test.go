package check_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// session is a connection to the primary that stays open until the test's end, after which nothing of it is left.
func session(t *testing.T, statements ...string) *sql.Conn {
	t.Helper()
	db, err := servers.Primary().DB()
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { giveUp(t, conn) })
	for _, s := range statements {
		_, err := conn.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
	return conn
}

// giveUp closes a connection with all that is open on it, instead of giving it back to the pool.
func giveUp(t *testing.T, conn *sql.Conn) {
	t.Helper()
	require.ErrorIs(t, conn.Raw(func(any) error { return driver.ErrBadConn }), driver.ErrBadConn)
}

// during runs a statement on the primary for as long as the case lasts, and returns once it is seen to run.
func during(t *testing.T, statement, seen string) {
	t.Helper()
	done := make(chan error, 1)
	conn := session(t)
	var id string
	require.NoError(t, conn.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	go func() {
		_, err := conn.ExecContext(context.Background(), statement)
		done <- err
	}()
	t.Cleanup(func() {
		as(t, "db1", "KILL QUERY "+id)
		<-done
	})
	require.Eventually(t, func() bool {
		return ask(t, "db1", "SELECT COUNT(*) FROM performance_schema.processlist WHERE ID = "+id+" AND STATE = '"+seen+"'") == "1"
	}, time.Minute, 10*time.Millisecond)
}

// livePrimaryCases are primaries that are not well, or not well enough for this hour.
func livePrimaryCases() []live {
	const fail, warn = contract.VerdictFail, contract.VerdictWarn
	on := func(name string, statements ...string) func(*testing.T) {
		return func(t *testing.T) { as(t, name, statements...) }
	}
	unlogged := func(statements ...string) func(*testing.T) {
		return on("db1", append([]string{"SET SESSION sql_log_bin = 0"}, statements...)...)
	}
	return []live{
		{name: "a young primary", code: "primary-uptime", node: "db1", verdict: warn, observed: "it has been up for", remedy: "error log",
			prepare: func(_ *testing.T, l *lab) { l.limits = func(m *check.Limits) { m.Young = 24 * time.Hour } }},
		{name: "DDL on the primary", breaks: func(t *testing.T) {
			session(t, "LOCK INSTANCE FOR BACKUP")
			during(t, "CREATE TABLE kept.w (id INT PRIMARY KEY)", "Waiting for backup lock")
		},
			code: "primary-ddl", node: "db1", verdict: warn, observed: "create_table by root for", remedy: "performance_schema.processlist"},
		{name: "a long transaction", breaks: func(t *testing.T) {
			session(t, "BEGIN", "SELECT * FROM kept.t")
			require.Eventually(t, func() bool { return ask(t, "db1", "SELECT COUNT(*) FROM information_schema.INNODB_TRX") == "1" }, time.Minute, 200*time.Millisecond)
		}, prepare: func(_ *testing.T, l *lab) { l.limits = func(m *check.Limits) { m.LongTransaction = 0 } },
			code: "long-transactions", node: "db1", verdict: warn, observed: "open transactions: one of root for", remedy: "KILL "},
		{name: "a prepared transaction of nobody", breaks: func(t *testing.T) {
			db, err := servers.Primary().DB()
			require.NoError(t, err)
			conn, err := db.Conn(t.Context())
			require.NoError(t, err)
			for _, s := range []string{"SET SESSION sql_log_bin = 0", "XA START 'x'", "INSERT INTO kept.t VALUES (3, 'c')", "XA END 'x'", "XA PREPARE 'x'"} {
				_, err := conn.ExecContext(t.Context(), s)
				require.NoError(t, err)
			}
			giveUp(t, conn)
			// Until its session has ended, the transaction is that session's. InnoDB renews its list only when nobody has read it for 0.1 s.
			require.Eventually(t, func() bool {
				return ask(t, "db1", "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = 0") == "1"
			}, time.Minute, 200*time.Millisecond)
		}, undo: func(t *testing.T) { unlogged("XA ROLLBACK 'x'")(t) },
			prepare: func(_ *testing.T, l *lab) { l.limits = func(m *check.Limits) { m.LongTransaction = 0 } },
			code:    "long-transactions", node: "db1", verdict: warn, observed: "one of no session for", remedy: "XA RECOVER"},
		{name: "a busy primary", breaks: func(t *testing.T) {
			during(t, "DO SLEEP(600)", "User sleep")
			during(t, "DO SLEEP(600)", "User sleep")
		}, prepare: func(_ *testing.T, l *lab) { l.limits = func(m *check.Limits) { m.AtWork = 1 } },
			code: "primary-load", node: "db1", verdict: warn, observed: "2 sessions at work", remedy: `"quiet"`},
		{name: "errors in the primary's log", breaks: func(t *testing.T) {
			// A receiver without a user says at once that it cannot begin.
			as(t, "db1", "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=60", "START REPLICA IO_THREAD")
			require.Eventually(t, func() bool {
				return ask(t, "db1", "SELECT COUNT(*) FROM performance_schema.error_log WHERE PRIO = 'Error'") != "0"
			}, time.Minute, 20*time.Millisecond)
			as(t, "db1", "STOP REPLICA", "RESET REPLICA ALL")
		}, code: "primary-errors", node: "db1", verdict: warn, observed: " of Repl (", remedy: "FROM performance_schema.error_log"},
		{name: "a replica that the inventory does not name", prepare: func(_ *testing.T, l *lab) { l.cluster.Nodes = l.cluster.Nodes[:2] },
			code: "unlisted-replicas", node: "db1", verdict: warn, observed: "it also feeds server 3", remedy: "clusters.shop.nodes"},
		{name: "the primary is a replica itself", breaks: on("db1", "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_AUTO_POSITION=1"),
			undo: on("db1", "RESET REPLICA ALL"), code: "one-primary", node: "db1", verdict: fail, observed: "replicates from 127.0.0.1:1", remedy: "clusters.shop.primary"},
		{name: "an offline primary", breaks: on("db1", "SET GLOBAL offline_mode = ON"), undo: on("db1", "SET GLOBAL offline_mode = OFF"),
			code: "primary-open", node: "db1", verdict: fail, observed: "offline_mode = ON", remedy: "SET GLOBAL offline_mode = OFF", othersMayAlert: true},
		{name: "binary logs that go too soon", breaks: on("db1", "SET GLOBAL binlog_expire_logs_seconds = 5"), undo: on("db1", "SET GLOBAL binlog_expire_logs_seconds = DEFAULT"),
			code: "binary-logs-last", node: "db1", verdict: fail, observed: "binary logs are kept for 5 s", remedy: "SET PERSIST binlog_expire_logs_seconds = 86400;"},
		{name: "small packets on the primary", breaks: on("db1", "SET GLOBAL max_allowed_packet = 1048576"), undo: on("db1", "SET GLOBAL max_allowed_packet = 67108864"),
			code: "packet-size", node: "db1", verdict: fail, observed: "1048576", remedy: "SET PERSIST max_allowed_packet"},
		{name: "a plugin of the primary alone", breaks: unlogged("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'"), undo: unlogged("UNINSTALL PLUGIN rpl_semi_sync_source"),
			code: "plugins-loadable", node: "db2", verdict: warn, observed: "rpl_semi_sync_source (semisync_source.so)", remedy: "plugin_dir"},
		{name: "acknowledgements that a resync would take away", breaks: unlogged("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
			"SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = 2", "SET GLOBAL rpl_semi_sync_source_enabled = ON"),
			undo: unlogged("SET GLOBAL rpl_semi_sync_source_enabled = OFF", "UNINSTALL PLUGIN rpl_semi_sync_source"),
			code: "serving-floor", verdict: fail, observed: "fewer than 2", remedy: "rpl_semi_sync_source"},
		// Which makes InnoDB's own list unreadable.
		{name: "a long transaction with a statement of books", breaks: func(t *testing.T) {
			during(t, "SELECT '📚', SLEEP(600) FROM kept.t", "User sleep")
			require.Eventually(t, func() bool {
				_, err := servers.Primary().QueryString(t.Context(), "SELECT COUNT(*) FROM information_schema.INNODB_TRX")
				return err != nil && strings.Contains(err.Error(), "3854")
			}, time.Minute, 200*time.Millisecond)
		},
			prepare: func(_ *testing.T, l *lab) { l.limits = func(m *check.Limits) { m.LongTransaction = 0 } },
			code:    "long-transactions", node: "db1", verdict: warn, observed: "open transactions: one of root for", remedy: "KILL "},
		{name: "a floor of all", prepare: func(_ *testing.T, l *lab) { two := 2; l.request.MinServing = &two },
			code: "serving-floor", verdict: fail, observed: "in service: 2", remedy: `"minServing": 1`},
		{name: "no clone plugin on the primary", breaks: unlogged("UNINSTALL PLUGIN clone"),
			undo: unlogged("INSTALL PLUGIN clone SONAME 'mysql_clone.so'", "DELETE FROM mysql.plugin WHERE name = 'clone'"),
			code: "clone-plugin", node: "db1", verdict: fail, observed: "not loaded", remedy: "INSTALL PLUGIN clone"},
	}
}

// TestAPrimaryThatRestartsMeanwhile: one node takes long to answer, and when it has, the primary is no longer the process that was seen.
func TestAPrimaryThatRestartsMeanwhile(t *testing.T) {
	t.Cleanup(func() { connected(t) })
	primary, slow := servers.Primary(), servers.Node("db3")
	l := newLab(t)
	// A restart can only be told from an uptime that it shortens.
	require.Eventually(t, func() bool {
		return ask(t, "db1", "SELECT VARIABLE_VALUE > 3 FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'") == "1"
	}, time.Minute, 50*time.Millisecond)
	asked := func() int {
		count, err := strconv.Atoi(ask(t, "db1", "SELECT COALESCE(SUM(COUNT_STAR), 0) FROM performance_schema.events_statements_summary_by_user_by_event_name "+
			"WHERE USER = '"+servers.Accounts.Admin.User+"' AND EVENT_NAME = 'statement/sql/show_grants'"))
		require.NoError(t, err)
		return count
	}
	before := asked()
	require.NoError(t, slow.Freeze())
	seen := make(chan *check.Observations, 1)
	go func() {
		o, _ := check.ObserveAll(context.Background(), l.cluster, l.opened, l.request)
		seen <- o
	}()
	// The primary was read when the grants of each account of the run were, which come last.
	require.Eventually(t, func() bool { return asked() >= before+4 }, time.Minute, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		return ask(t, "db1", "SELECT COUNT(*) FROM performance_schema.processlist WHERE USER = '"+servers.Accounts.Admin.User+"' AND COMMAND <> 'Sleep'") == "0"
	}, time.Minute, 10*time.Millisecond)
	killed := primary.PID()
	require.NoError(t, primary.Kill9())
	require.Eventually(t, func() bool { return !primary.Running() || primary.PID() != killed }, time.Minute, 10*time.Millisecond)
	require.NoError(t, primary.WaitReady(t.Context()))
	require.NoError(t, slow.Thaw())
	o := <-seen
	require.NotNil(t, o)
	require.NotNil(t, o.Look, o.NotCompared)
	require.True(t, o.Look.Restarted)
	for _, f := range objections(check.Judge(o)) {
		if f.Code == "primary-uptime" {
			require.Equal(t, contract.VerdictFail, f.Verdict)
			require.Contains(t, f.Observed, "restarted while it was observed")
			return
		}
	}
	t.Fatal("nothing was said of the restart")
}
