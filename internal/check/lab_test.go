package check_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// servers are db1 to db3, a primary with two secondaries, and two servers with what only an option file can break: db4 (odd) and db5
// (blind). All are shared by the tests of this package, and tests that change a server put it back.
var servers *sandbox.Cluster

// atEnd ends what benchmarks started.
var atEnd []func() error

var (
	odd = sandbox.NodeOptions{
		Standalone:      true,
		InitialSettings: []string{"innodb_page_size=8k", "lower_case_table_names=1", "innodb_data_file_path=ibdata1:24M:autoextend"},
		Settings: []string{"server_id=2", "persisted_globals_load=OFF", "binlog_ignore_db=tmp",
			"performance_schema_session_connect_attrs_size=64"},
	}
	blind = sandbox.NodeOptions{Standalone: true, Settings: []string{"performance_schema=OFF", "skip_log_bin", "log_replica_updates=OFF"}}
)

func TestMain(m *testing.M) {
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: append(sandbox.Nodes(3), odd, blind)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	servers = c
	code := 1
	if err := furnish(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	for _, end := range append(atEnd, end) {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// furnish gives the cluster data to lose, and the servers beside it the worker's account and part of the primary's history.
func furnish() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	primary := servers.Primary()
	if err := primary.Exec(ctx, "CREATE DATABASE kept", "CREATE TABLE kept.t (id INT PRIMARY KEY, v TEXT)", "INSERT INTO kept.t VALUES (1, 'a'), (2, 'b')"); err != nil {
		return err
	}
	set, err := primary.QueryString(ctx, "SELECT @@global.gtid_executed")
	if err != nil {
		return err
	}
	version, err := node.ParseVersion(servers.MySQLVersion())
	if err != nil {
		return err
	}
	admin := servers.Accounts.Admin
	account, err := inventory.SQL(inventory.Grantee{Role: inventory.RoleAdmin, User: admin.User, Host: "%", Password: admin.Password}, version)
	if err != nil {
		return err
	}
	for _, name := range []string{"db4", "db5"} {
		statements := slices.Concat([]string{"SET SESSION sql_log_bin = 0"}, account, []string{"SET GLOBAL gtid_purged = '" + node.CleanGTIDSet(set) + "'"})
		if err := servers.Node(name).Exec(ctx, statements...); err != nil {
			return err
		}
	}
	for _, s := range servers.Secondaries() {
		if err := s.WaitFor(ctx, primary); err != nil {
			return err
		}
	}
	return nil
}

// lab is what one test observes: the sandbox's inventory, and the nodes opened as the least-privileged admin account.
type lab struct {
	cluster inventory.Cluster
	opened  map[string]*node.Node
	request contract.Request
	// limits changes what load and age are judged by; nil leaves the defaults.
	limits func(*check.Limits)
}

func newLab(t *testing.T) *lab {
	t.Helper()
	inv, err := inventory.Load(servers.Inventory())
	require.NoError(t, err)
	cluster, err := inv.Cluster(servers.Name)
	require.NoError(t, err)
	cluster.Hooks = inventory.Hooks{inventory.HookBeforeFence: {{Command: []string{"/bin/true"}}}}
	l := &lab{cluster: *cluster, opened: map[string]*node.Node{}, request: contract.Request{Cluster: servers.Name}}
	for _, n := range servers.Nodes {
		l.open(t, n.Name, n.WorkerAddress(), servers.Accounts.Admin.Password.Reveal())
	}
	return l
}

func (l *lab) open(t *testing.T, name, address, password string) {
	t.Helper()
	n, err := node.Open(node.Endpoint{Name: name, Address: address, User: servers.Accounts.Admin.User, Password: password})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	l.opened[name] = n
}

func (l *lab) observe(t *testing.T) *check.Observations {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := check.ObserveAll(ctx, l.cluster, l.opened, l.request)
	require.NoError(t, err)
	if l.limits != nil {
		l.limits(&o.Limits)
	}
	return o
}

// with adds a server that stands beside the cluster to its inventory.
func with(name string) func(*testing.T, *lab) {
	return func(t *testing.T, l *lab) {
		t.Helper()
		n := inventory.Node{Name: name, Supervised: inventory.Supervised}
		require.NoError(t, n.Address.UnmarshalText([]byte(servers.Node(name).WorkerAddress())))
		n.PeerAddress = n.Address
		l.cluster.Nodes = append(slices.Clone(l.cluster.Nodes), n)
	}
}

// declared is one node of the lab's own copy of the inventory.
func (l *lab) declared(name string) *inventory.Node {
	l.cluster.Nodes = slices.Clone(l.cluster.Nodes)
	return &l.cluster.Nodes[slices.IndexFunc(l.cluster.Nodes, func(n inventory.Node) bool { return n.Name == name })]
}

// as runs statements on one connection as root.
func as(t *testing.T, name string, statements ...string) {
	t.Helper()
	// Not the test's context: what puts a server back runs when that has ended.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, servers.Node(name).Exec(ctx, statements...))
}

func ask(t *testing.T, name, query string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	text, err := servers.Node(name).QueryString(ctx, query)
	require.NoError(t, err)
	return text
}

func caughtUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, s := range servers.Secondaries() {
		require.NoError(t, s.WaitFor(ctx, servers.Primary()))
	}
}

func follow(t *testing.T, name, source string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	as(t, name, "STOP REPLICA", "RESET REPLICA ALL")
	require.NoError(t, servers.Node(name).Follow(ctx, servers.Node(source), servers.Accounts.Replication))
	// By then it has registered itself at its source.
	for ask(t, name, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE = 'Waiting for source to send event'") == "0" {
		require.NoError(t, node.Sleep(ctx, 20*time.Millisecond))
	}
}

// endReaders ends what reads the node's binary log: without an event to send, a server does not notice that a replica left.
func endReaders(t *testing.T, name string) {
	t.Helper()
	for {
		id := ask(t, name, "SELECT COALESCE(MAX(ID), '') FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'")
		if id == "" {
			return
		}
		as(t, name, "KILL "+id)
		for ask(t, name, "SELECT COUNT(*) FROM performance_schema.processlist WHERE ID = "+id) != "0" {
			require.NoError(t, node.Sleep(context.Background(), 20*time.Millisecond))
		}
	}
}

// forgetOwnWrites makes the node's GTID set the primary's again, after its data were put back outside the binary log.
func forgetOwnWrites(t *testing.T, name string) {
	t.Helper()
	set := node.CleanGTIDSet(ask(t, "db1", "SELECT @@global.gtid_executed"))
	as(t, name, "STOP REPLICA", "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged = '"+set+"'", "RESET REPLICA", "START REPLICA")
}

// connected waits until every receiver that an earlier test started again has reached its source: its state would change by itself.
func connected(t *testing.T) {
	t.Helper()
	for _, n := range servers.Nodes {
		require.Eventually(t, func() bool {
			return ask(t, n.Name, "SELECT COUNT(*) FROM performance_schema.replication_connection_status WHERE SERVICE_STATE = 'CONNECTING'") == "0"
		}, time.Minute, 20*time.Millisecond, "%s never reached its source", n.Name)
	}
}

// takeHistory gives a node without a channel the primary's GTID set. It comes before the channel: a replica whose set is empty would execute
// the primary's whole history once more.
func takeHistory(t *testing.T, name string) {
	t.Helper()
	set := node.CleanGTIDSet(ask(t, "db1", "SELECT @@global.gtid_executed"))
	as(t, name, "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged = '"+set+"'")
}

// state is everything on every node that an observation might have changed: all settings, GTIDs among them, what is persisted, plugins,
// accounts, channels and the data. No setting moves by itself on servers to which nobody writes, so none is left out.
func state(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, n := range servers.Nodes {
		list(t, n, all, `SELECT CONCAT_WS(' ', 'global', VARIABLE_NAME), VARIABLE_VALUE FROM performance_schema.global_variables
			UNION ALL SELECT CONCAT_WS(' ', 'persisted', VARIABLE_NAME), VARIABLE_VALUE FROM performance_schema.persisted_variables
			UNION ALL SELECT CONCAT_WS(' ', 'plugin', PLUGIN_NAME), PLUGIN_STATUS FROM information_schema.PLUGINS
			UNION ALL SELECT CONCAT_WS(' ', 'account', User, Host), SHA2(CONCAT_WS(' ', authentication_string, account_locked, password_expired, ssl_type), 256) FROM mysql.user
			UNION ALL SELECT CONCAT_WS(' ', 'channel', CHANNEL_NAME, HOST, PORT, USER), SERVICE_STATE
				FROM performance_schema.replication_connection_configuration JOIN performance_schema.replication_connection_status USING (CHANNEL_NAME)
			UNION ALL SELECT CONCAT_WS(' ', 'applier', CHANNEL_NAME, DESIRED_DELAY), SERVICE_STATE
				FROM performance_schema.replication_applier_configuration JOIN performance_schema.replication_applier_status USING (CHANNEL_NAME)
			UNION ALL SELECT CONCAT_WS(' ', 'relay log', CHANNEL_NAME), RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status`)
		tables := map[string]string{}
		list(t, n, tables, "SELECT CONCAT('`', TABLE_SCHEMA, '`.`', TABLE_NAME, '`'), CREATE_TIME FROM information_schema.TABLES "+
			"WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA "+node.UserSchemas)
		for table, created := range tables {
			name := strings.TrimPrefix(table, n.Name+" ")
			all[n.Name+" created "+name] = created
			list(t, n, all, "CHECKSUM TABLE "+name)
		}
	}
	return all
}

// list adds the rows of a query of two columns.
func list(t *testing.T, n *sandbox.Node, into map[string]string, query string) {
	t.Helper()
	db, err := n.DB()
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var what string
		var value sql.NullString
		require.NoError(t, rows.Scan(&what, &value))
		// A receiver whose source cannot be reached tries again and again.
		into[n.Name+" "+what] = strings.ReplaceAll(value.String, "CONNECTING", "OFF")
	}
	require.NoError(t, rows.Err())
}

// changed lists what differs between two states.
func changed(before, after map[string]string) []string {
	var all []string
	for what, value := range after {
		if was, there := before[what]; !there || was != value {
			all = append(all, fmt.Sprintf("%s: %q, now %q", what, was, value))
		}
	}
	for what, was := range before {
		if _, there := after[what]; !there {
			all = append(all, fmt.Sprintf("%s: %q, now gone", what, was))
		}
	}
	slices.Sort(all)
	return all
}

func objections(findings []contract.Finding) []contract.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f contract.Finding) bool { return f.Verdict == contract.VerdictPass })
}
