package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestFailureBeforeTheEraseLeavesTheNodeAsItWas: whatever fails before the point of no return, the node is released if its fence was
// tried, and the next one gets its turn. I2.
func TestFailureBeforeTheEraseLeavesTheNodeAsItWas(t *testing.T) {
	for step, tale := range map[string]struct {
		typ  contract.ErrorType
		took string
	}{
		"Recheck":  {contract.ErrorLossGrew, ""},
		"Note":     {contract.ErrorAccessDenied, "Recheck"},
		"Fence":    {contract.ErrorNotFenced, "Recheck Note Release"},
		"Judge":    {contract.ErrorLossGrew, "Recheck Note Fence Release"},
		"Rehearse": {contract.ErrorRehearsal, "Recheck Note Fence Judge Release"},
		"Erase":    {contract.ErrorHeldByOther, "Recheck Note Fence Judge Rehearse Release"},
	} {
		t.Run(step, func(t *testing.T) {
			s := tell(t, "a", "b")
			s.fault(step, "a", fault{err: lasting(tale.typ)})
			report := s.run()
			require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
			require.Equal(t, tale.typ, report.ErrorType)
			require.Equal(t, tale.took, s.steps("a"))
			require.Equal(t, contract.StandingUntouched, s.standing("a"))
			require.Contains(t, s.nodeReport("a").Error, "seen: "+string(tale.typ))
			require.Equal(t, whole, s.steps("b"), "the others go on")
			require.Contains(t, report.Reason, "1 of 2")
			require.Contains(t, report.Reason, "a (left as it was")
		})
	}
}

// TestFenceThatMayBeHalfUpIsLifted: the fence was raised and its answer was lost.
func TestFenceThatMayBeHalfUpIsLifted(t *testing.T) {
	s := tell(t, "a")
	s.fault("Fence", "a", fault{err: passing(contract.ErrorUnreachable), after: true, always: true})
	require.Equal(t, contract.OutcomeFailed, s.run().Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Greater(t, s.count("asked", "Fence", "a"), 1, "tried a few times")
	require.False(t, s.cluster.node("a").fenced)
}

// TestLossThatGrewBehindTheApproval: the last judgement falls behind the fence. I2.
func TestLossThatGrewBehindTheApproval(t *testing.T) {
	for _, step := range []string{"Fence", "Rehearse"} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a", "b")
			s.whenDone(step, "a", func() { s.cluster.node("a").errant = "uuid-of-a:7" })
			report := s.run()
			require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
			require.Equal(t, contract.ErrorLossGrew, report.ErrorType)
			require.Equal(t, contract.StandingUntouched, s.standing("a"))
			require.Equal(t, "uuid-of-a:7", s.cluster.node("a").errant, "the write is still there")
		})
	}
}

// TestAnotherPrimaryStopsEveryErase: after a failover nothing more is destroyed, anywhere. I2.
func TestAnotherPrimaryStopsEveryErase(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.whenDone("Return", "a", func() { s.cluster.anotherPrimary = true })
	report := s.run()
	require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
	require.Equal(t, contract.ErrorIdentity, report.ErrorType)
	for _, node := range []string{"b", "c"} {
		require.Equal(t, contract.StandingUntouched, s.standing(node))
		require.Zero(t, s.count("asked", "Fence", node), "not even fenced")
	}
}

// TestAnotherPrimaryInMidNode: found at the erase, the node is released; found after it, the node stays fenced.
func TestAnotherPrimaryInMidNode(t *testing.T) {
	for step, want := range map[string]contract.Standing{
		"Rehearse": contract.StandingUntouched, "Erase": contract.StandingFenced, "Clone": contract.StandingFenced,
	} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a")
			s.whenDone(step, "a", func() { s.cluster.anotherPrimary = true })
			report := s.run()
			require.Equal(t, contract.OutcomeFailed, report.Outcome)
			require.Equal(t, contract.ErrorIdentity, report.ErrorType)
			require.Equal(t, want, s.standing("a"))
		})
	}
}

// TestFailureBehindTheEraseLeavesTheNodeFenced: never a release after an erase. I3.
func TestFailureBehindTheEraseLeavesTheNodeFenced(t *testing.T) {
	for step, typ := range map[string]contract.ErrorType{
		"Clone": contract.ErrorClone, "Follow": contract.ErrorAccessDenied, "Verify": contract.ErrorProof,
	} {
		t.Run(step, func(t *testing.T) {
			s := tell(t, "a", "b")
			s.fault(step, "a", fault{err: lasting(typ)})
			report := s.run()
			require.Equal(t, contract.StandingFenced, s.standing("a"))
			require.Equal(t, typ, s.nodeReport("a").ErrorType)
			require.Contains(t, s.nodeReport("a").State, "fenced")
			require.Contains(t, s.nodeReport("a").State, "erased")
			require.Zero(t, s.count("asked", "Return", "a"))
			require.True(t, s.cluster.node("a").fenced)
			require.Equal(t, contract.OutcomeFailed, report.Outcome, "a is down and b is the last one in service")
			require.Equal(t, contract.StandingUntouched, s.standing("b"))
			require.Contains(t, s.nodeReport("b").Error, "fewer than 1 secondaries serving")
		})
	}
}

// TestDivergedCopyStaysFenced: a copy that does not equal the primary is never returned. I4.
func TestDivergedCopyStaysFenced(t *testing.T) {
	s := tell(t, "a")
	s.cluster.node("a").corrupts = true
	report := s.run()
	require.Equal(t, contract.OutcomeFailed, report.Outcome)
	require.Equal(t, contract.ErrorDiverged, report.ErrorType)
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	require.Contains(t, s.nodeReport("a").State, "not proven")
	require.Equal(t, contract.ProofDifferent, s.nodeReport("a").Proof.Verdict, "the proof that failed is in the report")
	require.Zero(t, s.count("asked", "Return", "a"))
}

// TestCopyThatCannotBeProvenStaysFenced: a proof with gaps is no proof, but no difference either. I4.
func TestCopyThatCannotBeProvenStaysFenced(t *testing.T) {
	s := tell(t, "a")
	s.cluster.node("a").gaps = true
	report := s.run()
	require.Equal(t, contract.OutcomeFailed, report.Outcome)
	require.Equal(t, contract.ErrorProof, report.ErrorType, "nothing was found to differ")
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	require.NotContains(t, s.nodeReport("a").Error, "differs")
}

// TestRowsLeftOutOnRequest: the node is returned, and the report says no more than was compared.
func TestRowsLeftOutOnRequest(t *testing.T) {
	rows := false
	s := tell(t, "a")
	s.request.Proof.Rows = &rows
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, contract.StandingProven, s.standing("a"))
	require.Contains(t, s.nodeReport("a").State, "rows were not compared")
	require.Contains(t, report.Reason, "rows were not compared")
}

// TestPassingFailuresAreTriedAgain: the number of tries is in the report.
func TestPassingFailuresAreTriedAgain(t *testing.T) {
	s := tell(t, "a")
	for _, step := range strings.Fields(whole) {
		s.fault(step, "a", fault{err: passing(contract.ErrorUnreachable)}, fault{err: passing(contract.ErrorWorkerStopped), after: true})
	}
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	for _, step := range s.nodeReport("a").Steps {
		require.Equal(t, 3, step.Attempts, step.Step)
	}
}

// TestEraseWhoseAnswerWasLostIsTakenUpAgain: the release finds out that something is gone and leaves the fence up; then there are as many
// attempts as it takes.
func TestEraseWhoseAnswerWasLostIsTakenUpAgain(t *testing.T) {
	s := tell(t, "a")
	s.fault("Erase", "a", fault{err: lasting(contract.ErrorMySQL), after: true})
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, contract.StandingProven, s.standing("a"))
	require.Empty(t, s.nodeReport("a").Error)
	require.Equal(t, "Recheck Note Fence Judge Rehearse Erase Release Erase Clone Follow Verify Return", s.steps("a"))
}

// TestEraseIsNotForcedOnANodeThatMayBeIntact: when neither the erase nor the release gets through, the node is left, fenced and named.
func TestEraseIsNotForcedOnANodeThatMayBeIntact(t *testing.T) {
	s := tell(t, "a")
	s.fault("Erase", "a", fault{err: lasting(contract.ErrorUnreachable)})
	s.fault("Release", "a", fault{err: passing(contract.ErrorUnreachable), always: true})
	s.run()
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	require.Contains(t, s.nodeReport("a").Next, "may be intact")
	require.Equal(t, own, s.cluster.node("a").data)
}

// TestReleaseThatFailsIsSaid: the node may be intact, but nobody may believe that it serves.
func TestReleaseThatFailsIsSaid(t *testing.T) {
	s := tell(t, "a", "b")
	s.fault("Rehearse", "a", fault{err: lasting(contract.ErrorRehearsal)})
	s.fault("Release", "a", fault{err: passing(contract.ErrorUnreachable), always: true})
	report := s.run()
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	require.Equal(t, contract.ErrorRehearsal, s.nodeReport("a").ErrorType, "why it came to that stays in the report")
	require.Contains(t, s.nodeReport("a").State, "fenced")
	require.Contains(t, s.nodeReport("a").Next, "seen: Unreachable")
	require.Equal(t, contract.OutcomeFailed, report.Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("b"), "the floor forbids to take b down as well")
}

// TestReturnThatFailsHalfWayIsLookedAt: the fence may be lifted already; the server itself is asked.
func TestReturnThatFailsHalfWayIsLookedAt(t *testing.T) {
	for name, tale := range map[string]struct {
		after bool
		want  contract.Standing
	}{"before the fence is lifted": {false, contract.StandingFenced}, "after it": {true, contract.StandingUnknown}} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "a")
			s.fault("Return", "a", fault{err: lasting(contract.ErrorIdentity), after: tale.after})
			report := s.run()
			require.Equal(t, contract.OutcomeFailed, report.Outcome)
			require.Equal(t, contract.ErrorIdentity, report.ErrorType)
			require.Equal(t, tale.want, s.standing("a"))
			require.NotContains(t, s.nodeReport("a").State, "not proven", "it was proven; its return failed")
		})
	}
}

func TestReturnThatFailsAndNobodyCanLook(t *testing.T) {
	s := tell(t, "a")
	s.fault("Return", "a", fault{err: lasting(contract.ErrorIdentity)})
	s.fault("Inspect", "a", fault{err: passing(contract.ErrorUnreachable), always: true})
	require.Equal(t, contract.OutcomeFailed, s.run().Outcome)
	require.Equal(t, contract.StandingUnknown, s.standing("a"))
	require.Contains(t, s.nodeReport("a").State, "whether it is still fenced could not be seen: seen: Unreachable")
}

// TestWreckIsHealed: a node that an earlier run left fenced is taken as it is, first, and costs no availability.
func TestWreckIsHealed(t *testing.T) {
	s := tell(t, "a", "b")
	wreck := s.cluster.node("b")
	wreck.fenced, wreck.wreck, wreck.following = true, true, false
	require.Equal(t, contract.OutcomePartlySucceeded, s.runFailing("Recheck", "a").Outcome)
	require.Equal(t, contract.StandingProven, s.standing("b"))
	require.Less(t, s.index("begun", "resync/shop/b", "b"), s.index("begun", "resync/shop/a", "a"))
}

// TestWreckIsNeverReleased: it was fenced when it was found.
func TestWreckIsNeverReleased(t *testing.T) {
	s := tell(t, "a")
	wreck := s.cluster.node("a")
	wreck.fenced, wreck.wreck = true, true
	require.Equal(t, contract.OutcomeFailed, s.runFailing("Rehearse", "a").Outcome)
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	require.True(t, wreck.fenced)
}

// runFailing runs with one step failing for good on a node.
func (s *story) runFailing(step, node string) contract.Report {
	s.fault(step, node, fault{err: lasting(contract.ErrorMySQL)})
	return s.run()
}
