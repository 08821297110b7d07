package endtoend

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	// treeMiB, and what a server has besides, take about 100 s at slowMiBps and a minute at treeMiBps. A restart and the steps around a
	// copy take ten seconds, on a busy machine more: where only copies are to count, copying has to dominate. Four copies at a time are
	// what the machine has to bear.
	treeMiB, slowMiBps, treeMiBps = 160, 3, 5
	// wantedTree is how many single copies' time a tree of seven may take.
	wantedTree = 3.3
)

// BenchmarkTree measures runs over seven secondaries, each copy limited to the same rate: growing donors like a tree against
// the primary as the only donor. Once nothing but copies counts (no floor, no rows compared), once with the default floor and the full proof:
//
//	make bench-tree
//
// Wall time is that of the whole run, from its start to its report. It is given in seconds and in single copies: the median of what
// the clone steps took that had the machine for themselves, those from the primary alone, each with its server's restart.
func BenchmarkTree(b *testing.B) {
	c := newCompany(b, "bench-tree", sandbox.Nodes(8))
	fill(b, c.Primary(), treeMiB)
	c.catchUp(b)
	c.letDonorPassFences(b)
	none, no := 0, false
	copies := c.resync()
	copies.MaxParallel, copies.MinServing, copies.ThrottleMiBps, copies.Proof.Rows = len(c.Secondaries()), &none, slowMiBps, &no
	whole := copies
	whole.MinServing, whole.ThrottleMiBps, whole.Proof.Rows = nil, treeMiBps, nil
	b.Run("copies", func(b *testing.B) { c.race(b, copies) })
	b.Run("floor-and-proof", func(b *testing.B) { c.race(b, whole) })
}

// race runs the request once with any donors and once with the primary alone.
func (c *company) race(b *testing.B, request contract.Request) {
	var trees, chains []float64
	steps, beside := map[contract.Step][]float64{}, []float64{}
	waves := 0
	for i := 0; b.Loop(); i++ {
		walls := map[contract.Donors]float64{}
		for _, donors := range []contract.Donors{contract.DonorsAny, contract.DonorsPrimary} {
			request.Donors = donors
			began := time.Now()
			report := finishWithin(b, time.Hour, c.startAs(b, fmt.Sprintf("%s-%s-%d", b.Name(), donors, i), request))
			walls[donors] = time.Since(began).Seconds()
			requireOutcome(b, contract.OutcomeSucceeded, report)
			if donors == contract.DonorsAny {
				waves = len(report.Plan.Waves)
			}
			for _, node := range report.Nodes {
				for _, step := range node.Steps {
					if seconds := step.Duration.Std().Seconds(); step.Step == contract.StepClone && donors == contract.DonorsAny {
						beside = append(beside, seconds)
					} else {
						steps[step.Step] = append(steps[step.Step], seconds)
					}
				}
			}
		}
		trees, chains = append(trees, walls[contract.DonorsAny]), append(chains, walls[contract.DonorsPrimary])
	}
	copies := steps[contract.StepClone]
	one := median(copies)
	b.Logf("one copy: %.1f s (median of %d clone steps, %.1f to %.1f s); beside others %.1f s; %d waves foretold",
		one, len(copies), slices.Min(copies), slices.Max(copies), median(beside), waves)
	rest := ""
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		if step != contract.StepClone {
			rest += fmt.Sprintf(" %s %.1f,", step, median(steps[step]))
		}
	}
	b.Logf("median of the other steps, in s:%s", strings.TrimSuffix(rest, ","))
	b.Logf("donors any:     %6.1f s = %.2f copies", median(trees), median(trees)/one)
	b.Logf("donors primary: %6.1f s = %.2f copies", median(chains), median(chains)/one)
	b.ReportMetric(one, "copy-s")
	b.ReportMetric(median(trees)/one, "tree-copies")
	b.ReportMetric(median(chains)/one, "primary-copies")
	b.ReportMetric(0, "ns/op")
	if request.Proof.Rows != nil && median(trees)/one > wantedTree {
		b.Errorf("wanted: the tree takes %.1f copies at the most", wantedTree)
	}
}

// fill adds tables of blobs until there are so many MiB. They go into the binary log as well: every secondary serves from the beginning.
func fill(b *testing.B, primary *sandbox.Node, mib int) {
	b.Helper()
	const tables, row = 8, 60_000
	// InnoDB stores 60,000 bytes in four pages of 16 KiB.
	rows := mib * (1 << 20) / (4 << 14) / tables
	require.NoError(b, primary.Exec(b.Context(), "CREATE DATABASE bulk"))
	for i := range tables {
		require.NoError(b, primary.Exec(b.Context(), "SET SESSION cte_max_recursion_depth = 1000000",
			fmt.Sprintf("CREATE TABLE bulk.t%d (id INT PRIMARY KEY AUTO_INCREMENT, b MEDIUMBLOB)", i),
			fmt.Sprintf("INSERT INTO bulk.t%d (b) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < %d) "+
				"SELECT REPEAT(RANDOM_BYTES(1000), %d) FROM n", i, rows, row/1000)))
	}
}
