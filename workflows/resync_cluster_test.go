package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

const whole = "Recheck Note Fence Judge Rehearse Erase Clone Follow Verify Return"

func TestEverySecondaryIsResynced(t *testing.T) {
	s := tell(t, "a", "b", "c")
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	for _, node := range []string{"a", "b", "c"} {
		require.Equal(t, whole, s.steps(node))
		require.Equal(t, contract.StandingProven, s.standing(node))
		require.NotNil(t, s.nodeReport(node).Copy)
		require.NotNil(t, s.nodeReport(node).Destroyed)
		require.True(t, s.nodeReport(node).Proof.Equal)
		require.Len(t, s.nodeReport(node).Steps, 10)
		require.NotEmpty(t, s.nodeReport(node).Notes)
	}
	require.Equal(t, "ann", report.RequestedBy)
	require.Equal(t, "started-by-hand", report.WorkflowID)
	require.True(t, report.Approval.InAdvance)
	require.NotNil(t, report.Watch)
	require.Len(t, report.Watch.Nodes, 3)
	require.Empty(t, s.asked, "an approval given in advance is not asked for")

	progress, err := s.progress()
	require.NoError(t, err)
	require.Equal(t, contract.PhaseClosed, progress.Phase)
	require.Equal(t, contract.OutcomeSucceeded, progress.Outcome)
	for _, node := range progress.Nodes {
		require.Equal(t, contract.StandingProven, node.Standing)
		require.Equal(t, contract.StepReturn, node.Step, "children tell their steps")
	}
}
