package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestInputThatCannotBeUsedIsRefusedWithAMail: whatever JSON a caller sends, every problem is named at once.
func TestInputThatCannotBeUsedIsRefusedWithAMail(t *testing.T) {
	for name, tale := range map[string]struct {
		input any
		named []string
	}{
		"bad fields": {map[string]any{"cluster": "Shop!", "mdoe": "plan", "max_parallel": 2, "watch": 5, "nodes": "a", "donors": "me"},
			[]string{"cluster: ", "mdoe: unknown field", "did you mean maxParallel?", "watch: want a duration", "nodes: want a list", "donors: "}},
		"a string":        {"shop", []string{"not a JSON object", "cluster: missing"}},
		"a list":          {[]string{"shop"}, []string{"not a JSON object"}},
		"a number":        {5, []string{"not a JSON object"}},
		"null":            {nil, []string{"cluster: missing"}},
		"an empty object": {map[string]any{}, []string{"cluster: missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "a")
			report := s.runWith(tale.input)
			require.Equal(t, contract.OutcomeRefused, report.Outcome)
			require.Equal(t, contract.ErrorInvalidInput, report.ErrorType)
			for _, want := range tale.named {
				require.Contains(t, report.Reason, want)
				require.ErrorContains(t, s.err, want, "whoever sees only the failure reads it as well")
			}
			require.Zero(t, s.count("asked", "Begin", ""))
		})
	}
}

func TestNoInputAtAll(t *testing.T) {
	s := tell(t, "a")
	report := s.runWith()
	require.Equal(t, contract.ErrorInvalidInput, report.ErrorType)
	require.Contains(t, report.Reason, "cluster: missing")
}

func TestUnknownCluster(t *testing.T) {
	s := tell(t, "a")
	s.fault("Begin", "", fault{err: lasting(contract.ErrorUnknownCluster)})
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorUnknownCluster, report.ErrorType)
	require.Zero(t, s.count("begun", lockID, ""), "nothing is locked for a name that nobody knows")
}

func TestPreconditionsThatCannotBeLookedAt(t *testing.T) {
	s := tell(t, "a")
	s.fault("Preconditions", "", fault{err: passing(contract.ErrorWorkerStopped), always: true})
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorWorkerStopped, report.ErrorType)
	require.Greater(t, s.count("asked", "Preconditions", ""), 1, "tried a few times")
}

// TestFailedChecksRefuseTheRun: each is named with what was seen, what was wanted and what to do.
func TestFailedChecksRefuseTheRun(t *testing.T) {
	plugin := contract.Finding{Code: "clone-plugin", Node: "a", Verdict: contract.VerdictFail, Observed: "none", Wanted: "ACTIVE",
		Remedy: "INSTALL PLUGIN clone SONAME 'mysql_clone.so'"}
	s := tell(t, "a", "b")
	s.cluster.findings = []contract.Finding{plugin, {Code: "lag", Node: "b", Verdict: contract.VerdictWarn, Observed: "90 s"}}
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.PreconditionError("clone-plugin"), report.ErrorType)
	require.Equal(t, "1 of 2 checks failed", report.Reason)
	require.ErrorContains(t, s.err, "clone-plugin on a: saw none; wanted ACTIVE; do: INSTALL PLUGIN")

	s = tell(t, "a", "b")
	s.cluster.findings = []contract.Finding{{Code: "one-primary", Verdict: contract.VerdictFail, Observed: "two"}, plugin}
	require.Equal(t, contract.PreconditionError("one-primary"), s.run().ErrorType, "the first one is the cause")
	require.ErrorContains(t, s.err, "clone-plugin on a", "the others are named all the same")
}

func TestPlanOnly(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.Mode, s.request.Confirm = contract.ModePlan, ""
	report := s.run()
	require.Equal(t, contract.OutcomePlanned, report.Outcome)
	require.Contains(t, report.Reason, "plan-a-b")
	require.Equal(t, "plan-a-b", report.Plan.ID)
	require.Zero(t, s.count("begun", lockID, ""), "a plan takes no lock")
	require.Len(t, s.reports, 1, "and is mailed")
}

func TestPlanOfAClusterThatCannotBeResynced(t *testing.T) {
	s := tell(t, "a")
	s.request.Mode = contract.ModePlan
	s.cluster.node("a").errant = "uuid-of-a:1"
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorUnreplicatedWrites, report.ErrorType)
	require.NotNil(t, report.Plan, "what it would destroy is shown all the same")
}

func TestUnreachableSecondary(t *testing.T) {
	t.Run("refuses the run", func(t *testing.T) {
		s := tell(t, "a", "b")
		s.cluster.node("b").unreachable = true
		report := s.run()
		require.Equal(t, contract.OutcomeRefused, report.Outcome)
		require.Equal(t, contract.PreconditionError("reachable"), report.ErrorType)
	})
	t.Run("is left out on request, and named", func(t *testing.T) {
		s := tell(t, "a", "b", "c")
		s.request.OnUnreachable = contract.UnreachableSkip
		s.cluster.node("b").unreachable = true
		report := s.run()
		require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
		require.Equal(t, contract.StandingSkipped, s.standing("b"))
		require.Contains(t, s.nodeReport("b").State, "cannot be reached")
		require.Equal(t, contract.StandingProven, s.standing("c"))
	})
	t.Run("and nobody else is there", func(t *testing.T) {
		s := tell(t, "a")
		s.request.OnUnreachable = contract.UnreachableSkip
		s.cluster.node("a").unreachable = true
		report := s.run()
		require.Equal(t, contract.OutcomeRefused, report.Outcome)
		require.Contains(t, report.Reason, "no secondary is left")
	})
}

func TestNodesOfAnEndedRunAreWaitedFor(t *testing.T) {
	s := tell(t, "a")
	s.open = []string{"resync/shop/a"}
	report := s.run()
	require.Equal(t, contract.OutcomeAlreadyRunning, report.Outcome)
	require.Equal(t, contract.ErrorAlreadyRunning, report.ErrorType)
	require.Contains(t, report.Reason, "resync/shop/a")
}

// TestLockHeldByAnother: the run says who holds the cluster and since when. The test environment knows no other top-level run, so one
// workflow holds the lock and lets the run begin as its child.
func TestLockHeldByAnother(t *testing.T) {
	for name, tale := range map[string]struct {
		lock   string
		holder activities.LockHolderResult
		says   string
	}{
		"by name": {lockID, activities.LockHolderResult{WorkflowID: "resync/shop", RunID: "run-7", Since: time.Unix(0, 0)},
			"cluster shop is held by workflow resync/shop (run run-7) since 1970-01-01T00:00:00Z"},
		"by the primary, under another name": {primaryLockID, activities.LockHolderResult{WorkflowID: "nightly", RunID: "run-8", Since: time.Unix(0, 0)},
			"is held by workflow nightly"},
		"by somebody who has just gone": {lockID, activities.LockHolderResult{}, "another run holds " + lockID},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "a")
			s.holder = tale.holder
			report := s.runBeside(func(ctx workflow.Context) (release func()) {
				lock := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: tale.lock}),
					workflows.ClusterLock, workflows.LockInput{Cluster: "shop", HeldByID: "somebody"})
				_ = lock.GetChildWorkflowExecution().Get(ctx, nil)
				return func() {
					_ = lock.SignalChildWorkflow(ctx, "release", nil).Get(ctx, nil)
					_ = lock.Get(ctx, nil)
				}
			})
			require.Equal(t, contract.OutcomeAlreadyRunning, report.Outcome)
			require.Equal(t, contract.ErrorAlreadyRunning, report.ErrorType)
			require.Contains(t, report.Reason, tale.says)
			require.Empty(t, s.steps("a"))
		})
	}
}

// TestLockThatIsGivenUpInTime: the server ends the lock of a closed run asynchronously, so it is tried for a few seconds.
func TestLockThatIsGivenUpInTime(t *testing.T) {
	s := tell(t, "a")
	report := s.runBeside(func(ctx workflow.Context) (release func()) {
		lock := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: lockID}),
			workflows.ClusterLock, workflows.LockInput{Cluster: "shop", HeldByID: "somebody"})
		_ = lock.GetChildWorkflowExecution().Get(ctx, nil)
		workflow.Go(ctx, func(ctx workflow.Context) {
			_ = workflow.Sleep(ctx, 2*time.Second)
			_ = lock.SignalChildWorkflow(ctx, "release", nil).Get(ctx, nil)
		})
		return func() {}
	})
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
}

// TestNodePastItsEraseOutlivesATerminatedRun, and is finished; one before it is released. That the locks end with the run is
// the server's to show.
func TestNodePastItsEraseOutlivesATerminatedRun(t *testing.T) {
	for step, took := range map[string]string{"Judge": "Recheck Note Fence Release", "Clone": whole} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a", "b")
			// The environment closes a child at once that is not waited for, which is how the server ends a terminated run.
			s.when(step, "a", func() { s.onLoop(func() { s.env.CancelWorkflowByID("beside", "") }) })
			s.env.ExecuteWorkflow(func(ctx workflow.Context) error {
				run := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "beside"}),
					contract.WorkflowResyncCluster, s.request)
				return run.Get(ctx, nil)
			})
			close(s.ended)
			require.Error(t, s.env.GetWorkflowError())
			require.Equal(t, took, s.steps("a"))
			require.Empty(t, s.steps("b"))
			require.Empty(t, s.broken)
		})
	}
}

// TestTwoRunsAtOnce: one of them is refused, whatever their workflow IDs, and when the first is done a third one may begin.
func TestTwoRunsAtOnce(t *testing.T) {
	s := unapproved(t, "a", "b")
	begin := func(ctx workflow.Context, id string) workflow.ChildWorkflowFuture {
		return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id}),
			contract.WorkflowResyncCluster, s.request)
	}
	var first, second, third error
	s.env.ExecuteWorkflow(func(ctx workflow.Context) error {
		one := begin(ctx, "resync/shop")
		// Time passes only when the first one awaits its approval.
		_ = workflow.Sleep(ctx, time.Hour)
		second = begin(ctx, "resync/shop-2026-11-22T19:19:47Z").Get(ctx, nil)
		one.SignalChildWorkflow(ctx, contract.RequestApprove, contract.Approve{Plan: "plan-a-b", Cluster: "shop"})
		first = one.Get(ctx, nil)
		s.request.Confirm = "shop"
		third = begin(ctx, "by-hand").Get(ctx, nil)
		return nil
	})
	require.NoError(t, s.env.GetWorkflowError())
	require.NoError(t, first)
	require.ErrorContains(t, second, "alreadyRunning: another run holds resync-lock/shop")
	require.NoError(t, third)
	require.Empty(t, s.broken)
}
