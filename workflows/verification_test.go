package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// groups are the nodes of each common proof that was begun, in order.
func (s *story) groups() []string {
	var groups []string
	for _, e := range s.record {
		if e.kind == "together" {
			groups = append(groups, e.step)
		}
	}
	return groups
}

// TestVerifyTogether: those that are proven at a time share one reading of the primary, and its bound is a group's.
func TestVerifyTogether(t *testing.T) {
	for name, tale := range map[string]struct {
		parallel int
		want     []string
	}{
		"all, where nothing was said": {0, []string{"a b c d e f g h", "i j"}},
		"three at a time":             {3, []string{"a b c", "d e f", "g h i"}},
		"never more than eight":       {100, []string{"a b c d e f g h", "i j"}},
		"one at a time":               {1, nil},
	} {
		for _, mode := range []contract.Mode{contract.ModeVerify, contract.ModeRepair} {
			t.Run(string(mode)+" "+name, func(t *testing.T) {
				s := tell(t, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
				s.request.Mode, s.request.MaxParallel = mode, tale.parallel
				report := s.run()
				require.Equal(t, contract.OutcomeVerified, report.Outcome)
				require.ElementsMatch(t, tale.want, s.groups())
				require.Len(t, report.Nodes, 10)
				for _, node := range report.Nodes {
					require.Equal(t, contract.StandingVerified, node.Standing, node.Name)
					require.Len(t, node.Steps, 1)
					require.Equal(t, 1, s.count("asked", "Verify", node.Name))
				}
				for _, cheapFirst := range s.cheapFirst {
					require.Equal(t, mode == contract.ModeRepair, cheapFirst)
				}
			})
		}
	}
}

// TestGroupsAtATime: more than share one reading are several groups at the same time, and never more nodes than were allowed.
func TestGroupsAtATime(t *testing.T) {
	var names []string
	for name := 'a'; name <= 'z'; name++ {
		names = append(names, string(name))
	}
	s := tell(t, names...)
	s.request.Mode, s.request.MaxParallel = contract.ModeVerify, 17
	s.awaitsOf("Verify", "a", "asked", "Verify", "i", 1)
	report := s.run()
	require.Equal(t, contract.OutcomeVerified, report.Outcome)
	require.Len(t, report.Nodes, 26)
	require.Len(t, s.groups(), 4)
	now, most := 0, 0
	for _, e := range s.record {
		switch {
		case e.kind == "begun" && e.node != "":
			now++
		case e.kind == "closed" && e.node != "":
			now--
		}
		most = max(most, now)
	}
	require.Equal(t, 2, most, "17 are two whole groups")
}

// TestVerifyTogetherShowsEachNode: the query names every one of a group while it is at work.
func TestVerifyTogetherShowsEachNode(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Mode = contract.ModeVerify
	var seen contract.Progress
	s.when("Verify", "c", func() { s.onLoop(func() { seen, _ = s.progress() }) })
	require.Equal(t, contract.OutcomeVerified, s.run().Outcome)
	require.Len(t, seen.Nodes, 3)
	for _, node := range seen.Nodes {
		require.Equal(t, contract.StepVerify, node.Step, node.Name)
		require.Empty(t, node.Standing)
	}
}

// TestVerifyTogetherWithoutOne: one that drops out takes no other with it. What may pass is tried again for it alone.
func TestVerifyTogetherWithoutOne(t *testing.T) {
	t.Run("for good", func(t *testing.T) {
		s := tell(t, "a", "b", "c")
		s.request.Mode = contract.ModeVerify
		s.cluster.node("b").following = false
		report := s.run()
		require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
		require.Equal(t, contract.ErrorReplication, s.nodeReport("b").ErrorType)
		require.Equal(t, contract.StandingUntouched, s.standing("b"))
		require.Equal(t, 1, s.count("asked", "Verify", "b"), "another attempt is pointless")
		require.Equal(t, contract.StandingVerified, s.standing("a"))
		require.Equal(t, contract.StandingVerified, s.standing("c"))
	})
	t.Run("for a while", func(t *testing.T) {
		s := tell(t, "a", "b", "c")
		s.request.Mode = contract.ModeVerify
		s.fault("Verify", "b", fault{err: passing(contract.ErrorUnreachable)}, fault{err: passing(contract.ErrorUnreachable)})
		require.Equal(t, contract.OutcomeVerified, s.run().Outcome)
		require.Equal(t, 3, s.count("asked", "Verify", "b"))
		require.Equal(t, 1, s.count("asked", "Verify", "a"))
		require.Equal(t, []string{"a b c"}, s.groups())
		steps := s.nodeReport("b").Steps
		require.Len(t, steps, 2)
		require.Contains(t, steps[0].Error, "Unreachable")
		require.Empty(t, steps[1].Error)
	})
	t.Run("for longer than is waited", func(t *testing.T) {
		s := tell(t, "a", "b", "c")
		s.request.Mode = contract.ModeRepair
		s.fault("Verify", "b", fault{err: passing(contract.ErrorUnreachable), always: true})
		report := s.run()
		require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
		require.Equal(t, contract.ErrorUnreachable, s.nodeReport("b").ErrorType, "no reason to erase it")
		require.Equal(t, contract.StandingVerified, s.standing("c"))
	})
}

// TestVerifyTogetherFails: where no secondary is to blame, all of them share the reason.
func TestVerifyTogetherFails(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode = contract.ModeVerify
	s.fault("VerifyTogether", "", fault{err: passing(contract.ErrorUnreachable), always: true})
	report := s.run()
	require.Equal(t, contract.OutcomeFailed, report.Outcome)
	require.Len(t, s.groups(), 10)
	for _, name := range []string{"a", "b"} {
		require.Equal(t, contract.ErrorUnreachable, s.nodeReport(name).ErrorType)
		require.Zero(t, s.count("asked", "Verify", name))
	}
}

// TestAbortInACommonProof: the others are proven all the same, together.
func TestAbortInACommonProof(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Mode = contract.ModeVerify
	s.when("Verify", "b", func() { s.signal(contract.RequestAbort, contract.Abort{Node: "b", By: "bob"}) })
	report := s.run()
	require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
	require.Equal(t, []string{"a b c", "a c"}, s.groups())
	require.Equal(t, contract.ErrorAborted, s.nodeReport("b").ErrorType)
	require.Equal(t, contract.StandingUntouched, s.standing("b"))
	require.Equal(t, contract.StandingVerified, s.standing("a"))
	require.Equal(t, contract.StandingVerified, s.standing("c"))
}

// TestPauseBetweenGroups: a group that was begun is finished.
func TestPauseBetweenGroups(t *testing.T) {
	s := tell(t, "a", "b", "c", "d")
	s.request.Mode, s.request.MaxParallel = contract.ModeVerify, 2
	s.when("Verify", "a", func() { s.signal(contract.RequestPause, contract.Pause{}) })
	s.at(time.Hour, func() {
		require.Equal(t, []string{"a b"}, s.groups())
		s.signal(contract.RequestResume, contract.Resume{})
	})
	require.Equal(t, contract.OutcomeVerified, s.run().Outcome)
	require.Equal(t, []string{"a b", "c d"}, s.groups())
}

func TestCancelInMidCommonProof(t *testing.T) {
	s := tell(t, "a", "b", "c")
	s.request.Mode, s.request.MaxParallel = contract.ModeVerify, 2
	s.when("Verify", "b", s.cancel)
	report := s.run()
	require.Equal(t, contract.OutcomeCancelled, report.Outcome)
	require.Len(t, report.Nodes, 3)
	for _, node := range report.Nodes {
		require.Equal(t, contract.StandingUntouched, node.Standing, node.Name)
	}
	require.Zero(t, s.count("begun", "resync/shop/c", "c"))
}

// TestRepairAfterACommonProof: what differs is told, and planned, in the plan's order.
func TestRepairAfterACommonProof(t *testing.T) {
	s := tell(t, "a", "b", "c", "d")
	s.request.Mode = contract.ModeRepair
	for _, name := range []string{"a", "c", "d"} {
		s.cluster.node(name).differs = true
	}
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, "plan-a-c-d", report.Approval.Plan)
	require.Equal(t, contract.StandingVerified, s.standing("b"))
	require.Equal(t, contract.StandingProven, s.standing("d"))
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
	s.request.Mode, s.request.MaxParallel = contract.ModeVerify, 1
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
