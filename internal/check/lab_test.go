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

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// servers is one primary with two secondaries, shared by the tests of this package. Tests that change a server put it back.
var servers *sandbox.Cluster

func TestMain(m *testing.M) {
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: sandbox.Nodes(3)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	servers = c
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// lab is what one test observes: the sandbox's inventory, and the nodes opened as the least-privileged admin account.
type lab struct {
	cluster inventory.Cluster
	opened  map[string]*node.Node
	request contract.Request
}

func newLab(t *testing.T) *lab {
	t.Helper()
	inv, err := inventory.Load(servers.Inventory())
	require.NoError(t, err)
	cluster, err := inv.Cluster(servers.Name)
	require.NoError(t, err)
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
	return o
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

// state is everything on every node that an observation might have changed: settings, GTIDs among them, what is persisted,
// channels, plugins.
func state(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, n := range servers.Nodes {
		db, err := n.DB()
		require.NoError(t, err)
		rows, err := db.QueryContext(t.Context(), `SELECT CONCAT_WS(' ', 'global', VARIABLE_NAME), VARIABLE_VALUE FROM performance_schema.global_variables
			UNION ALL SELECT CONCAT_WS(' ', 'persisted', VARIABLE_NAME), VARIABLE_VALUE FROM performance_schema.persisted_variables
			UNION ALL SELECT CONCAT_WS(' ', 'plugin', PLUGIN_NAME), PLUGIN_STATUS FROM information_schema.PLUGINS
			UNION ALL SELECT CONCAT_WS(' ', 'channel', CHANNEL_NAME, HOST, PORT), SERVICE_STATE
				FROM performance_schema.replication_connection_configuration JOIN performance_schema.replication_connection_status USING (CHANNEL_NAME)
			UNION ALL SELECT CONCAT_WS(' ', 'applier', CHANNEL_NAME), SERVICE_STATE FROM performance_schema.replication_applier_status`)
		require.NoError(t, err)
		for rows.Next() {
			var what, value string
			require.NoError(t, rows.Scan(&what, &value))
			// A receiver whose source cannot be reached tries again and again.
			all[n.Name+" "+what] = strings.ReplaceAll(value, "CONNECTING", "OFF")
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return all
}

func objections(findings []contract.Finding) []contract.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f contract.Finding) bool { return f.Verdict == contract.VerdictPass })
}
