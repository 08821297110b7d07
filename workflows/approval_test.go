package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// unapproved is a story whose input gives no approval.
func unapproved(t *testing.T, names ...string) *story {
	s := tell(t, names...)
	s.request.Confirm = ""
	return s
}

func TestApprovalIsAwaitedAndAskedForByMail(t *testing.T) {
	for _, way := range []string{"update", "signal"} {
		t.Run(way, func(t *testing.T) {
			s := unapproved(t, "a")
			approve := contract.Approve{Plan: "plan-a", Cluster: "shop", By: "bob", Comment: "go on"}
			var heard *answer
			s.at(3*time.Hour, func() {
				progress, err := s.progress()
				require.NoError(t, err)
				require.Equal(t, contract.PhaseApproval, progress.Phase)
				require.WithinDuration(t, s.env.Now().Add(21*time.Hour), progress.ApprovalUntil, time.Minute)
				if way == "update" {
					heard = s.update(contract.RequestApprove, approve)
				} else {
					s.signal(contract.RequestApprove, approve)
				}
			})
			report := s.run()
			require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
			require.Equal(t, "bob", report.Approval.By)
			require.Equal(t, "go on", report.Approval.Comment)
			require.False(t, report.Approval.InAdvance)
			require.WithinDuration(t, report.Began.Add(3*time.Hour), report.Approval.At, time.Minute)
			require.Len(t, s.asked, 1)
			require.Equal(t, "plan-a", s.asked[0].Report.Plan.ID)
			require.WithinDuration(t, report.Began.Add(24*time.Hour), s.asked[0].Until, time.Minute)
			if way == "update" {
				require.True(t, heard.accepted)
				require.NoError(t, heard.err)
				require.Equal(t, "bob", heard.progress.Approval.By)
			}
		})
	}
}

func TestRejectedPlanChangesNothing(t *testing.T) {
	s := unapproved(t, "a")
	s.at(time.Hour, func() { s.update(contract.RequestReject, contract.Reject{By: "bob", Reason: "not today"}) })
	report := s.run()
	require.Equal(t, contract.OutcomeRejected, report.Outcome)
	require.Equal(t, contract.ErrorRejected, report.ErrorType)
	require.Contains(t, report.Reason, "by bob: not today")
	require.False(t, report.Approval.Approved)
}

func TestNobodyDecides(t *testing.T) {
	s := unapproved(t, "a")
	s.request.ApprovalTimeout = contract.Duration(2 * time.Hour)
	report := s.run()
	require.Equal(t, contract.OutcomeExpired, report.Outcome)
	require.Equal(t, contract.ErrorExpired, report.ErrorType)
	require.Contains(t, report.Reason, "within 2h0m0s")
	require.WithinDuration(t, report.Began.Add(2*time.Hour), report.Ended, time.Minute)
}

// TestDecisionAfterTheEndIsRefused: once a run has expired, nobody may be told that it was approved.
func TestDecisionAfterTheEndIsRefused(t *testing.T) {
	s := unapproved(t, "a")
	var late *answer
	s.whenClosed(primaryLockID, func() {
		late = s.update(contract.RequestApprove, contract.Approve{Plan: "plan-a", Cluster: "shop"})
	})
	report := s.run()
	require.Equal(t, contract.OutcomeExpired, report.Outcome)
	require.Nil(t, report.Approval)
	require.NotNil(t, late)
	require.ErrorContains(t, late.rejection, "awaits no approval")
}

func TestWrongApprovalsAreRefused(t *testing.T) {
	for name, tale := range map[string]struct {
		request string
		payload any
		why     string
	}{
		"another plan":          {contract.RequestApprove, contract.Approve{Plan: "plan-b", Cluster: "shop"}, `the plan that awaits approval is plan-a, not "plan-b"`},
		"no plan":               {contract.RequestApprove, contract.Approve{Cluster: "shop"}, `is plan-a, not ""`},
		"another cluster":       {contract.RequestApprove, contract.Approve{Plan: "plan-a", Cluster: "shed"}, `the cluster of this run is shop, not "shed"`},
		"a reject of another":   {contract.RequestReject, contract.Reject{Plan: "plan-b"}, `is plan-a, not "plan-b"`},
		"a resume out of pause": {contract.RequestResume, contract.Resume{}, "the run is not paused"},
		"a node not at work":    {contract.RequestAbort, contract.Abort{Node: "a"}, "node a is not being worked on now"},
		"an unknown node":       {contract.RequestAbort, contract.Abort{Node: "z"}, `node "z" is not part of this run`},
		"less than nothing":     {contract.RequestThrottle, contract.Throttle{MiBps: -1}, "mibps: -1 is not between"},
	} {
		t.Run(name, func(t *testing.T) {
			s := unapproved(t, "a")
			var heard *answer
			s.at(time.Hour, func() {
				heard = s.update(tale.request, tale.payload)
				s.signal(tale.request, tale.payload)
			})
			require.Equal(t, contract.OutcomeExpired, s.run().Outcome)
			require.False(t, heard.accepted, "a validator refuses it without history")
			require.ErrorContains(t, heard.rejection, tale.why)
			progress, err := s.progress()
			require.NoError(t, err)
			require.Len(t, progress.RefusedRequests, 1, "a refused signal shows in the progress, a refused update does not")
			require.Contains(t, progress.RefusedRequests[0], tale.request+": ")
			require.Contains(t, progress.RefusedRequests[0], tale.why)
		})
	}
}

func TestSecondDecisionIsRefused(t *testing.T) {
	for name, second := range map[string]any{
		contract.RequestApprove: contract.Approve{Plan: "plan-a", Cluster: "shop", By: "eve"},
		contract.RequestReject:  contract.Reject{By: "eve"},
	} {
		t.Run(name, func(t *testing.T) {
			s := unapproved(t, "a")
			var first, late *answer
			s.at(time.Hour, func() {
				first = s.update(contract.RequestApprove, contract.Approve{Plan: "plan-a", Cluster: "shop", By: "bob"})
				late = s.update(name, second)
			})
			report := s.run()
			require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
			require.Equal(t, "bob", report.Approval.By)
			require.True(t, first.accepted)
			require.ErrorContains(t, late.rejection, "was already approved by bob")
		})
	}
}

// TestEarlyApprovalIsRefused: there is no plan yet that it could mean.
func TestEarlyApprovalIsRefused(t *testing.T) {
	s := unapproved(t, "a")
	s.when("Preconditions", "", func() { s.signal(contract.RequestApprove, contract.Approve{Plan: "plan-a", Cluster: "shop"}) })
	require.Equal(t, contract.OutcomeExpired, s.run().Outcome)
	progress, err := s.progress()
	require.NoError(t, err)
	require.Len(t, progress.RefusedRequests, 1)
	require.Contains(t, progress.RefusedRequests[0], "this run awaits no approval: it is preconditions")
}

func TestOnlyTheLastRefusalsAreKept(t *testing.T) {
	s := unapproved(t, "a")
	s.at(time.Hour, func() {
		for i := range 25 {
			s.signal(contract.RequestThrottle, contract.Throttle{MiBps: -1 - i})
		}
	})
	s.run()
	progress, err := s.progress()
	require.NoError(t, err)
	require.Len(t, progress.RefusedRequests, 20)
	require.Contains(t, progress.RefusedRequests[19], "-25")
}

// TestSignalThatCannotBeReadIsShown: a client without updates hears of it in the progress or not at all.
func TestSignalThatCannotBeReadIsShown(t *testing.T) {
	s := unapproved(t, "a")
	s.at(time.Hour, func() {
		s.signal(contract.RequestApprove, "plan-a")
		s.signal(contract.RequestThrottle, map[string]any{"mibps": "much"})
	})
	require.Equal(t, contract.OutcomeExpired, s.run().Outcome)
	progress, err := s.progress()
	require.NoError(t, err)
	require.Len(t, progress.RefusedRequests, 2)
	require.Contains(t, progress.RefusedRequests[0], "approve: ")
	require.Contains(t, progress.RefusedRequests[1], "throttle: ")
}

func TestApprovalInAdvanceIsGoodForOnePlanOnly(t *testing.T) {
	s := tell(t, "a")
	s.request.Plan = "plan-of-yesterday"
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorPlanChanged, report.ErrorType)
	require.Contains(t, report.Reason, "the plan is now plan-a, not plan-of-yesterday")

	s = tell(t, "a")
	s.request.Plan = "plan-a"
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
}

func TestWrongConfirmIsRefusedBeforeAnythingIsLookedAt(t *testing.T) {
	s := tell(t, "a")
	s.request.Confirm = "shed"
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorWrongConfirm, report.ErrorType)
	require.Contains(t, report.Reason, `confirm is "shed", and the cluster is "shop"`)
	require.Zero(t, s.count("asked", "Begin", ""))
}

// TestDiscard: to destroy what only a secondary has takes the plan that shows it.
func TestDiscard(t *testing.T) {
	discarding := func(t *testing.T) *story {
		s := tell(t, "a")
		s.cluster.node("a").errant = "uuid-of-a:1-3"
		s.request.UnreplicatedWrites = contract.UnreplicatedDiscard
		return s
	}
	t.Run("refused by default", func(t *testing.T) {
		s := discarding(t)
		s.request.UnreplicatedWrites = ""
		report := s.run()
		require.Equal(t, contract.OutcomeRefused, report.Outcome)
		require.Equal(t, contract.ErrorUnreplicatedWrites, report.ErrorType)
	})
	t.Run("the cluster's name is not enough", func(t *testing.T) {
		report := discarding(t).run()
		require.Equal(t, contract.OutcomeRefused, report.Outcome)
		require.Equal(t, contract.ErrorWrongConfirm, report.ErrorType)
		require.Contains(t, report.Reason, `start again with plan "plan-auuid-of-a:1-3"`)
	})
	t.Run("with the plan", func(t *testing.T) {
		s := discarding(t)
		s.request.Plan = "plan-auuid-of-a:1-3"
		require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
		require.Equal(t, "uuid-of-a:1-3", s.nodeReport("a").Destroyed.ErrantGTIDs)
	})
	t.Run("with the plan, and more was written since", func(t *testing.T) {
		s := discarding(t)
		s.request.Plan = "plan-auuid-of-a:1-3"
		s.cluster.node("a").errant = "uuid-of-a:1-4"
		require.Equal(t, contract.ErrorPlanChanged, s.run().ErrorType)
	})
	t.Run("approved by a person", func(t *testing.T) {
		s := discarding(t)
		s.request.Confirm = ""
		s.at(time.Hour, func() {
			s.signal(contract.RequestApprove, contract.Approve{Plan: "plan-auuid-of-a:1-3", Cluster: "shop", By: "bob"})
		})
		require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	})
}

// TestApprovalMailThatFailsKeepsNobodyFromApproving, and is given up once somebody has: an invitation that comes late misleads.
func TestApprovalMailThatFailsKeepsNobodyFromApproving(t *testing.T) {
	s := unapproved(t, "a")
	s.fault("MailApproval", "", fault{err: passing(contract.ErrorUnreachable)}, fault{err: passing(contract.ErrorUnreachable)},
		fault{err: passing(contract.ErrorUnreachable)})
	s.at(3*time.Second, func() {
		s.signal(contract.RequestApprove, contract.Approve{Plan: "plan-a", Cluster: "shop"})
	})
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, 1, s.count("heard", "MailApproval", ""))
	require.Less(t, s.index("heard", "MailApproval", ""), s.index("asked", "Recheck", "a"), "given up with the approval")
}

func TestCancelBeforeTheApproval(t *testing.T) {
	s := unapproved(t, "a")
	s.at(time.Hour, s.cancel)
	report := s.run()
	require.Equal(t, contract.OutcomeCancelled, report.Outcome)
	require.Contains(t, report.Reason, "before anything was changed")
	require.Empty(t, s.steps("a"))
}

func TestLockEndedBeforeTheApproval(t *testing.T) {
	s := unapproved(t, "a")
	s.at(time.Hour, func() { s.endLock(lockID) })
	report := s.run()
	require.Equal(t, contract.OutcomeCancelled, report.Outcome)
	require.Contains(t, report.Reason, "the lock "+lockID+" was ended by somebody else")
}
