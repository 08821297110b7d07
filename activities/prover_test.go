package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/proof"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestAProofIsMadeAsItWasAskedFor: every option reaches it, and what was not asked for stays off.
func TestAProofIsMadeAsItWasAskedFor(t *testing.T) {
	no := false
	require.Equal(t, proof.Options{
		Streams: 3, SkipRows: true, ServerSide: true, BytesPerSecond: 5 << 20, LockFallback: true, ShowValues: true, HideKeys: true,
	}, optionsOf(contract.ProofOptions{
		Rows: &no, Parallel: 3, Where: contract.ProofWhereServer, ThrottleMiBps: 5, LockFallback: true, Values: true, HideKeys: true,
	}))
	require.Equal(t, proof.Options{Streams: 2}, optionsOf(contract.Request{}.WithDefaults().Proof))
}
