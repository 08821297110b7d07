package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// live is one real precondition broken on real servers, and the finding it gives. undo puts the servers back.
type live struct {
	name           string
	breaks, undo   func(*testing.T)
	prepare        func(*testing.T, *lab)
	code, node     string
	verdict        contract.Verdict
	observed       string
	remedy         string
	othersMayAlert bool
}

func liveCases() []live {
	on := func(name string, statements ...string) func(*testing.T) {
		return func(t *testing.T) { as(t, name, statements...) }
	}
	replicated := func(statements ...string) func(*testing.T) {
		return func(t *testing.T) { as(t, "db1", statements...); caughtUp(t) }
	}
	const fail, warn = contract.VerdictFail, contract.VerdictWarn
	unpinned := func(_ *testing.T, l *lab) { l.cluster.Primary = "" }
	cases := []live{
		{name: "wrong password", prepare: func(t *testing.T, l *lab) { l.open(t, "db2", servers.Node("db2").WorkerAddress(), "wrong") },
			code: "node-access", node: "db2", verdict: fail, observed: "access denied", remedy: "ALTER USER 'resync_admin'", othersMayAlert: true},
		{name: "unreachable", prepare: func(t *testing.T, l *lab) { l.open(t, "db2", "127.0.0.1:1", "any") },
			code: "node-reachable", node: "db2", verdict: fail, observed: "unreachable", remedy: `"onUnreachable": "skip"`, othersMayAlert: true},
		{name: "unreachable, skipped", prepare: func(t *testing.T, l *lab) {
			l.open(t, "db2", "127.0.0.1:1", "any")
			zero := 0
			l.request.OnUnreachable, l.request.MinServing = contract.UnreachableSkip, &zero
		}, code: "node-reachable", node: "db2", verdict: warn, observed: "unreachable", remedy: "start mysqld"},
		{name: "primary unreachable", prepare: func(t *testing.T, l *lab) {
			l.open(t, "db1", "127.0.0.1:1", "any")
			l.request.OnUnreachable = contract.UnreachableSkip
		}, code: "node-reachable", node: "db1", verdict: fail, observed: "unreachable", remedy: "start mysqld"},
		{name: "one node", prepare: func(_ *testing.T, l *lab) { l.cluster.Nodes = l.cluster.Nodes[:1] },
			code: "two-nodes", verdict: fail, observed: "1 node", remedy: "clusters.shop.nodes"},
		{name: "one server under two names", prepare: func(t *testing.T, l *lab) {
			l.open(t, "db3", servers.Node("db2").WorkerAddress(), servers.Accounts.Admin.Password.Reveal())
		}, code: "one-server-twice", node: "db3", verdict: fail, observed: "the same as db2", remedy: "inventory"},
		{name: "pin contradicted", prepare: func(_ *testing.T, l *lab) { l.cluster.Primary = "db2" },
			code: "one-primary", node: "db2", verdict: fail, observed: "replicates from 127.0.0.1", remedy: "clusters.shop.primary"},
		{name: "two candidates", prepare: unpinned, breaks: on("db2", "STOP REPLICA", "RESET REPLICA ALL"),
			undo: func(t *testing.T) { follow(t, "db2", "db1") },
			code: "one-primary", verdict: fail, observed: "db1, db2 follow nobody", remedy: "clusters.shop.primary"},
		{name: "no channel, but pinned and of shared history", breaks: on("db2", "STOP REPLICA", "RESET REPLICA ALL"),
			undo: func(t *testing.T) { follow(t, "db2", "db1") },
			code: "follows-primary", node: "db2", verdict: warn, observed: "shares", remedy: "CHANGE REPLICATION SOURCE"},
		{name: "no channel and another history", breaks: on("db2", "STOP REPLICA", "RESET REPLICA ALL", "RESET BINARY LOGS AND GTIDS",
			"SET GLOBAL gtid_purged = '99999999-9999-9999-9999-999999999999:1-7'"),
			undo: func(t *testing.T) { takeHistory(t, "db2"); follow(t, "db2", "db1") },
			code: "follows-primary", node: "db2", verdict: fail, observed: "no transaction in common", remedy: "out of the inventory", othersMayAlert: true},
		{name: "a chain", breaks: func(t *testing.T) { follow(t, "db3", "db2") }, undo: func(t *testing.T) { follow(t, "db3", "db1"); endReaders(t, "db2") },
			code: "follows-primary", node: "db3", verdict: fail, observed: "db2, a secondary itself", remedy: "STOP REPLICA", othersMayAlert: true},
		{name: "feeds another", breaks: func(t *testing.T) { follow(t, "db3", "db2") }, undo: func(t *testing.T) { follow(t, "db3", "db1"); endReaders(t, "db2") },
			code: "feeds-others", node: "db2", verdict: fail, observed: "it feeds server", remedy: "follow the primary", othersMayAlert: true},
		{name: "read-only primary", breaks: on("db1", "SET GLOBAL super_read_only = ON"), undo: on("db1", "SET GLOBAL read_only = OFF"),
			code: "primary-open", node: "db1", verdict: fail, observed: "super_read_only = ON", remedy: "SET GLOBAL super_read_only = OFF"},
		{name: "offline by others", breaks: on("db2", "SET GLOBAL offline_mode = ON"), undo: on("db2", "SET GLOBAL offline_mode = OFF"),
			code: "fence", node: "db2", verdict: fail, observed: "set by root", remedy: "offline_mode = OFF"},
		{name: "wreck of ours", breaks: func(t *testing.T) { asAdmin(t, "db2", "SET PERSIST offline_mode = ON") },
			undo: on("db2", "SET GLOBAL offline_mode = OFF", "RESET PERSIST offline_mode"),
			code: "fence", node: "db2", verdict: warn, observed: "earlier run"},
		{name: "second channel", breaks: on("db2", "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_AUTO_POSITION=1 FOR CHANNEL 'more'"),
			undo: on("db2", "RESET REPLICA ALL FOR CHANNEL 'more'"),
			code: "one-channel", node: "db2", verdict: fail, observed: `"more" from 127.0.0.1:1`, remedy: "RESET REPLICA ALL FOR CHANNEL", othersMayAlert: true},
		{name: "filter", breaks: on("db2", "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB=(logs)", "START REPLICA SQL_THREAD"),
			undo: on("db2", "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB=()", "START REPLICA SQL_THREAD"),
			code: "replication-filters", node: "db2", verdict: fail, observed: "logs", remedy: "REPLICATE_IGNORE_DB=()"},
		{name: "delay", breaks: on("db2", "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=60", "START REPLICA SQL_THREAD"),
			undo: on("db2", "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=0", "START REPLICA SQL_THREAD"),
			code: "delayed-replica", node: "db2", verdict: fail, observed: "60 s", remedy: "SOURCE_DELAY=0"},
		{name: "delay, with consent", breaks: on("db2", "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=60", "START REPLICA SQL_THREAD"),
			undo:    on("db2", "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=0", "START REPLICA SQL_THREAD"),
			prepare: func(_ *testing.T, l *lab) { l.request.DelayedReplicas = contract.DelayedResync },
			code:    "delayed-replica", node: "db2", verdict: warn, observed: "delayed again once it is proven"},
		{name: "donor without its grant", breaks: replicated("REVOKE BACKUP_ADMIN ON *.* FROM resync_donor"), undo: replicated("GRANT BACKUP_ADMIN ON *.* TO resync_donor"),
			code: "run-accounts", node: "db1", verdict: fail, observed: "lacks BACKUP_ADMIN", remedy: "GRANT BACKUP_ADMIN ON *.* TO 'resync_donor'@'%'"},
		{name: "donor with its grant by a default role", breaks: replicated("CREATE ROLE feeder", "GRANT BACKUP_ADMIN ON *.* TO feeder", "REVOKE BACKUP_ADMIN ON *.* FROM resync_donor",
			"GRANT feeder TO resync_donor", "SET DEFAULT ROLE feeder TO resync_donor", "REVOKE REPLICATION SLAVE ON *.* FROM repl"),
			undo: replicated("GRANT BACKUP_ADMIN ON *.* TO resync_donor", "DROP ROLE feeder", "GRANT REPLICATION SLAVE ON *.* TO repl"),
			code: "run-accounts", node: "db1", verdict: fail, observed: "replication account 'repl'@'%' lacks REPLICATION SLAVE", remedy: "GRANT REPLICATION SLAVE"},
		{name: "no donor account", breaks: replicated("RENAME USER resync_donor TO elsewhere"), undo: replicated("RENAME USER elsewhere TO resync_donor"),
			code: "run-accounts", node: "db1", verdict: fail, observed: "no donor account", remedy: "CREATE USER"},
		{name: "donor account locked", breaks: replicated("ALTER USER resync_donor ACCOUNT LOCK"), undo: replicated("ALTER USER resync_donor ACCOUNT UNLOCK"),
			code: "run-accounts", node: "db1", verdict: fail, observed: "locked", remedy: "ACCOUNT UNLOCK"},
		{name: "another character set", breaks: on("db2", "SET GLOBAL character_set_server = latin1"), undo: on("db2", "SET GLOBAL character_set_server = utf8mb4"),
			code: "clone-settings", node: "db2", verdict: fail, observed: "latin1", remedy: "SET PERSIST character_set_server = 'utf8mb4'", othersMayAlert: true},
		{name: "small packets", breaks: on("db2", "SET GLOBAL max_allowed_packet = 1048576"), undo: on("db2", "SET GLOBAL max_allowed_packet = 67108864"),
			code: "packet-size", node: "db2", verdict: fail, observed: "1048576", remedy: "SET PERSIST max_allowed_packet"},
		{name: "primary may be cloned into", breaks: on("db1", "SET GLOBAL clone_valid_donor_list = '127.0.0.1:1'"), undo: on("db1", "SET GLOBAL clone_valid_donor_list = NULL"),
			code: "donor-list", node: "db1", verdict: warn, observed: "127.0.0.1:1", remedy: "= NULL"},
		{name: "another engine", breaks: replicated("CREATE DATABASE old", "CREATE TABLE old.log (id INT) ENGINE=MyISAM"), undo: replicated("DROP DATABASE old"),
			code: "only-innodb", node: "db1", verdict: fail, observed: "`old`.`log` (MyISAM)", remedy: "ALTER TABLE `old`.`log` ENGINE=InnoDB"},
		{name: "commits out of order", breaks: on("db1", "SET GLOBAL binlog_order_commits = OFF"), undo: on("db1", "SET GLOBAL binlog_order_commits = ON"),
			code: "commit-order", node: "db1", verdict: fail, observed: "OFF", remedy: "SET PERSIST binlog_order_commits = ON"},
		{name: "commits out of order on a secondary", breaks: on("db2", "STOP REPLICA SQL_THREAD", "SET GLOBAL replica_preserve_commit_order = OFF", "START REPLICA SQL_THREAD"),
			undo: on("db2", "STOP REPLICA SQL_THREAD", "SET GLOBAL replica_preserve_commit_order = ON", "START REPLICA SQL_THREAD"),
			code: "commit-order", node: "db2", verdict: fail, observed: "OFF", remedy: "replica_preserve_commit_order = ON"},
		{name: "permissive GTIDs", breaks: on("db2", "SET GLOBAL gtid_mode = ON_PERMISSIVE"), undo: on("db2", "SET GLOBAL gtid_mode = ON"),
			code: "gtid-mode", node: "db2", verdict: fail, observed: "ON_PERMISSIVE", remedy: "gtid_mode = ON"},
		{name: "errant writes", breaks: on("db2", "SET GLOBAL super_read_only = OFF", "CREATE DATABASE mine", "CREATE TABLE mine.t (id INT PRIMARY KEY)"),
			undo: func(t *testing.T) {
				as(t, "db2", "SET SESSION sql_log_bin = 0", "DROP DATABASE mine", "SET GLOBAL super_read_only = ON")
				forgetOwnWrites(t, "db2")
			},
			code: "unreplicated-writes", node: "db2", verdict: fail, observed: "2 transactions that the primary does not have: ", remedy: "mysqlbinlog"},
		{name: "data without GTIDs", breaks: on("db2", "STOP REPLICA", "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF", "CREATE DATABASE mine", "RESET BINARY LOGS AND GTIDS"),
			undo: func(t *testing.T) {
				as(t, "db2", "SET SESSION sql_log_bin = 0", "DROP DATABASE mine", "SET GLOBAL super_read_only = ON")
				forgetOwnWrites(t, "db2")
			},
			code: "data-without-gtids", node: "db2", verdict: fail, observed: "2 schemas with 1 table ", remedy: "discard"},
		{name: "the last one in service", breaks: on("db3", "STOP REPLICA"), undo: on("db3", "START REPLICA"),
			prepare: func(_ *testing.T, l *lab) { l.request.Nodes = []string{"db2"} },
			code:    "serving-floor", verdict: fail, observed: "with one of db2 out", remedy: `"minServing": 0`},
		{name: "clone plugin missing", breaks: on("db2", "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF", "UNINSTALL PLUGIN clone", "SET GLOBAL super_read_only = ON"),
			undo: func(t *testing.T) {
				as(t, "db2", "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF", "INSTALL PLUGIN clone SONAME 'mysql_clone.so'", "SET GLOBAL super_read_only = ON")
			},
			code: "clone-plugin", node: "db2", verdict: fail, observed: "not loaded", remedy: "INSTALL PLUGIN clone"},
		// After the one before: the plugin is back, but by INSTALL alone.
		{name: "clone plugin would vanish", undo: func(t *testing.T) {
			as(t, "db2", "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF", "DELETE FROM mysql.plugin WHERE name = 'clone'", "SET GLOBAL super_read_only = ON")
		}, code: "clone-plugin-kept", node: "db2", verdict: fail, observed: "INSTALLed", remedy: "plugin-load-add"},
	}
	return cases
}

// asAdmin runs a statement as the run's own account.
func asAdmin(t *testing.T, name, statement string) {
	t.Helper()
	db, err := servers.Node(name).Open(servers.Accounts.Admin)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}
