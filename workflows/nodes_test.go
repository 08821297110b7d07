package workflows_test

import (
	"testing"

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

// TestFloorHoldsWhatServesAgain (I9): nodes that were far behind when the plan was made, and were not counted, may serve when they are
// begun. Each then keeps to the floor like any other and is begun later rather than not at all.
func TestFloorHoldsWhatServesAgain(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.MaxParallel = 3
	for _, node := range s.cluster.all {
		node.lags = true
	}
	s.whenDone("Preconditions", "", func() {
		for _, node := range s.cluster.all {
			node.lags = false
		}
	})
	for _, proven := range []string{"a", "b"} {
		s.awaitsOf("Verify", proven, "closed", "resync/shop/c", "c", 1)
	}
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Contains(t, s.nodeReport("c").Notes[0], "it was begun before")
	require.Equal(t, 2, s.count("begun", "resync/shop/c", "c"))
}

// TestFloorRefusesTheLastOneThatServesAgain: one node alone is left as it was.
func TestFloorRefusesTheLastOneThatServesAgain(t *testing.T) {
	s := tell(t, "a", "b")
	s.cluster.node("a").lags = true
	s.request.Nodes = []string{"a"}
	s.whenDone("Preconditions", "", func() { s.cluster.node("a").lags, s.cluster.node("b").serving = false, false })
	require.Equal(t, contract.OutcomeFailed, s.run().Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Equal(t, contract.ErrorFloor, s.nodeReport("a").ErrorType)
}

// TestADelayedNodeDoesNotServe (I9): it replicates well, and what it shows is old. It is resynced first, does not let another one go, and
// feeds nobody: its copy is old as well.
func TestADelayedNodeDoesNotServe(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.cluster.node("b").delay = 3600
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, []string{"p>b", "p>a", "a>c"}, s.donors())

	s = tell(t, "a", "b")
	s.cluster.node("a").delay = 3600
	require.Equal(t, contract.OutcomePartlySucceeded, s.run().Outcome, "b is the only one in service")
	require.Equal(t, contract.StandingUntouched, s.standing("b"))
}
