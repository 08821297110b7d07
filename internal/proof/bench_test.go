//go:build bench

package proof

// The side by side of this file takes about half an hour and needs a quiet machine, about 20 GB of disk and 10 GB of memory:
//
//	make bench-proof
//
// It prints; it judges nothing but memory and verdicts. PROOF_BENCH_SCALE=0.1 makes the data a tenth.

import (
	"crypto/tls"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func benchScale(t *testing.T) float64 {
	t.Helper()
	v := os.Getenv("PROOF_BENCH_SCALE")
	if v == "" {
		return 1
	}
	scale, err := strconv.ParseFloat(v, 64)
	require.NoError(t, err)
	return scale
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func ratio(a, b time.Duration) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

func benchSides(t *testing.T, c *sandbox.Cluster, secondaries int) (Side, []Side) {
	t.Helper()
	var all []Side
	for _, n := range c.Nodes[:1+secondaries] {
		db, err := n.Open(c.Accounts.Admin)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		all = append(all, Side{Name: n.Name, DB: db, Rows: n.Config(c.Accounts.Admin)})
	}
	return all[0], all[1:]
}

// TestBenchSideBySide measures, in one run on the same data: a plain scan, our proof of one secondary and of three, with both ways of
// hashing, and pt-table-checksum; then the latency of a writer's transactions beside each.
func TestBenchSideBySide(t *testing.T) {
	scale := benchScale(t)
	// Four servers share one disk: with a flush at each commit the writer's latency would tell of the disk alone.
	server := sandbox.NodeOptions{BufferPoolMiB: 1800, Settings: []string{"loose_innodb_redo_log_capacity=1G", "sync_binlog=0", "innodb_flush_log_at_trx_commit=2"}}
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{server, server, server, server}})
	primary := c.Primary()
	began := time.Now()
	loadEverywhere(t, c, benchSchema(scale))
	size, err := primary.QueryString(t.Context(), "SELECT ROUND(SUM(clustered_index_size*@@innodb_page_size)/1024/1024) FROM mysql.innodb_table_stats WHERE database_name='bench'")
	require.NoError(t, err)
	say("data: %s MiB of clustered indexes on each of 4 servers, loaded in %v", size, time.Since(began).Round(time.Second))

	var scans []string
	for _, table := range benchTables {
		scans = append(scans, "SELECT COUNT(*) FROM bench."+table)
	}
	scan := func() {
		require.NoError(t, primary.Exec(t.Context(), append([]string{"SET SESSION innodb_parallel_read_threads=1"}, scans...)...))
	}
	var last contract.Proof
	ours := func(secondaries int, o Options) func() {
		p, s := benchSides(t, c, secondaries)
		return func() {
			proofs, err := Run(t.Context(), p, s, o, nil)
			require.NoError(t, err)
			for _, proof := range proofs {
				requireEqual(t, proof)
			}
			last = proofs[0]
		}
	}
	scan() // both warm up
	ours(1, Options{})()
	rows := last.Layer(contract.ProofRows)
	say("our proof compares %d rows, %d MiB of values", rows.Rows, rows.Bytes>>20)
	const rounds = 8
	best := interleaved(t, rounds, c.Nodes, scan, ours(1, Options{}))
	floor, one := best[0], best[1]
	say("COUNT(*) of each table: %v, %v of the primary's processor time", floor.wall.Round(time.Millisecond), floor.server[0])
	tell := func(name string, m cost) {
		say("%-34s %7.2f s wall  primary %6.2f s = %s x COUNT(*)  secondary %6.2f s  this process %5.2f s  pause %d ms", name, m.wall.Seconds(),
			m.server[0].Seconds(), ratio(m.server[0], floor.server[0]), m.server[1].Seconds(), m.own.Seconds(), last.Spans[0].PauseMilliseconds)
	}
	tell("proof, 1 secondary, 2 streams", one)
	tell("proof, 1 secondary, 1 stream", cheapest(t, 2, c.Nodes, ours(1, Options{Streams: 1})))
	tell("proof, 1 secondary, under TLS", cheapest(t, 2, c.Nodes, func() {
		p, s := benchSides(t, c, 1)
		p.Rows.TLS = &tls.Config{InsecureSkipVerify: true}
		s[0].Rows.TLS = p.Rows.TLS
		_, err := Run(t.Context(), p, s, Options{}, nil)
		require.NoError(t, err)
	}))
	three := cheapest(t, 2, c.Nodes, ours(3, Options{}))
	tell("proof, 3 secondaries, 2 streams", three)
	tell("proof, servers hash, 2 streams", cheapest(t, 2, c.Nodes, ours(1, Options{ServerSide: true})))
	say("three secondaries cost the primary %s times one (wanted: at most 1.2)", ratio(three.server[0], one.server[0]))
	say("server against COUNT(*): %s (wanted: at most 3.5)", ratio(one.server[0], floor.server[0]))

	r := fetchRival(t)
	prepareRival(t, primary, c.Nodes[1])
	for _, n := range c.Nodes[2:] { // they would apply its statements on the same processors
		require.NoError(t, n.Exec(t.Context(), "STOP REPLICA"))
	}
	output, err := r.run(t, r.original, primary, c.Accounts.Root)
	first, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
	say("pt-table-checksum as it is: %v: %s", err, first)
	say("mended for this server: %s; and --set-vars explain_format=TRADITIONAL", strings.Join(r.needed, "; "))
	works := true
	theirs := cheapest(t, 2, c.Nodes, func() {
		if !works {
			return
		}
		output, err := r.run(t, r.script, primary, c.Accounts.Root)
		if err != nil {
			works = false
			say("pt-table-checksum, mended: %v: %s", err, output)
			return
		}
		require.NoError(t, c.Nodes[1].WaitFor(t.Context(), primary))
	})
	if works {
		say("%-34s %7.2f s wall  primary %6.2f s = %s x COUNT(*)  secondary %6.2f s", "pt-table-checksum, 1 secondary", theirs.wall.Seconds(),
			theirs.server[0].Seconds(), ratio(theirs.server[0], floor.server[0]), theirs.server[1].Seconds())
		say("wall, ours to theirs: %s (wanted: at most 0.25)", ratio(one.wall, theirs.wall))
		say("primary's processor time, ours to theirs: %s (wanted: at most 0.33); secondary's: %s", ratio(one.server[0], theirs.server[0]), ratio(one.server[1], theirs.server[1]))
	}
	benchLatency(t, c, r, works, ours(1, Options{}))
}

// benchLatency lets a writer of 300 transactions a second run without and beside each.
func benchLatency(t *testing.T, c *sandbox.Cluster, r rival, rivalWorks bool, ours func()) {
	t.Helper()
	primary := c.Primary()
	w, stop := writeSteadily(t, primary, c.Accounts.Root, 300)
	defer stop()
	const least = 20 * time.Second
	beside := func(name string, f func()) time.Duration {
		require.NoError(t, pause(t.Context(), 3*time.Second))
		w.take(t)
		began, runs := time.Now(), 0
		for time.Since(began) < least {
			f()
			runs++
		}
		all := w.take(t)
		say("writer %-28s %d runs, %d transactions, p50 %v  p99 %v  max %v", name, runs, len(all), percentile(all, .5).Round(10*time.Microsecond),
			percentile(all, .99).Round(10*time.Microsecond), percentile(all, 1).Round(10*time.Microsecond))
		return percentile(all, .99)
	}
	idle := func() { require.NoError(t, pause(t.Context(), least)) }
	alone := beside("alone", idle)
	besideOurs := beside("beside our proof", ours)
	aloneAgain := beside("alone again", idle)
	alone = max(alone, aloneAgain)
	say("p99 beside our proof to alone: %s (wanted: at most 2)", ratio(besideOurs, alone))
	if rivalWorks {
		besideTheirs := beside("beside pt-table-checksum", func() {
			output, err := r.run(t, r.script, primary, c.Accounts.Root)
			if err != nil {
				say("pt-table-checksum: %v: %s", err, output)
			}
		})
		say("p99 beside our proof to beside pt-table-checksum: %s (wanted: below 1)", ratio(besideOurs, besideTheirs))
	}
}

// TestBenchMemory proves one table of 0.2, 2 and 8 GB and follows what this process holds of the system.
func TestBenchMemory(t *testing.T) {
	scale := benchScale(t)
	server := sandbox.NodeOptions{BufferPoolMiB: 512, Settings: []string{"loose_innodb_redo_log_capacity=1G"}}
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{server, server}})
	statements := []string{"SET SESSION sql_log_bin=0", "SET SESSION cte_max_recursion_depth=20000000", "CREATE DATABASE bench", "USE bench",
		"CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(600), b VARBINARY(600))",
		"INSERT INTO big (a,b) WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<20000) SELECT REPEAT(CHAR(97+i%26),500), REPEAT(CHAR(i%256),500) FROM r"}
	loadEverywhere(t, c, statements)
	rows := 20_000.0
	p, s := benchSides(t, c, 1)
	for _, gb := range []float64{0.2, 2, 8} {
		var more []string
		for wanted := gb * scale * 1e9 / 1060; rows < wanted; {
			add := min(rows, wanted-rows)
			more = append(more, fmt.Sprintf("INSERT INTO bench.big (a,b) SELECT a,b FROM bench.big WHERE id <= %d", int(add)))
			rows += add
		}
		loadEverywhere(t, c, append([]string{"SET SESSION sql_log_bin=0"}, append(more, "ANALYZE NO_WRITE_TO_BINLOG TABLE bench.big")...))
		debug.FreeOSMemory()
		idle, peak, stop := watchMemory()
		resident := residentMiB(t)
		began := time.Now()
		proofs, err := Run(t.Context(), p, s, Options{}, nil)
		require.NoError(t, err)
		stop()
		requireEqual(t, proofs[0])
		layer := proofs[0].Layer(contract.ProofRows)
		say("%4.1f GB: %d rows, %d MiB of values in %v; memory above idle: heap and stacks +%d MiB, resident +%d MiB (wanted: at most 64)", gb, layer.Rows,
			layer.Bytes>>20, time.Since(began).Round(time.Millisecond), (peak.Load()-idle)>>20, residentMiB(t)-resident)
		require.Less(t, peak.Load()-idle, int64(64<<20))
	}
}

// residentMiB is the resident set of this process.
func residentMiB(t *testing.T) int64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	return number([]byte(strings.Fields(string(raw))[1])) * int64(os.Getpagesize()) >> 20
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
