//go:build bench

package proof

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// benchSchema are about 1 GB of rows of every kind, for scale 1. The statements are run on every server by itself, past the binary log:
// they give the same rows everywhere, and far sooner than replication.
func benchSchema(scale float64) []string {
	n := func(rows int) int { return int(float64(rows) * scale) }
	seq := func(rows int) string { return fmt.Sprintf("FROM bench.seq WHERE i <= %d", n(rows)) }
	var wide, values []string
	for i, c := range []struct{ kind, value string }{
		{"INT", "i*3"}, {"BIGINT UNSIGNED", "i*7919"}, {"SMALLINT", "i%30000"}, {"DATE", "'2020-01-01' + INTERVAL i%2000 DAY"},
		{"VARCHAR(100)", "REPEAT(CHAR(97+i%26), 20+i%40)"}, {"VARCHAR(100)", "CONCAT('user', i, '@example.com')"}, {"CHAR(20)", "CONCAT('c', i%1000)"},
		{"DECIMAL(20,4)", "i/7"}, {"DECIMAL(10,2)", "i%99999/100"}, {"DATETIME(6)", "'2024-01-01' + INTERVAL i SECOND"}, {"TIMESTAMP NULL", "'2024-01-01' + INTERVAL i%9999 MINUTE"},
		{"DOUBLE", "i/7"}, {"FLOAT", "i/3"}, {"JSON", "JSON_OBJECT('id', i, 'tag', CONCAT('t', i%100))"}, {"VARBINARY(100)", "REPEAT(CHAR(i%256), 60)"},
		{"TEXT", "IF(i%5=0, NULL, REPEAT('lorem ', 30+i%40))"}, {"BLOB", "REPEAT(UNHEX(SHA2(i,256)), 15+i%30)"}, {"ENUM('a','b','c')", "1+i%3"},
	} {
		wide, values = append(wide, fmt.Sprintf("c%d %s", i, c.kind)), append(values, c.value)
	}
	return []string{
		"SET SESSION sql_log_bin=0", "SET SESSION unique_checks=0", "SET SESSION foreign_key_checks=0", "SET SESSION time_zone='+00:00'",
		"SET SESSION cte_max_recursion_depth=20000000", "CREATE DATABASE bench", "USE bench",
		"CREATE TABLE seq (i INT PRIMARY KEY)",
		fmt.Sprintf("INSERT INTO seq WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<%d) SELECT i FROM r", n(6_000_000)),
		"CREATE TABLE narrow (id BIGINT PRIMARY KEY, a INT, b INT)", "INSERT INTO narrow SELECT i, i%1000, i " + seq(6_000_000),
		"CREATE TABLE wide (id INT PRIMARY KEY, k INT, " + strings.Join(wide, ", ") + ")", "INSERT INTO wide SELECT i, i%100, " + strings.Join(values, ", ") + " " + seq(400_000),
		"CREATE TABLE composite (t INT, ts DATETIME, seq INT, v VARCHAR(40), PRIMARY KEY (t,ts,seq))",
		"INSERT INTO composite SELECT i%50, '2024-01-01' + INTERVAL i SECOND, i, REPEAT('v', 20+i%20) " + seq(400_000),
		"CREATE TABLE uu (id BINARY(16) PRIMARY KEY, v VARCHAR(60))", "INSERT INTO uu SELECT UNHEX(LEFT(SHA2(i,256),32)), REPEAT('u', 30+i%30) " + seq(400_000),
		"CREATE TABLE keyless (a INT, b VARCHAR(40))", "INSERT INTO keyless SELECT i%5000, REPEAT('k', 10+i%30) " + seq(200_000),
		"CREATE TABLE computed (id INT PRIMARY KEY, a INT, s INT AS (a*2) STORED, v INT AS (a*3) VIRTUAL)", "INSERT INTO computed (id,a) SELECT i, i%777 " + seq(300_000),
		"CREATE TABLE parts (id INT PRIMARY KEY, v VARCHAR(40)) PARTITION BY HASH(id) PARTITIONS 8", "INSERT INTO parts SELECT i, REPEAT('p', 10+i%30) " + seq(300_000),
		"DROP TABLE seq", "CREATE TABLE hits (id BIGINT AUTO_INCREMENT PRIMARY KEY, who INT, at DATETIME(6))",
		"ANALYZE NO_WRITE_TO_BINLOG TABLE narrow, wide, composite, uu, keyless, computed, parts, hits",
	}
}

// benchTables are those of benchSchema, for a plain scan.
var benchTables = []string{"narrow", "wide", "composite", "uu", "keyless", "computed", "parts"}

// loadEverywhere fills all nodes alike.
func loadEverywhere(t *testing.T, c *sandbox.Cluster, statements []string) {
	t.Helper()
	var all errgroup.Group
	all.SetLimit(2)
	for i, n := range c.Nodes {
		all.Go(func() error {
			if i == 0 {
				return n.Exec(t.Context(), statements...)
			}
			return n.Exec(t.Context(), append(append([]string{"SET GLOBAL super_read_only=OFF"}, statements...), "SET GLOBAL super_read_only=ON")...)
		})
	}
	require.NoError(t, all.Wait())
	for _, n := range c.Nodes { // what the loading left to do must not be measured
		require.NoError(t, n.Exec(t.Context(), "SET GLOBAL innodb_max_dirty_pages_pct=0"))
		require.Eventually(t, func() bool {
			v, err := n.QueryString(t.Context(), "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME='Innodb_buffer_pool_pages_dirty'")
			return err == nil && number([]byte(v)) < 200
		}, 5*time.Minute, 200*time.Millisecond)
		require.NoError(t, n.Exec(t.Context(), "SET GLOBAL innodb_max_dirty_pages_pct=DEFAULT"))
	}
}

// cost is what something took.
type cost struct {
	wall   time.Duration
	server []time.Duration // processor time of each node's server
	own    time.Duration   // of this process
}

func measure(t *testing.T, nodes []*sandbox.Node, f func()) cost {
	t.Helper()
	read := func() (all []time.Duration) {
		for _, n := range nodes {
			all = append(all, processorTime(t, fmt.Sprintf("/proc/%d/stat", n.PID())))
		}
		return append(all, processorTime(t, "/proc/self/stat"))
	}
	before, began := read(), time.Now()
	f()
	c := cost{wall: time.Since(began)}
	after := read()
	for i := range nodes {
		c.server = append(c.server, after[i]-before[i])
	}
	c.own = after[len(nodes)] - before[len(nodes)]
	return c
}

// cheapest repeats a measurement and keeps the one that cost the first node least: whatever else the machine does only adds.
func cheapest(t *testing.T, times int, nodes []*sandbox.Node, f func()) cost {
	t.Helper()
	return interleaved(t, times, nodes, f)[0]
}

// interleaved is cheapest of several, in turns: a machine that is faster now than later is so for all of them.
func interleaved(t *testing.T, times int, nodes []*sandbox.Node, fs ...func()) []cost {
	t.Helper()
	best := make([]cost, len(fs))
	for round := range times {
		for i, f := range fs {
			if c := measure(t, nodes, f); round == 0 || c.server[0] < best[i].server[0] {
				best[i] = c
			}
		}
	}
	return best
}

// processorTime is user and system time, of which /proc tells hundredths of a second.
func processorTime(t *testing.T, path string) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	return time.Duration(number([]byte(fields[11]))+number([]byte(fields[12]))) * 10 * time.Millisecond
}

func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}
