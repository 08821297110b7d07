//go:build heavy

package proof

// The tests of this file take minutes and are run by themselves:
//
//	go test -tags heavy -run Heavy -v ./internal/proof

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestHeavySnapshotPairIsExact takes hundreds of pairs.
func TestHeavySnapshotPairIsExact(t *testing.T) { exactPairs(t, 300) }

// TestHeavyPrimarySnapshotIsExact takes thousands of the primary's half.
func TestHeavyPrimarySnapshotIsExact(t *testing.T) { exactSnapshots(t, 3000) }

// TestHeavyNoFalseAlarm is fifty runs under writes with DDL.
func TestHeavyNoFalseAlarm(t *testing.T) { falseAlarms(t, 50) }

// TestHeavyTenThousandTables wants neither a connection nor a metadata statement per table.
func TestHeavyTenThousandTables(t *testing.T) {
	const tables = 10_000
	var statements []string
	for i := range tables {
		statements = append(statements, fmt.Sprintf("CREATE TABLE t%05d (id INT PRIMARY KEY, v VARCHAR(10))", i))
		if i%100 == 0 {
			statements = append(statements, fmt.Sprintf("INSERT INTO t%05d VALUES (1,'a'),(2,'b')", i))
		}
	}
	fresh(t, "proof_wide", statements...)
	harm(t, lab.Secondaries()[0], "UPDATE proof_wide.t07300 SET v='c' WHERE id=2")
	for _, streams := range []int{1, 2} {
		began := time.Now()
		proofs := prove(t, Options{Streams: streams})
		t.Logf("%d tables, %d streams, two secondaries: %v", tables, streams, time.Since(began).Round(10*time.Millisecond))
		requireEqual(t, proofs[1])
		require.EqualValues(t, tables, proofs[1].Layer(contract.ProofRows).Examined)
		rows := proofs[0].Layer(contract.ProofRows)
		require.EqualValues(t, 1, rows.Differences)
		require.Equal(t, "t07300", rows.Listed[0].Name)
	}
}

// TestHeavyCost measures what a proof costs the primary, against a plain scan, with one secondary and with two, and what it costs here.
// It judges memory; times are for a reader.
func TestHeavyCost(t *testing.T) {
	fresh(t, "proof_cost",
		"CREATE TABLE narrow (id BIGINT AUTO_INCREMENT PRIMARY KEY, a INT, b INT)",
		"SET SESSION cte_max_recursion_depth=3000000",
		"INSERT INTO narrow (a,b) WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<1000000) SELECT i, i%97 FROM r",
		"INSERT INTO narrow (a,b) SELECT a,b FROM narrow", "INSERT INTO narrow (a,b) SELECT a,b FROM narrow",
		"CREATE TABLE wide (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(300), d DATETIME, n DECIMAL(20,4), j JSON, b VARBINARY(300), f DOUBLE)",
		"INSERT INTO wide (t,d,n,j,b,f) SELECT REPEAT(CHAR(97+a%20), 200), '2024-01-01' + INTERVAL a SECOND, a/7, JSON_OBJECT('a',a,'b','x'), REPEAT(CHAR(a%256), 250), a/3 FROM narrow LIMIT 300000",
		"ANALYZE TABLE narrow, wide")
	primary := lab.Primary()
	scan := func() { // the floor: what a plain scan of all rows costs
		require.NoError(t, primary.Exec(t.Context(), "SET SESSION innodb_parallel_read_threads=1",
			"SELECT COUNT(*) FROM proof_cost.narrow FORCE INDEX (PRIMARY)", "SELECT COUNT(*) FROM proof_cost.wide FORCE INDEX (PRIMARY)"))
	}
	scan()
	floor := cpu(t, primary, scan)
	t.Logf("COUNT(*): %v of the primary's CPU", floor)
	for _, secondaries := range []int{1, 2} {
		for _, streams := range []int{1, 2} {
			runtime.GC()
			idle, peak, stop := watchMemory()
			began := time.Now()
			var proofs []contract.Proof
			used := cpu(t, primary, func() {
				var err error
				proofs, err = Run(t.Context(), sideOf(t, primary), secondarySides(t)[:secondaries], Options{Streams: streams, IgnoreAccounts: rootAccounts}, nil)
				require.NoError(t, err)
			})
			wall := time.Since(began)
			stop()
			for _, p := range proofs {
				requireEqual(t, p)
			}
			rows := proofs[0].Layer(contract.ProofRows)
			t.Logf("%d secondaries, %d streams: %v, %d rows, %d MB of values, primary's CPU %v = %.2f x COUNT(*), pause %d ms, memory +%d MiB",
				secondaries, streams, wall.Round(time.Millisecond), rows.Rows, rows.Bytes>>20, used, float64(used)/float64(floor),
				proofs[0].Spans[0].PauseMilliseconds, (peak.Load()-idle)>>20)
			require.Less(t, peak.Load()-idle, int64(64<<20), "memory of the worker above idle")
		}
	}
}

// cpu gives the processor time that a node's server spent while f ran.
func cpu(t *testing.T, n *sandbox.Node, f func()) time.Duration {
	t.Helper()
	read := func() int64 {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.PID()))
		require.NoError(t, err)
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		return number([]byte(fields[11])) + number([]byte(fields[12])) // user and system, in hundredths of a second
	}
	before := read()
	f()
	return time.Duration(read()-before) * 10 * time.Millisecond
}

// watchMemory follows what this process holds of the system.
func watchMemory() (idle int64, peak *atomic.Int64, stop func()) {
	read := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	idle, peak = read(), new(atomic.Int64)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			peak.Store(max(peak.Load(), read()))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return idle, peak, func() { close(done); <-ended }
}
