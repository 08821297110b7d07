package check_test

import (
	"context"
	"fmt"
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

// frugal is a server with no more memory than a benchmark of many needs.
var frugal = sandbox.NodeOptions{Links: true, BufferPoolMiB: 16, Settings: []string{
	"table_open_cache=64", "table_definition_cache=400", "max_connections=64", "performance_schema_digests_size=200",
	"performance_schema_error_size=0", "performance_schema_events_statements_history_long_size=10", "innodb_log_buffer_size=1M",
}}

// away is how long an answer travels to the worker in the second half of the benchmark, as from a machine of another site.
const away = 5 * time.Millisecond

// BenchmarkObserve measures what a plan asks of the servers, everything included: 3 real servers against 20, with a few user tables, and
// how many times longer the 20 take. Servers and worker share this machine's cores, which a real cluster's do not: nearby that is what is
// measured, and with answers that travel for a while it is the reading in parallel.
func BenchmarkObserve(b *testing.B) {
	for _, delay := range []time.Duration{0, away} {
		per := map[int]time.Duration{}
		for _, size := range []int{3, 20} {
			b.Run(fmt.Sprintf("%s-away/%d-nodes", delay, size), func(b *testing.B) {
				l := benchLab(b, size)
				l.travel(b, delay)
				b.ResetTimer()
				for range b.N {
					l.observe(b)
				}
				per[size] = b.Elapsed() / time.Duration(b.N)
				if size == 20 && per[3] > 0 {
					b.ReportMetric(float64(per[20])/float64(per[3]), "x-of-3-nodes")
				}
			})
		}
	}
}

// travel lets every answer of every server take that long.
func (l *benchCluster) travel(b *testing.B, delay time.Duration) {
	b.Helper()
	for _, n := range l.servers.Nodes {
		require.NoError(b, n.WorkerLink.Heal())
		if delay > 0 {
			require.NoError(b, n.WorkerLink.Delay(netfault.FromTarget, delay))
		}
	}
}

// benches are the clusters of a benchmark, which the testing package enters several times.
var benches = map[int]*benchCluster{}

type benchCluster struct {
	servers *sandbox.Cluster
	cluster inventory.Cluster
	opened  map[string]*node.Node
}

func benchLab(b *testing.B, size int) *benchCluster {
	b.Helper()
	if l := benches[size]; l != nil {
		return l
	}
	nodes := make([]sandbox.NodeOptions, size)
	for i := range nodes {
		nodes[i] = frugal
	}
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: nodes})
	require.NoError(b, err)
	atEnd = append(atEnd, end)
	tables := []string{"CREATE DATABASE app"}
	for i := range 20 {
		tables = append(tables, fmt.Sprintf("CREATE TABLE app.t%d (id INT PRIMARY KEY)", i))
	}
	require.NoError(b, c.Primary().Exec(context.Background(), tables...))
	inv, err := inventory.Load(c.Inventory())
	require.NoError(b, err)
	cluster, err := inv.Cluster(c.Name)
	require.NoError(b, err)
	l := &benchCluster{servers: c, cluster: *cluster, opened: map[string]*node.Node{}}
	for _, n := range c.Nodes {
		opened, err := node.Open(node.Endpoint{Name: n.Name, Address: n.WorkerAddress(), User: c.Accounts.Admin.User, Password: c.Accounts.Admin.Password.Reveal()})
		require.NoError(b, err)
		atEnd = append(atEnd, opened.Close)
		l.opened[n.Name] = opened
	}
	for _, s := range c.Secondaries() {
		require.NoError(b, s.WaitFor(context.Background(), c.Primary()))
	}
	benches[size] = l
	return l
}

func (l *benchCluster) observe(b *testing.B) {
	b.Helper()
	o, err := check.ObserveAll(context.Background(), l.cluster, l.opened, contract.Request{Cluster: l.cluster.Name})
	require.NoError(b, err)
	require.Len(b, o.Seen(), len(l.cluster.Nodes))
	require.Empty(b, o.NotCompared)
	require.NoError(b, o.PreviewAll(context.Background(), l.opened))
	require.NoError(b, o.CompareAll(context.Background(), l.opened))
	for name, belongings := range o.Belongings {
		require.Empty(b, belongings.Problem, name)
	}
	for _, f := range check.Judge(o) {
		require.NotEqual(b, contract.VerdictFail, f.Verdict, "%+v", f)
	}
}
