package proof

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestServerSideSendsDigests counts what the servers send: of equal tables next to nothing, of a differing one a few rows around the
// difference.
func TestServerSideSendsDigests(t *testing.T) {
	fresh(t, "proof_sent",
		"CREATE TABLE k (id INT PRIMARY KEY, v VARCHAR(1000))",
		"SET SESSION cte_max_recursion_depth=10000",
		"INSERT INTO k WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<10000) SELECT i, REPEAT(i,150) FROM r",
		"CREATE TABLE nok AS SELECT v FROM k", "ANALYZE TABLE k, nok")
	nodes := []*sandbox.Node{lab.Primary(), lab.Secondaries()[0]}
	sent := func(o Options, want func(contract.Proof)) (bytes []int64) {
		before := []int64{bytesSent(t, nodes[0]), bytesSent(t, nodes[1])}
		proofs := prove(t, o)
		want(proofs[0])
		for i, n := range nodes {
			bytes = append(bytes, bytesSent(t, n)-before[i])
		}
		return bytes
	}
	equal := func(p contract.Proof) {
		requireEqual(t, p)
		require.EqualValues(t, 20_000, p.Layer(contract.ProofRows).Rows)
	}
	rows := sent(Options{}, equal)
	digests := sent(Options{ServerSide: true}, equal)
	for i, n := range nodes {
		require.Greater(t, rows[i], int64(10_000_000), n.Name)
		require.Less(t, digests[i], rows[i]/20, n.Name)
	}
	harm(t, nodes[1], "UPDATE proof_sent.k SET v='' WHERE id=7007")
	one := sent(Options{ServerSide: true}, func(p contract.Proof) {
		require.EqualValues(t, 1, p.Differences(), describe(p))
		require.Equal(t, "`id`=7007", p.Layer(contract.ProofRows).Listed[0].Key)
	})
	for i, n := range nodes {
		require.Less(t, one[i], rows[i]/10, n.Name)
	}
}

func bytesSent(t *testing.T, n *sandbox.Node) int64 {
	t.Helper()
	v, err := n.QueryString(t.Context(), "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME='Bytes_sent'")
	require.NoError(t, err)
	return number([]byte(v))
}

// TestServerSideNeedsPackets: beyond max_allowed_packet a row's text is NULL, and its hash would say nothing.
func TestServerSideNeedsPackets(t *testing.T) {
	n := lab.Secondaries()[1]
	require.NoError(t, n.Exec(t.Context(), "SET GLOBAL max_allowed_packet=65536"))
	t.Cleanup(func() {
		require.NoError(t, n.Exec(context.WithoutCancel(t.Context()), "SET GLOBAL max_allowed_packet=DEFAULT"))
	})
	_, err := Run(t.Context(), sideOf(t, lab.Primary()), secondarySides(t), Options{ServerSide: true}, nil)
	require.ErrorIs(t, err, ErrUnfit)
	require.ErrorContains(t, err, "max_allowed_packet")
	for _, p := range prove(t, Options{}) {
		requireEqual(t, p)
	}
}
