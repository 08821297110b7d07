package endtoend

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/mysqldist"
	"github.com/clusterresync/clusterresync/internal/shop"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// BenchmarkResync measures one node's resync, rows not compared and no watch period, against the bare statements in a shell script, in
// turns on the same data:
//
//	go test ./internal/endtoend -run '^$' -bench Resync -benchtime 5x
//
// It reports the median of both in seconds, and the median of the ratios pair by pair.
func BenchmarkResync(b *testing.B) {
	nodes := sandbox.Nodes(2)
	cluster := sandbox.ForTest(b, sandbox.Options{Name: "bench", Nodes: nodes})
	primary, err := cluster.Primary().DB()
	require.NoError(b, err)
	require.NoError(b, shop.Create(b.Context(), primary, shop.Options{}))
	distribution, err := mysqldist.Find(b.Context(), func(string, ...any) {})
	require.NoError(b, err)
	startWorkerFor(b, cluster)

	var resyncs, bares, ratios []float64
	var rates []float64
	for i := 0; b.Loop(); i++ {
		no, none := false, contract.Duration(0)
		began := time.Now()
		report := finish(b, start(b, fmt.Sprintf("bench-%d", i), contract.Request{
			Cluster: "bench", Confirm: "bench", Watch: &none, Proof: contract.ProofOptions{Rows: &no},
		}))
		resync := time.Since(began).Seconds()
		requireOutcome(b, contract.OutcomeSucceeded, report)
		rates = append(rates, nodeOf(b, report, "db2").Copy.MiBps)
		bare := runBare(b, distribution, cluster)
		resyncs, bares, ratios = append(resyncs, resync), append(bares, bare), append(ratios, resync/bare)
	}
	b.ReportMetric(median(resyncs), "resync-s")
	b.ReportMetric(median(bares), "bare-s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(rates), "clone-MiB/s")
	b.ReportMetric(0, "ns/op")
}

func runBare(b *testing.B, distribution *mysqldist.Distribution, cluster *sandbox.Cluster) float64 {
	client := func(node *sandbox.Node) []string {
		host, port, err := net.SplitHostPort(node.Address())
		require.NoError(b, err)
		command, err := distribution.ClientCommand("mysql", "--no-defaults", "-h", host, "-P", port, "-uroot",
			"-p"+cluster.Accounts.Root.Password.Reveal())
		require.NoError(b, err)
		return command
	}
	host, port, err := net.SplitHostPort(cluster.Primary().PeerAddress())
	require.NoError(b, err)
	script := exec.CommandContext(b.Context(), "/bin/sh", append([]string{"bare.sh", host, port}, client(cluster.Nodes[1])...)...)
	pair := func(a sandbox.Account) string { return a.User + " " + a.Password.Reveal() }
	script.Env = append(os.Environ(), "DONOR="+pair(cluster.Accounts.Donor), "REPLICATION="+pair(cluster.Accounts.Replication),
		"PRIMARY="+strings.Join(client(cluster.Primary()), " "))
	began := time.Now()
	out, err := script.CombinedOutput()
	require.NoError(b, err, string(out))
	return time.Since(began).Seconds()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
