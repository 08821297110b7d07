package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestQuietIsWaitedForAfterTheApprovalAndBeforeAnyNode(t *testing.T) {
	s := tell(t, "a")
	s.request.Quiet = &contract.Quiet{Sessions: 3}
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Len(t, s.quiet, 1)
	require.Equal(t, 3, s.quiet[0].Quiet.Sessions)
	require.Equal(t, "30s", s.quiet[0].Quiet.For.String())
	require.WithinDuration(t, report.Began.Add(time.Hour), s.quiet[0].Until, time.Minute)
	require.Less(t, s.index("done", "WaitQuiet", ""), s.index("asked", "Recheck", "a"))
	require.Len(t, s.plans, 2, "after the wait everything is looked at once more")
}

func TestABusyPrimaryRefusesTheRun(t *testing.T) {
	s := tell(t, "a")
	s.request.Quiet, s.cluster.busy = &contract.Quiet{}, true
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorNotQuiet, report.ErrorType)
	require.Empty(t, report.Nodes)
}

func TestWhatChangesWhileQuietIsWaitedForVoidsTheApproval(t *testing.T) {
	s := tell(t, "a")
	s.request.Quiet, s.request.UnreplicatedWrites = &contract.Quiet{}, contract.UnreplicatedDiscard
	s.when("WaitQuiet", "", func() { s.cluster.node("a").errant = "uuid-of-a:1" })
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorPlanChanged, report.ErrorType)
}

func TestACancelEndsTheWaitForQuiet(t *testing.T) {
	s := tell(t, "a")
	s.request.Quiet = &contract.Quiet{}
	s.when("WaitQuiet", "", func() { s.cancel() })
	report := s.run()
	require.Equal(t, contract.OutcomeCancelled, report.Outcome)
	require.Empty(t, report.Nodes)
}
