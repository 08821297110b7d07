//go:build heavy

package proof

// The tests of this file take minutes and are run by themselves:
//
//	go test -tags heavy -run Heavy -v ./internal/proof

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestHeavySnapshotPairIsExact takes hundreds of pairs.
func TestHeavySnapshotPairIsExact(t *testing.T) { exactPairs(t, 300) }

// TestHeavyPrimarySnapshotIsExact takes thousands of the primary's half.
func TestHeavyPrimarySnapshotIsExact(t *testing.T) { exactSnapshots(t, 3000) }

// TestHeavyNoFalseAlarm is fifty runs under writes with DDL. It tells how many writes a second there were: the machine decides, and 300 are
// wanted. No commit waits for the disk, which three servers share.
func TestHeavyNoFalseAlarm(t *testing.T) {
	for _, n := range lab.Nodes {
		require.NoError(t, n.Exec(t.Context(), "SET GLOBAL sync_binlog=0", "SET GLOBAL innodb_flush_log_at_trx_commit=2"))
		t.Cleanup(func() {
			require.NoError(t, n.Exec(context.Background(), "SET GLOBAL sync_binlog=DEFAULT", "SET GLOBAL innodb_flush_log_at_trx_commit=DEFAULT"))
		})
	}
	falseAlarms(t, 50, 10)
}

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
