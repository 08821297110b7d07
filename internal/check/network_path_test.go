package check_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/netfault"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// pathLab is a cluster whose primary can be cut off from its peers while the worker reaches it.
type pathLab struct {
	*sandbox.Cluster
	cluster inventory.Cluster
	opened  map[string]*node.Node
}

func newPathLab(t *testing.T) *pathLab {
	t.Helper()
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{{Links: true}, {}, {}}})
	inv, err := inventory.Load(c.Inventory())
	require.NoError(t, err)
	cluster, err := inv.Cluster(c.Name)
	require.NoError(t, err)
	l := &pathLab{Cluster: c, cluster: *cluster, opened: map[string]*node.Node{}}
	for _, n := range c.Nodes {
		opened, err := node.Open(node.Endpoint{Name: n.Name, Address: n.WorkerAddress(), User: c.Accounts.Admin.User, Password: c.Accounts.Admin.Password.Reveal()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, opened.Close()) })
		l.opened[n.Name] = opened
	}
	require.NoError(t, c.Primary().Exec(t.Context(), "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY)", "INSERT INTO app.t VALUES (1), (2)"))
	for _, n := range c.Secondaries() {
		require.NoError(t, n.WaitFor(t.Context(), c.Primary()))
	}
	return l
}

func (l *pathLab) observe(t *testing.T) *check.Observations {
	t.Helper()
	o, err := check.ObserveAll(t.Context(), l.cluster, l.opened, contract.Request{Cluster: l.Name})
	require.NoError(t, err)
	return o
}

// probe probes and gives the findings of the check, one for each secondary.
func (l *pathLab) probe(t *testing.T, o *check.Observations) map[string]contract.Finding {
	t.Helper()
	require.NoError(t, o.ProbeAll(t.Context(), l.opened, check.Probing{Run: "test", StillCurrent: func(context.Context) error { return nil }}))
	all := paths(t, o)
	require.Len(t, all, len(o.Chosen()))
	return all
}

func paths(t *testing.T, o *check.Observations) map[string]contract.Finding {
	t.Helper()
	all := map[string]contract.Finding{}
	for _, f := range check.Judge(o) {
		if f.Code == "network-path" {
			all[f.Node] = f
		}
	}
	return all
}

// requireWhole shows that the secondaries have their data, their settings and their running channels.
func (l *pathLab) requireWhole(t *testing.T) {
	t.Helper()
	for _, n := range l.Secondaries() {
		text, err := n.QueryString(t.Context(), `SELECT CONCAT_WS(' ', (SELECT GROUP_CONCAT(id ORDER BY id) FROM app.t), @@global.super_read_only,
			COALESCE(@@global.clone_valid_donor_list, 'NULL'), (SELECT SERVICE_STATE FROM performance_schema.replication_connection_status),
			(SELECT SERVICE_STATE FROM performance_schema.replication_applier_status))`)
		require.NoError(t, err)
		require.Equal(t, "1,2 1 NULL ON ON", text, n.Name)
	}
}

// TestADonorThatOnlyTheWorkerReachesIsRefused: a firewall between the servers, none between them and the worker.
func TestADonorThatOnlyTheWorkerReachesIsRefused(t *testing.T) {
	l := newPathLab(t)
	o := l.observe(t)
	f := paths(t, o)[""]
	require.Equal(t, contract.VerdictPass, f.Verdict)
	require.Contains(t, f.Observed, "not probed")
	for name, f := range l.probe(t, o) {
		require.Equal(t, contract.VerdictPass, f.Verdict, "%s: %+v", name, f)
		require.Contains(t, f.Observed, "refuses an account that does not exist", name)
	}
	l.requireWhole(t)

	require.NoError(t, l.Primary().PeerLink.Freeze(netfault.BothWays))
	o = l.observe(t)
	require.Empty(t, slices.DeleteFunc(o.Seen(), func(n *check.Observation) bool { return n.Seen() }), "the worker sees every node")
	for name, f := range l.probe(t, o) {
		require.Equal(t, contract.VerdictFail, f.Verdict, "%s: %+v", name, f)
		require.Contains(t, f.Observed, "2013", name)
		require.Contains(t, f.Remedy, "open TCP port", name)
	}
	require.NoError(t, l.Primary().PeerLink.Heal())
	l.requireWhole(t)
}

func TestAPathThatLeadsElsewhereIsRefused(t *testing.T) {
	l := newPathLab(t)
	o := l.observe(t)
	real := o.Primary().PeerAddress

	o.Primary().PeerAddress = "no-such-host.invalid:3306"
	for name, f := range l.probe(t, o) {
		require.Equal(t, contract.VerdictFail, f.Verdict, name)
		require.Contains(t, f.Observed, "2005", name)
		require.Contains(t, f.Remedy, "resolve the name no-such-host.invalid", name)
	}

	o.Primary().PeerAddress = l.Node("db3").PeerAddress()
	for name, f := range l.probe(t, o) {
		require.Equal(t, contract.VerdictFail, f.Verdict, "%s: %+v", name, f)
		require.Contains(t, f.Observed, "another server than the primary answers", name)
	}

	o.Primary().PeerAddress = real
	require.NoError(t, l.Node("db2").Exec(t.Context(), "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF",
		"REVOKE BACKUP_ADMIN ON *.* FROM resync_admin", "SET GLOBAL super_read_only = ON"))
	findings := l.probe(t, o)
	require.Equal(t, contract.VerdictWarn, findings["db2"].Verdict)
	require.Contains(t, findings["db2"].Observed, "BACKUP_ADMIN")
	require.Equal(t, contract.VerdictPass, findings["db3"].Verdict)
	l.requireWhole(t)
}

// TestAProbeWaitsForTheOneBeforeIt: the worker of an earlier attempt died while its probe waited for the network.
func TestAProbeWaitsForTheOneBeforeIt(t *testing.T) {
	l := newPathLab(t)
	o := l.observe(t)
	require.NoError(t, l.Primary().PeerLink.Freeze(netfault.BothWays))
	ctx, die := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- o.ProbeAll(ctx, l.opened, check.Probing{Run: "test", StillCurrent: func(context.Context) error { return nil }})
	}()
	for _, n := range l.Secondaries() {
		require.Eventually(t, func() bool {
			state, err := n.QueryString(t.Context(), "SELECT COUNT(*) FROM performance_schema.clone_status WHERE STATE = 'In Progress'")
			return err == nil && state == "1"
		}, time.Minute, 20*time.Millisecond)
	}
	die()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.NoError(t, l.Primary().PeerLink.Heal())
	for name, f := range l.probe(t, o) {
		require.Equal(t, contract.VerdictPass, f.Verdict, "%s: %+v", name, f)
	}
	l.requireWhole(t)
}
