package check_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/sandbox/port"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// liveOptionCases are what only an option file, the making of a data directory, or the inventory can break.
func liveOptionCases() []live {
	const fail, warn = contract.VerdictFail, contract.VerdictWarn
	var cases []live
	for _, c := range []struct{ node, code, observed, remedy string }{
		{"db4", "clone-settings", "innodb_page_size = 8192", "innodb_page_size=16384 into the option file and initialise"},
		{"db4", "clone-settings", "innodb_data_file_path = ibdata1:24M:autoextend", "initialise"},
		{"db4", "table-name-case", "lower_case_table_names = 1", "initialise"},
		{"db4", "persisted-settings", "persisted_globals_load = OFF", "option file"},
		{"db4", "replication-filters", "binlog-ignore-db=tmp", "binlog-ignore-db"},
		{"db4", "session-attributes", "performance_schema_session_connect_attrs_size = 64", "restart mysqld"},
		{"db4", "one-server-twice", "server_id 2, the same as db2", "SET PERSIST server_id"},
		{"db5", "performance-schema", "performance_schema = OFF", "performance_schema=ON"},
		{"db5", "binary-log", "log_bin = OFF", "log-bin"},
		{"db5", "binary-log", "log_replica_updates = OFF", "log-replica-updates=ON"},
	} {
		cases = append(cases, live{name: c.node + " has " + c.observed, prepare: with(c.node), code: c.code, node: c.node, verdict: fail,
			observed: c.observed, remedy: c.remedy, othersMayAlert: true})
	}
	return append(cases, []live{
		{name: "forced recovery", prepare: with("db4"), breaks: restartedWith("db4", "innodb_force_recovery=1"), undo: restartedWith("db4"),
			code: "forced-recovery", node: "db4", verdict: fail, observed: "innodb_force_recovery = 1", remedy: "restart", othersMayAlert: true},
		{name: "Group Replication runs", prepare: with("db4"), breaks: func(t *testing.T) {
			ports, err := port.Reserve(servers.Folder, 1)
			require.NoError(t, err)
			t.Cleanup(func() { port.Release(servers.Folder, ports...) })
			as(t, "db4", "SET SESSION sql_log_bin = 0", "INSTALL PLUGIN group_replication SONAME 'group_replication.so'",
				"SET GLOBAL group_replication_group_name = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa'",
				fmt.Sprintf("SET GLOBAL group_replication_local_address = '127.0.0.1:%d'", ports[0]),
				"SET GLOBAL group_replication_bootstrap_group = ON", "START GROUP_REPLICATION")
		}, undo: func(t *testing.T) {
			as(t, "db4", "STOP GROUP_REPLICATION", "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF", "UNINSTALL PLUGIN group_replication")
		}, code: "group-replication", node: "db4", verdict: fail, observed: "ONLINE PRIMARY", remedy: "STOP GROUP_REPLICATION", othersMayAlert: true},
		{name: "another history, adopted", prepare: func(_ *testing.T, l *lab) { l.declared("db2").Adopt = true },
			breaks: func(t *testing.T) {
				as(t, "db2", "STOP REPLICA", "RESET REPLICA ALL", "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged = '99999999-9999-9999-9999-999999999999:1-7'")
			},
			undo: func(t *testing.T) { takeHistory(t, "db2"); follow(t, "db2", "db1") },
			code: "follows-primary", node: "db2", verdict: warn, observed: "the inventory adopts it", remedy: "adopt: true", othersMayAlert: true},
		{name: "adopted, but of a cluster that is alive", prepare: func(t *testing.T, l *lab) {
			with("db4")(t, l)
			l.cluster.Nodes[len(l.cluster.Nodes)-1].Adopt = true
		}, breaks: func(t *testing.T) {
			as(t, "db4", "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_AUTO_POSITION=1")
		}, undo: func(t *testing.T) { as(t, "db4", "RESET REPLICA ALL") },
			code: "follows-primary", node: "db4", verdict: fail, observed: "replicates from 127.0.0.1:1", remedy: "out of the inventory", othersMayAlert: true},
		{name: "a disk too small", prepare: func(_ *testing.T, l *lab) { l.declared("db2").DiskBytes = 64 << 20 },
			code: "room", node: "db2", verdict: fail, observed: "declared as 64.0 MiB", remedy: "diskBytes: "},
		{name: "a disk that would be full", prepare: func(_ *testing.T, l *lab) { l.declared("db2").DiskBytes = 520 << 20 },
			code: "room", node: "db2", verdict: warn, observed: "declared as 520.0 MiB", remedy: "df"},
		{name: "nobody says whether mysqld is started again", prepare: func(_ *testing.T, l *lab) { l.declared("db2").Supervised = inventory.SupervisionUnknown },
			code: "supervisor", node: "db2", verdict: warn, observed: "not declared", remedy: "supervised: true"},
		{name: "an address of the worker's machine alone", prepare: func(t *testing.T, l *lab) {
			require.NoError(t, l.declared("db2").PeerAddress.UnmarshalText([]byte("db2.example:3306")))
		}, code: "peer-address", node: "db1", verdict: warn, observed: "127.0.0.1", remedy: "peerAddress"},
		{name: "a name that the cluster lacks", prepare: func(_ *testing.T, l *lab) { l.request.Nodes = []string{"db2", "db9"} },
			code: "nodes-known", verdict: fail, observed: `"db9"`, remedy: "inventory"},
		{name: "the primary asked for", prepare: func(_ *testing.T, l *lab) { l.request.Nodes = []string{"db1"} },
			code: "nodes-known", node: "db1", verdict: fail, observed: "never erased", remedy: `"db1"`, othersMayAlert: true},
	}...)
}

// optionFiles are the nodes' own, before a test wrote to them.
var optionFiles = map[string][]byte{}

// restartedWith restarts a server with lines added to its own option file, and with none added as it was.
func restartedWith(name string, lines ...string) func(*testing.T) {
	return func(t *testing.T) {
		n := servers.Node(name)
		if optionFiles[name] == nil {
			text, err := os.ReadFile(n.OptionFile())
			require.NoError(t, err)
			optionFiles[name] = text
		}
		text := slices.Concat(optionFiles[name], []byte(strings.Join(lines, "\n")+"\n"))
		require.NoError(t, os.WriteFile(n.OptionFile(), text, 0o600))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, n.Restart(ctx))
	}
}
