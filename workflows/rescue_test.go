package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// rescued is a story of a node with writes of its own that are to be kept.
func rescued(t *testing.T, names ...string) *story {
	s := tell(t, names...)
	s.request.UnreplicatedWrites = contract.UnreplicatedRescue
	s.cluster.node("a").errant = "uuid-of-a:1-3"
	return s
}

func TestWhatOnlyANodeHasIsKeptBeforeItsErase(t *testing.T) {
	s := rescued(t, "a", "b")
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.True(t, report.Approval.InAdvance, "a rescue destroys nothing: no plan has to be named")
	require.Less(t, s.index("done", "Rescue", "a"), s.index("asked", "Erase", "a"))
	require.Equal(t, "uuid-of-a:1-3", s.nodeReport("a").Rescued.GTIDs)
	require.Zero(t, s.count("asked", "Rescue", "b"), "it has nothing of its own")
}

func TestANodeThatCannotBeRescuedIsLeftAsItWas(t *testing.T) {
	s := rescued(t, "a", "b")
	s.fault("Rescue", "a", fault{err: lasting(contract.ErrorRescue)})
	report := s.run()
	require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Equal(t, contract.ErrorRescue, s.nodeReport("a").ErrorType)
	require.Equal(t, own, s.cluster.node("a").data)
}

func TestDiscardKeepsNothing(t *testing.T) {
	s := rescued(t, "a")
	s.request.UnreplicatedWrites, s.request.Plan = contract.UnreplicatedDiscard, "plan-auuid-of-a:1-3"
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Zero(t, s.count("asked", "Rescue", "a"))
	require.Nil(t, s.nodeReport("a").Rescued)
}
