package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestADonorThatFailsBeforeTheEraseIsNoFailedNode: the node is released as it was, the next one has its turn, and then the first again,
// with another donor.
func TestADonorThatFailsBeforeTheEraseIsNoFailedNode(t *testing.T) {
	s := tell(t, "a", "b")
	s.fault("Rehearse", "a", fault{err: ofDonor(contract.ErrorDonorBusy)})
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, []string{"p>b", "b>a"}, s.donors())
	require.Equal(t, "Recheck Note Fence Judge Release "+whole, s.steps("a"))
	require.Contains(t, s.nodeReport("a").Notes[0], "begun before with p as its donor")
	require.Empty(t, s.nodeReport("a").Error)
	require.Len(t, report.Nodes, 2)
}

// TestANodeIsNotBegunForEver: without another donor, or with one failing after the other, it is left as it was and named.
func TestANodeIsNotBegunForEver(t *testing.T) {
	t.Run("no other donor", func(t *testing.T) {
		s := tell(t, "a", "b")
		for _, node := range []string{"a", "b"} {
			s.fault("Rehearse", node, fault{err: ofDonor(contract.ErrorDonorBusy), always: true})
		}
		report := s.run()
		require.Equal(t, contract.OutcomeFailed, report.Outcome)
		require.Equal(t, contract.ErrorDonorBusy, report.ErrorType)
		for _, node := range []string{"a", "b"} {
			require.Equal(t, 1, s.count("begun", "resync/shop/"+node, node))
			require.Equal(t, contract.StandingUntouched, s.standing(node))
			require.Contains(t, s.nodeReport(node).Error, "the donor failed")
		}
	})
	t.Run("the primary alone on request", func(t *testing.T) {
		s := tell(t, "a", "b")
		s.request.Donors = contract.DonorsPrimary
		s.fault("Rehearse", "a", fault{err: ofDonor(contract.ErrorRehearsal)})
		require.Equal(t, contract.OutcomePartlySucceeded, s.run().Outcome)
		require.Equal(t, 1, s.count("begun", "resync/shop/a", "a"))
	})
	t.Run("every donor fails it", func(t *testing.T) {
		s := tell(t, "a", "b", "c", "d", "e")
		s.fault("Rehearse", "a", fault{err: ofDonor(contract.ErrorRehearsal), always: true})
		require.Equal(t, contract.OutcomePartlySucceeded, s.run().Outcome)
		require.Equal(t, 3, s.count("begun", "resync/shop/a", "a"))
		require.Equal(t, contract.StandingUntouched, s.standing("a"))
	})
	t.Run("its release fails", func(t *testing.T) {
		s := tell(t, "a", "b")
		s.fault("Rehearse", "a", fault{err: ofDonor(contract.ErrorRehearsal)})
		s.fault("Release", "a", fault{err: lasting(contract.ErrorMySQL)})
		s.run()
		require.Equal(t, 1, s.count("begun", "resync/shop/a", "a"), "it is not as it was")
		require.Equal(t, contract.StandingFenced, s.standing("a"))
	})
}

// TestAWreckIsBegunAgainToo: it was fenced when it was found, and is so when it is begun again.
func TestAWreckIsBegunAgainToo(t *testing.T) {
	s := tell(t, "a", "b", "c")
	wreck := s.cluster.node("a")
	wreck.fenced, wreck.wreck, wreck.following = true, true, false
	s.fault("Rehearse", "a", fault{err: ofDonor(contract.ErrorDonorBusy)})
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"p>b", "b>a", "a>c"}, s.donors())
}

// TestADonorThatFailsBehindTheErase: the node stays where it is and gets the next donor, before any other node is begun.
func TestADonorThatFailsBehindTheErase(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.fault("Clone", "b", fault{err: ofDonor(contract.ErrorClone)})
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, []string{"p>a", "p>b", "b>c"}, s.donors(), "a failed b, and is asked last from then on")
	require.Equal(t, 1, s.count("begun", "resync/shop/b", "b"))
	require.Zero(t, s.count("asked", "Release", "b"))
	require.Less(t, s.index("done", "Clone", "b"), s.index("begun", "resync/shop/c", "c"))
	require.Equal(t, "p", s.nodeReport("b").Copy.Donor)
}

// TestTheOnlyDonorIsTriedAgain: a busy one for as long as it takes, one that breaks every clone five times.
func TestTheOnlyDonorIsTriedAgain(t *testing.T) {
	busy := fault{err: ofDonor(contract.ErrorDonorBusy)}
	s := tell(t, "a", "b")
	s.fault("Clone", "a", busy, busy, busy, busy, busy, busy, busy)
	s.at(15*time.Second, func() {
		progress, err := s.progress()
		require.NoError(t, err)
		require.Contains(t, progress.Nodes[0].Detail.Waiting, "another donor; p failed it: the donor failed: DonorBusy")
		require.Empty(t, progress.Nodes[1].Step, "nobody else is erased for that donor's sake")
	})
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"p>a", "a>b"}, s.donors())

	s = tell(t, "a", "b")
	s.fault("Clone", "a", fault{err: ofDonor(contract.ErrorClone), always: true})
	report := s.run()
	require.Equal(t, 5, s.count("heard", "Clone", "a"))
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	require.Equal(t, contract.ErrorClone, s.nodeReport("a").ErrorType)
	require.Equal(t, contract.OutcomeFailed, report.Outcome, "b is the last one in service")
}

// TestErasedNodesAreFedWhileTheRunStops: a pause and a cancel keep nodes from being begun, not from being finished.
func TestErasedNodesAreFedWhileTheRunStops(t *testing.T) {
	for name, happens := range map[string]func(*story){
		"paused": func(s *story) {
			s.signal(contract.RequestPause, contract.Pause{})
			s.env.RegisterDelayedCallback(func() { s.signal(contract.RequestResume, contract.Resume{}) }, time.Hour)
		},
		"cancelled": (*story).cancel,
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "a", "b", "c")
			s.fault("Clone", "b", fault{err: ofDonor(contract.ErrorClone)})
			s.when("Clone", "b", func() { happens(s) })
			s.run()
			require.Equal(t, contract.StandingProven, s.standing("b"))
			require.Equal(t, "p>b", s.donors()[1])
		})
	}
}

// TestAbortOfANodeThatWaitsForADonor: it is heard, and the clone that may still run is ended.
func TestAbortOfANodeThatWaitsForADonor(t *testing.T) {
	s := tell(t, "a", "b")
	s.fault("Clone", "a", fault{err: ofDonor(contract.ErrorDonorBusy), always: true})
	s.at(time.Hour, func() { s.signal(contract.RequestAbort, contract.Abort{Node: "a", By: "bob"}) })
	s.run()
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	require.Equal(t, contract.ErrorAborted, s.nodeReport("a").ErrorType)
	require.Equal(t, 1, s.count("done", "EndClone", "a"))
}

// TestWithoutItsRunAnErasedNodeStaysWithItsDonor: nobody lends another one, so it is tried until it is well.
func TestWithoutItsRunAnErasedNodeStaysWithItsDonor(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.deaf = true
	s.fault("Clone", "b", fault{err: ofDonor(contract.ErrorClone)})
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"p>a", "a>b"}, s.donors()[:2])
	require.Equal(t, []bool{true, false}, s.othersAsked, "the second time it is tried for as long as it takes")
}

// TestAFencedDonorThatIsGivenUpFeedsToTheEnd, and nobody else after that.
func TestAFencedDonorThatIsGivenUpFeedsToTheEnd(t *testing.T) {
	s := tell(t, "a", "b", "c", "d")
	s.cluster.fencedDonors = true
	none := 0
	s.request.MaxParallel, s.request.MinServing = 4, &none
	s.cluster.node("a").corrupts = true
	s.awaitsOf("Verify", "a", "asked", "Clone", "c", 1)
	s.awaitsOf("Clone", "c", "closed", "resync/shop/a", "a", 1)
	require.Equal(t, contract.OutcomePartlySucceeded, s.run().Outcome)
	require.Equal(t, contract.StandingFenced, s.standing("a"))
	for _, pair := range s.donors() {
		require.NotEqual(t, "a>d", pair)
	}
}

// TestANodeToBeRepairedThatIsReleasedTwice: what the verification found still holds, and is said once.
func TestANodeToBeRepairedThatIsReleasedTwice(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Mode = contract.ModeRepair
	for _, node := range s.cluster.all {
		node.differs = true
	}
	s.fault("Rehearse", "a", fault{err: ofDonor(contract.ErrorDonorBusy)}, fault{err: ofDonor(contract.ErrorDonorBusy)}, fault{err: lasting(contract.ErrorMySQL)})
	require.Equal(t, contract.OutcomePartlySucceeded, s.run().Outcome)
	require.Equal(t, 3, s.count("asked", "Rehearse", "a"))
	report := s.nodeReport("a")
	require.Equal(t, contract.StandingDiverged, report.Standing)
	require.Len(t, report.Notes, 2, "why it was begun before in vain")
	require.Equal(t, "differs from the primary; left as it was: data, GTIDs, channel and settings are as before", report.State)
}
