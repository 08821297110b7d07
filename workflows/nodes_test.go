package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// donors says who fed whom, in the order in which the copies were made.
func (s *story) donors() []string {
	var pairs []string
	for _, e := range s.record {
		if e.kind == "done" && e.step == "Clone" {
			pairs = append(pairs, e.donor+">"+e.node)
		}
	}
	return pairs
}

func TestAnySecondaryThatWasReturnedDonates(t *testing.T) {
	s := tell(t, "a", "b", "c")
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"p>a", "a>b", "a>c"}, s.donors())
}

// TestAFencedSecondaryDonates: from the moment it follows the primary, while it is still being proven, if the donor account passes fences.
func TestAFencedSecondaryDonates(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.cluster.fencedDonors = true
	none := 0
	s.request.MaxParallel, s.request.MinServing = 3, &none
	s.awaitsOf("Verify", "a", "done", "Clone", "c", 1)
	s.awaitsOf("Clone", "b", "begun", "resync/shop/c", "c", 1)
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.ElementsMatch(t, []string{"p>a", "p>b", "a>c"}, s.donors())
}

// TestAFencedSecondaryIsProvenBeforeItDonates, without that grant.
func TestAFencedSecondaryIsProvenBeforeItDonates(t *testing.T) {
	s := tell(t, "a", "b", "c")
	none := 0
	s.request.MaxParallel, s.request.MinServing = 3, &none
	s.awaitsOf("Verify", "a", "asked", "Clone", "b", 1)
	s.awaitsOf("Clone", "b", "begun", "resync/shop/c", "c", 1)
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.ElementsMatch(t, []string{"p>a", "p>b", "a>c"}, s.donors())
	require.Less(t, s.index("done", "Return", "a"), s.index("begun", "resync/shop/c", "c"))
}

func TestOnlyThePrimaryDonatesOnRequest(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Donors = contract.DonorsPrimary
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"p>a", "p>b", "p>c"}, s.donors())
}

// TestTwoAtATime: the second begins when the first gives its donor back or another donor is there, not when the first is done.
func TestTwoAtATime(t *testing.T) {
	s := tell(t, "a", "b", "c", "d")
	s.request.MaxParallel = 2
	none := 0
	s.request.MinServing = &none
	s.awaitsOf("Verify", "a", "begun", "resync/shop/b", "b", 1)
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Less(t, s.index("begun", "resync/shop/b", "b"), s.index("done", "Verify", "a"), "b was begun while a was still being proven")
}

// TestFloorMakesTheLastOneWait: with two at a time allowed and one to stay in service of two, they go one after the other. I9.
func TestFloorMakesTheLastOneWait(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.MaxParallel = 2
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Less(t, s.index("done", "Return", "a"), s.index("asked", "Recheck", "b"))
}

func TestFloorThatCannotBeHeldLeavesNodesOut(t *testing.T) {
	s := tell(t, "a", "b")
	both := 2
	s.request.MinServing = &both
	report := s.run()
	require.Equal(t, contract.OutcomeFailed, report.Outcome)
	for _, node := range []string{"a", "b"} {
		require.Equal(t, contract.StandingUntouched, s.standing(node))
		require.Contains(t, s.nodeReport(node).Error, "fewer than 2 secondaries serving")
	}
}

// TestFloorIsLookedAtOnceMore (I9): a secondary that drops out of service in mid-run counts no more; the next one is left as it was.
func TestFloorIsLookedAtOnceMore(t *testing.T) {
	for floor, want := range map[int]contract.Standing{2: contract.StandingUntouched, 1: contract.StandingProven} {
		s := tell(t, "a", "b", "c")
		s.request.Nodes, s.request.MinServing = []string{"a", "c"}, &floor
		s.when("Clone", "a", func() { s.cluster.node("b").serving = false })
		s.run()
		require.Equal(t, contract.StandingProven, s.standing("a"))
		require.Equal(t, want, s.standing("c"), "floor %d", floor)
		if want == contract.StandingUntouched {
			require.Equal(t, contract.ErrorFloor, s.nodeReport("c").ErrorType)
			require.Zero(t, s.count("asked", "Fence", "c"))
		}
	}
}

// TestNodesThatAreAboutToLeaveDoNotCount for the floor of the next one, and those behind their fence need not be named.
func TestNodesThatAreAboutToLeaveDoNotCount(t *testing.T) {
	s := tell(t, "a", "b", "c", "d")
	s.cluster.fencedDonors = true
	s.request.MaxParallel = 3
	s.awaitsOf("Fence", "b", "asked", "Recheck", "c", 1)
	s.awaitsOf("Verify", "a", "asked", "Fence", "b", 1)
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"b"}, s.leaving["c"])
	require.Empty(t, s.leaving["b"])
}

// TestFloorDoesNotHoldWhatIsOut: a wreck costs no availability, however few serve.
func TestFloorDoesNotHoldWhatIsOut(t *testing.T) {
	s := tell(t, "a", "b")
	wreck := s.cluster.node("a")
	wreck.fenced, wreck.wreck, wreck.following = true, true, false
	s.request.Nodes = []string{"a"}
	s.cluster.node("b").serving = false
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
}

func TestChosenNodesOnly(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Nodes = []string{"b"}
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Len(t, report.Nodes, 1)
	require.Empty(t, s.steps("a")+s.steps("c"))
}

// TestChildEndedFromOutside: nobody can tell how far it came, so the server is asked.
func TestChildEndedFromOutside(t *testing.T) {
	for step, want := range map[string]contract.Standing{
		"Recheck": contract.StandingUnknown, "Fence": contract.StandingFenced, "Erase": contract.StandingFenced,
	} {
		t.Run("after "+step, func(t *testing.T) {
			s := tell(t, "a", "b", "c")
			s.terminateAfter(step, "a")
			report := s.run()
			require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
			require.Equal(t, want, s.standing("a"))
			require.Contains(t, s.nodeReport("a").State, "seen: ", "what Inspect saw is in the report")
			require.Contains(t, s.nodeReport("a").Error, "terminated")
			require.Equal(t, contract.StandingProven, s.standing("b"))
		})
	}
}

func TestChildEndedFromOutsideAndItsServerIsGone(t *testing.T) {
	s := tell(t, "a")
	s.terminateAfter("Erase", "a")
	s.fault("Inspect", "a", fault{err: passing(contract.ErrorUnreachable), always: true})
	require.Equal(t, contract.OutcomeFailed, s.run().Outcome)
	require.Equal(t, contract.StandingUnknown, s.standing("a"))
	require.Contains(t, s.nodeReport("a").State, "ended from outside")
}

func TestVerifyChangesNothing(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode, s.request.Confirm = contract.ModeVerify, ""
	report := s.run()
	require.Equal(t, contract.OutcomeVerified, report.Outcome)
	require.Equal(t, "Verify", s.steps("a"))
	require.Equal(t, contract.StandingVerified, s.standing("b"))
	require.Empty(t, s.asked, "nothing is to be approved")
}

// TestVerifyInParallel: as many at a time as were allowed, and every one is named in the end.
func TestVerifyInParallel(t *testing.T) {
	for _, mode := range []contract.Mode{contract.ModeVerify, contract.ModeRepair} {
		t.Run(string(mode), func(t *testing.T) {
			s := tell(t, "a", "b", "c", "d")
			s.request.Mode, s.request.MaxParallel = mode, 2
			s.awaitsOf("Verify", "a", "asked", "Verify", "c", 1)
			s.awaitsOf("Verify", "b", "begun", "resync/shop/a", "a", 1)
			report := s.run()
			require.Equal(t, contract.OutcomeVerified, report.Outcome)
			require.Len(t, report.Nodes, 4)
		})
	}
}

// TestRepairInParallel: what differs is told in the plan's order, whichever was proven first.
func TestRepairInParallel(t *testing.T) {
	s := tell(t, "a", "b", "c", "d")
	s.request.Mode, s.request.MaxParallel = contract.ModeRepair, 4
	for _, name := range []string{"a", "c", "d"} {
		s.cluster.node(name).differs = true
	}
	s.awaitsOf("Verify", "a", "closed", "resync/shop/d", "d", 1)
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, "plan-a-c-d", report.Approval.Plan)
	require.Equal(t, contract.StandingVerified, s.standing("b"))
}

func TestCancelInMidParallelVerification(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Mode, s.request.MaxParallel = contract.ModeVerify, 2
	s.when("Verify", "a", s.cancel)
	report := s.run()
	require.Equal(t, contract.OutcomeCancelled, report.Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Equal(t, contract.StandingUntouched, s.standing("c"))
	require.Zero(t, s.count("begun", "resync/shop/c", "c"))
	require.Len(t, report.Nodes, 3)
}

func TestVerifyFindsWhatDiffers(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Mode = contract.ModeVerify
	s.cluster.node("b").differs = true
	report := s.run()
	require.Equal(t, contract.OutcomeDiverged, report.Outcome)
	require.Equal(t, contract.ErrorDiverged, report.ErrorType)
	require.Equal(t, contract.StandingDiverged, s.standing("b"))
	require.Equal(t, contract.StandingVerified, s.standing("c"), "the others are proven all the same")
	require.Contains(t, report.Reason, "1 of 3")
}

func TestVerifyWithoutAProof(t *testing.T) {
	t.Run("nowhere", func(t *testing.T) {
		s := tell(t, "a")
		s.request.Mode = contract.ModeVerify
		s.fault("Verify", "a", fault{err: lasting(contract.ErrorReplication)})
		report := s.run()
		require.Equal(t, contract.OutcomeFailed, report.Outcome)
		require.Equal(t, contract.ErrorReplication, report.ErrorType)
		require.Equal(t, contract.StandingUntouched, s.standing("a"))
	})
	t.Run("on one of two", func(t *testing.T) {
		s := tell(t, "a", "b")
		s.request.Mode = contract.ModeVerify
		s.fault("Verify", "a", fault{err: lasting(contract.ErrorReplication)})
		require.Equal(t, contract.OutcomePartlySucceeded, s.run().Outcome, "some are proven, the other one is named")
	})
	t.Run("with gaps", func(t *testing.T) {
		s := tell(t, "a")
		s.request.Mode = contract.ModeVerify
		s.cluster.node("a").gaps = true
		report := s.run()
		require.Equal(t, contract.OutcomeFailed, report.Outcome, "nothing was found to differ")
		require.Equal(t, contract.ErrorProof, report.ErrorType)
		require.Equal(t, contract.StandingUntouched, s.standing("a"))
		require.NotNil(t, s.nodeReport("a").Proof)
	})
	t.Run("of rows, on request", func(t *testing.T) {
		rows := false
		s := tell(t, "a")
		s.request.Mode, s.request.Proof.Rows = contract.ModeVerify, &rows
		report := s.run()
		require.Equal(t, contract.OutcomeVerified, report.Outcome)
		require.Contains(t, report.Reason, "rows were not compared")
		require.Contains(t, s.nodeReport("a").State, "rows were not compared")
	})
}

func TestCancelInMidVerification(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode = contract.ModeVerify
	s.when("Verify", "a", s.cancel)
	report := s.run()
	require.Equal(t, contract.OutcomeCancelled, report.Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Equal(t, contract.StandingUntouched, s.standing("b"), "a node that was not looked at is named as well")
}

func TestPauseHoldsAVerification(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode = contract.ModeVerify
	s.when("Verify", "a", func() { s.signal(contract.RequestPause, contract.Pause{}) })
	s.at(time.Hour, func() {
		require.Zero(t, s.count("asked", "Verify", "b"), "no other node is begun while paused")
		s.signal(contract.RequestResume, contract.Resume{})
	})
	require.Equal(t, contract.OutcomeVerified, s.run().Outcome)
}

// TestAbortOfANodeThatIsVerified: the abort is accepted, so it must have its effect; and a node given up is not repaired.
func TestAbortOfANodeThatIsVerified(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode = contract.ModeRepair
	s.cluster.node("b").differs = true
	s.when("Verify", "a", func() { s.signal(contract.RequestAbort, contract.Abort{Node: "a", By: "bob"}) })
	report := s.run()
	require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
	require.Equal(t, contract.ErrorAborted, s.nodeReport("a").ErrorType)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Equal(t, contract.StandingProven, s.standing("b"))
	require.Empty(t, s.steps("a"))
}

func TestRepairResyncsOnlyWhatDiffers(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Mode = contract.ModeRepair
	s.cluster.node("b").differs = true
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, "Verify", s.steps("a"))
	require.Equal(t, contract.StandingVerified, s.standing("a"))
	require.Equal(t, "Verify "+whole, s.steps("b"))
	require.Equal(t, contract.StandingProven, s.standing("b"))
	require.Len(t, report.Nodes, 3)
	require.Equal(t, "plan-b", report.Approval.Plan, "what is approved is the repair")
}

// TestRepairAfterAFailoverLocksTheNewPrimary: the plan of the repair is made anew, and may have another primary.
func TestRepairAfterAFailoverLocksTheNewPrimary(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode = contract.ModeRepair
	s.cluster.node("b").differs = true
	s.whenDone("Verify", "b", func() { s.cluster.donors[primary].id = "uuid-of-q" })
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Less(t, s.index("begun", "resync-lock/primary/uuid-of-q", ""), s.index("asked", "Fence", "b"))
}

func TestRepairOfACleanClusterChangesNothing(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode, s.request.Confirm = contract.ModeRepair, ""
	require.Equal(t, contract.OutcomeVerified, s.run().Outcome)
}

// TestRepairThatIsNotApprovedKeepsWhatItFound: that a node differs is in the report however the run ends.
func TestRepairThatIsNotApprovedKeepsWhatItFound(t *testing.T) {
	for name, tale := range map[string]struct {
		arrange func(*story)
		want    contract.Outcome
	}{
		"expired": {func(*story) {}, contract.OutcomeExpired},
		"rejected": {func(s *story) {
			s.at(time.Hour, func() { s.signal(contract.RequestReject, contract.Reject{By: "bob"}) })
		}, contract.OutcomeRejected},
		"cancelled": {func(s *story) { s.at(time.Hour, s.cancel) }, contract.OutcomeCancelled},
		"refused": {func(s *story) {
			s.whenDone("Verify", "b", func() {
				s.cluster.findings = []contract.Finding{{Code: "channels", Node: "b", Verdict: contract.VerdictFail, Observed: "2", Wanted: "1"}}
			})
		}, contract.OutcomeRefused},
		"cancelled once approved": {func(s *story) {
			s.at(time.Hour, func() {
				s.signal(contract.RequestApprove, contract.Approve{Plan: "plan-b", Cluster: "shop"})
				s.cancel()
			})
		}, contract.OutcomeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "a", "b")
			s.request.Mode, s.request.Confirm = contract.ModeRepair, ""
			s.cluster.node("b").differs = true
			tale.arrange(s)
			require.Equal(t, tale.want, s.run().Outcome)
			require.Equal(t, contract.StandingVerified, s.standing("a"))
			require.Equal(t, contract.StandingDiverged, s.standing("b"))
			require.NotNil(t, s.nodeReport("b").Proof)
			require.Equal(t, []string{"a", "b"}, slices.Sorted(func(yield func(string) bool) {
				for _, node := range s.report.Nodes {
					yield(node.Name)
				}
			}))
		})
	}
}
