package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestDonorBehindAFirewall: the worker reaches the primary, the secondaries do not. That is found out before anything is touched.
func TestDonorBehindAFirewall(t *testing.T) {
	startWorker(t)
	before := stateOf(t, node("db2"))
	link := lab.cluster.Primary().PeerLink
	link.Cut()
	defer func() { require.NoError(t, link.Heal()) }()
	report := finish(t, start(t, "firewall", resync("db2")))
	requireOutcome(t, contract.OutcomeRefused, report)
	require.Equal(t, contract.PreconditionError("network-path"), report.ErrorType, "%+v", report.Plan.Failures())
	require.NoError(t, link.Heal())
	require.Equal(t, before, stateOf(t, node("db2")))
	requireHealthy(t, node("db2"))
}
