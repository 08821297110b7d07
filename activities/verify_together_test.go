package activities

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestProofsOfAGroupFitIntoOnePayload: what is listed gives way, what is counted does not, and what fits is left alone.
func TestProofsOfAGroupFitIntoOnePayload(t *testing.T) {
	var nodes []VerifiedNode
	for n := range 8 {
		p := contract.Proof{Node: fmt.Sprint("db", n), Verdict: contract.ProofDifferent}
		for _, name := range []contract.ProofLayerName{contract.ProofGTIDs, contract.ProofSchema, contract.ProofAccounts, contract.ProofSettings, contract.ProofRows} {
			layer := contract.ProofLayer{Name: name, Verdict: contract.ProofDifferent, Differences: 100_000}
			for i := range 100 {
				layer.Listed = append(layer.Listed, contract.ProofDifference{Kind: contract.ProofChanged, Object: "row", Key: fmt.Sprint(i, strings.Repeat("x", 2000))})
				layer.Notes = append(layer.Notes, strings.Repeat("n", 300))
			}
			p.Layers = append(p.Layers, layer)
		}
		for range 500 {
			p.Spans = append(p.Spans, contract.ProofSpan{GTIDs: strings.Repeat("g", 200)})
		}
		nodes = append(nodes, VerifiedNode{Proof: &p})
	}
	nodes = append(nodes, VerifiedNode{Lost: &Lost{Node: "db9", Type: contract.ErrorUnreachable}})
	require.Greater(t, sizeOf(nodes), 2<<20, "else nothing is shown")
	short := shortened(nodes, maxTogether)
	require.LessOrEqual(t, sizeOf(short), maxTogether)
	for _, one := range short[:8] {
		require.Len(t, one.Proof.Layers, 5)
		for _, layer := range one.Proof.Layers {
			require.EqualValues(t, 100_000, layer.Differences)
			require.NotEmpty(t, layer.Listed)
			require.Contains(t, layer.Notes[len(layer.Notes)-1], fmt.Sprintf("no more than %d are listed", len(layer.Listed)))
		}
		require.NotEmpty(t, one.Proof.Spans)
	}
	require.Equal(t, "db9", short[8].Lost.Node)
	require.Len(t, nodes[0].Proof.Layers[0].Listed, 100, "the proofs themselves are not touched")
	require.Equal(t, nodes[:1], shortened(nodes[:1], 2<<20))
}
