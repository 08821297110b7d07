package proof

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestDDLPassesWhileRowsAreRead alters tables that are being read slowly. The ALTER gives up after a second, so it passes only if the
// reading lets its metadata lock go; the tables are then read again as they are now.
func TestDDLPassesWhileRowsAreRead(t *testing.T) {
	var statements []string
	for i := range 2 {
		statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, v VARCHAR(100))", i),
			fmt.Sprintf("INSERT INTO t%d WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<1000) SELECT i, REPEAT('x',100) FROM r", i),
			fmt.Sprintf("ANALYZE TABLE t%d", i))
	}
	fresh(t, "proof_ddl", statements...)
	altered := 0
	alter := func() error {
		altered++
		return lab.Primary().Exec(t.Context(), "SET SESSION lock_wait_timeout=1",
			"ALTER TABLE proof_ddl.t0 ADD c INT, ALGORITHM=INPLACE", "ALTER TABLE proof_ddl.t1 ADD c INT, ALGORITHM=INPLACE", "INSERT INTO proof_ddl.t0 VALUES (5000,'y',7)")
	}
	var failed error
	o := Options{BytesPerSecond: 60_000, IgnoreAccounts: rootAccounts, sizes: sizes{blockRows: 50, rangeRows: 1 << 40, resumeRows: 1}}
	proofs, err := Run(t.Context(), sideOf(t, lab.Primary()), secondarySides(t), o, func(p Progress) {
		if p.Stage == "rows" && p.Rows > 200 && altered == 0 {
			failed = alter()
		}
	})
	require.NoError(t, err)
	require.NoError(t, failed, "the ALTER had to wait for the proof")
	require.Equal(t, 1, altered)
	for _, p := range proofs {
		requireEqual(t, p)
		require.Greater(t, len(p.Spans), 1, "what was altered must be read again on another pair")
		require.EqualValues(t, 2001, p.Layer(contract.ProofRows).Rows, "the row that came after the ALTER included")
	}
}

// numbered gives a statement that fills a table with so many rows of a number and 100 characters.
func numbered(name string, rows int) string {
	return fmt.Sprintf("INSERT INTO %s WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<%d) SELECT i, REPEAT('x',100) FROM r", name, rows)
}

// TestManySmallTablesKeepToTheLimit: each of them ends within its first block. That it takes no less than the limit allows holds on any
// machine.
func TestManySmallTablesKeepToTheLimit(t *testing.T) {
	const tables, rows = 8, 200
	var statements []string
	for i := range tables {
		name := fmt.Sprintf("t%d", i)
		statements = append(statements, "CREATE TABLE "+name+" (id INT PRIMARY KEY, v VARCHAR(100))", numbered(name, rows))
	}
	fresh(t, "proof_small", statements...)
	for name, o := range map[string]Options{
		"by the client": {}, "by the servers": {ServerSide: true}, "in batches": {sizes: sizes{blockRows: 20_000, rangeRows: 1 << 40, resumeRows: 1, batch: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Streams, o.BytesPerSecond = 1, 100_000
			began := time.Now()
			proofs := prove(t, o)
			took := time.Since(began)
			for _, p := range proofs {
				requireEqual(t, p)
			}
			layer := proofs[0].Layer(contract.ProofRows)
			require.EqualValues(t, tables*rows, layer.Rows)
			if name == "in batches" {
				return // all of it is one statement
			}
			owed := time.Duration(float64(layer.Bytes) * (tables - 1) / tables / float64(o.BytesPerSecond) * float64(time.Second))
			require.Greater(t, took, owed-limiterSlack)
		})
	}
}

// TestDDLPassesATableWithoutKey: such a table is read in one statement, which has to be given up for an ALTER that waits behind it.
func TestDDLPassesATableWithoutKey(t *testing.T) {
	for name, serverSide := range map[string]bool{"by the client": false, "by the servers": true} {
		t.Run(name, func(t *testing.T) {
			rows := 1000
			if serverSide {
				rows = 100_000
			}
			fresh(t, "proof_bag", "CREATE TABLE b (id INT, v VARCHAR(100), w TEXT)", "SET SESSION cte_max_recursion_depth=1000000",
				strings.Replace(numbered("b", rows), "INTO b", "INTO b (id,v)", 1))
			if !serverSide { // more than what lies between server and client: it must be in the middle of its answer
				onPrimary(t, "UPDATE proof_bag.b SET w=REPEAT('w', 20000)")
			}
			altered := make(chan error, 1)
			go func() {
				for lockedBy, err := "0", error(nil); err == nil && lockedBy == "0"; {
					lockedBy, err = lab.Primary().QueryString(t.Context(), `SELECT COUNT(*) FROM performance_schema.metadata_locks
						WHERE OBJECT_SCHEMA='proof_bag' AND OBJECT_NAME='b' AND LOCK_TYPE='SHARED_READ'`) // its definition is read with another
				}
				altered <- lab.Primary().Exec(t.Context(), "SET SESSION lock_wait_timeout=30", "ALTER TABLE proof_bag.b ADD c INT, ALGORITHM=INPLACE")
			}()
			o := Options{ServerSide: serverSide, sizes: sizes{blockRows: 20_000, rangeRows: 1 << 40, resumeRows: 1, look: 50 * time.Millisecond}}
			if !serverSide { // a server cannot be slowed down within its statement
				o.BytesPerSecond = 10_000_000
			}
			proofs := prove(t, o)
			require.NoError(t, <-altered)
			for _, p := range proofs {
				requireEqual(t, p)
				require.Greater(t, len(p.Spans), 1, "the reading did not give way")
				require.EqualValues(t, rows, p.Layer(contract.ProofRows).Rows)
			}
		})
	}
}

// TestSnapshotIsGivenUpForTheHistory: old row versions must not pile up on the primary for as long as a proof takes.
func TestSnapshotIsGivenUpForTheHistory(t *testing.T) {
	fresh(t, "proof_history", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))", numbered("t", 500), "ANALYZE TABLE t",
		"CREATE TABLE written (id INT PRIMARY KEY, n INT)", "INSERT INTO written VALUES (1,0)")
	count, stop := writers(t, 1, func(ctx context.Context, conn *sql.Conn, i int64) error {
		if _, err := conn.ExecContext(ctx, "UPDATE proof_history.written SET n=n+1"); err != nil {
			return err
		}
		return pause(ctx, 5*time.Millisecond)
	})
	proofs := prove(t, Options{Streams: 1, BytesPerSecond: 30_000, sizes: sizes{blockRows: 20, rangeRows: 1 << 40, resumeRows: 1, history: 20, look: 50 * time.Millisecond}})
	stop()
	require.Greater(t, count(), int64(20))
	for _, p := range proofs {
		requireEqual(t, p)
		require.Greater(t, len(p.Spans), 1, "the snapshot was not given up")
	}
}

// TestBusyPrimaryIsReadSlowly keeps sessions at work on the primary, and wants the proof to rest, and to say so.
func TestBusyPrimaryIsReadSlowly(t *testing.T) {
	fresh(t, "proof_busier", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))", numbered("t", 200), "ANALYZE TABLE t")
	_, stop := writers(t, 4, func(ctx context.Context, conn *sql.Conn, _ int64) error {
		_, err := conn.ExecContext(ctx, "DO SLEEP(0.5)")
		return err
	})
	o := Options{Streams: 1, BytesPerSecond: 50_000, sizes: sizes{blockRows: 50, rangeRows: 1 << 40, resumeRows: 1, look: 50 * time.Millisecond}}
	rested := func(o Options) bool {
		proofs := prove(t, o)
		requireEqual(t, proofs[0])
		return strings.Contains(strings.Join(proofs[0].Layer(contract.ProofRows).Notes, "; "), "slowed down")
	}
	o.BusyThreads = 2
	require.True(t, rested(o))
	o.BusyThreads = 1000
	require.False(t, rested(o))
	stop()
}

// TestOtherEnginesAreSaidToHaveNoSnapshot wants a MyISAM table compared, and the reader warned.
func TestOtherEnginesAreSaidToHaveNoSnapshot(t *testing.T) {
	fresh(t, "proof_isam", "CREATE TABLE m (id INT PRIMARY KEY, v INT) ENGINE=MyISAM", "INSERT INTO m VALUES (1,1),(2,2)")
	proofs := prove(t, Options{})
	requireEqual(t, proofs[0])
	require.Contains(t, proofs[0].Layer(contract.ProofRows).Notes[0], "MyISAM")
	harm(t, lab.Secondaries()[0], "UPDATE proof_isam.m SET v=3 WHERE id=2")
	proofs = prove(t, Options{})
	require.EqualValues(t, 1, proofs[0].Layer(contract.ProofRows).Differences)
	requireEqual(t, proofs[1])
}
