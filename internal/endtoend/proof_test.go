package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestVerifyOnTheServers: healthy secondaries are proven as they are by digests that the servers make, and serve as the inventory declares.
func TestVerifyOnTheServers(t *testing.T) {
	startWorker(t)
	request := resync()
	request.Mode, request.Confirm = contract.ModeVerify, ""
	request.Proof.Where = contract.ProofWhereServer
	report := finish(t, start(t, "verify-on-servers", request))
	requireOutcome(t, contract.OutcomeVerified, report)
	for _, node := range report.Nodes {
		layers := map[contract.ProofLayerName]contract.ProofVerdict{}
		for _, layer := range node.Proof.Layers {
			layers[layer.Name] = layer.Verdict
		}
		require.Equal(t, contract.ProofEqual, layers[contract.ProofRows], node.Name)
		require.Equal(t, contract.ProofEqual, layers[contract.ProofService], node.Name)
	}
}
