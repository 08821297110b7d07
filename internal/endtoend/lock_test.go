package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestOneRunAtATime (I6): while a node is being copied, nobody else gets the cluster, however he asks and under whatever name; a cancel
// does not drop the lock before the node is finished.
func TestOneRunAtATime(t *testing.T) {
	startWorker(t)
	first := start(t, "a-persons-own-id", slowly(resync()))
	untilCopying(t, node("db2"))

	t.Run("another workflow ID", func(t *testing.T) {
		report := finish(t, start(t, "another-id", resync()))
		requireOutcome(t, contract.OutcomeAlreadyRunning, report)
		require.Contains(t, report.Reason, "a-persons-own-id")
		require.Contains(t, report.Reason, first.GetRunID())
	})
	t.Run("a schedule", func(t *testing.T) {
		requireOutcome(t, contract.OutcomeAlreadyRunning, finish(t, bySchedule(t)))
	})
	t.Run("another name of the same cluster", func(t *testing.T) {
		request := resync()
		request.Cluster, request.Confirm = clusterAgain, clusterAgain
		report := finish(t, start(t, "same-servers", request))
		requireOutcome(t, contract.OutcomeAlreadyRunning, report)
		require.Contains(t, report.Reason, "a-persons-own-id")
	})
	t.Run("a plan takes no lock", func(t *testing.T) {
		requireOutcome(t, contract.OutcomePlanned, finish(t, start(t, "plan-meanwhile", contract.Request{Cluster: clusterShop, Mode: contract.ModePlan})))
	})

	require.True(t, copying(t, node("db2")), "the copy was still going on")
	require.NoError(t, lab.temporal.CancelWorkflow(t.Context(), "a-persons-own-id", ""))
	until(t, "the cancel was never seen", func() bool { return progress(t, "a-persons-own-id").Stopping != "" })
	requireOutcome(t, contract.OutcomeAlreadyRunning, finish(t, start(t, "after-the-cancel", resync())))
	letGo(t, node("db2"))

	report := finish(t, first)
	requireOutcome(t, contract.OutcomeCancelled, report)
	require.Equal(t, contract.StandingProven, nodeOf(t, report, "db2").Standing, "a node past its erase is finished")
	require.Equal(t, contract.StandingUntouched, nodeOf(t, report, "db3").Standing, "no other is begun")
	requireHealthy(t, node("db2"), node("db3"))
}

// bySchedule triggers a Schedule, which gives its run an ID with a timestamp.
func bySchedule(t *testing.T) client.WorkflowRun {
	t.Helper()
	ctx := t.Context()
	handle, err := lab.temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: "nightly", Spec: client.ScheduleSpec{},
		Action: &client.ScheduleWorkflowAction{
			ID: contract.ClusterWorkflowID(clusterShop), Workflow: contract.WorkflowResyncCluster,
			TaskQueue: contract.DefaultTaskQueue, Args: []any{resync()},
		},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, handle.Delete(ctx)) }()
	require.NoError(t, handle.Trigger(ctx, client.ScheduleTriggerOptions{}))
	var run client.WorkflowRun
	until(t, "the schedule never started its run", func() bool {
		described, err := handle.Describe(ctx)
		require.NoError(t, err)
		for _, action := range described.Info.RecentActions {
			started := action.StartWorkflowResult
			require.NotEqual(t, contract.ClusterWorkflowID(clusterShop), started.WorkflowID, "a Schedule appends a timestamp")
			run = lab.temporal.GetWorkflow(ctx, started.WorkflowID, started.FirstExecutionRunID)
			return true
		}
		return false
	})
	return run
}

// TestTerminatedInMidClone: the node's child outlives its run and finishes what it began; nobody gets the cluster before.
func TestTerminatedInMidClone(t *testing.T) {
	startWorker(t)
	start(t, "to-be-terminated", slowly(resync("db2")))
	untilCopying(t, node("db2"))
	require.NoError(t, lab.temporal.TerminateWorkflow(t.Context(), "to-be-terminated", "", "the test"))

	report := finish(t, start(t, "too-early", resync()))
	requireOutcome(t, contract.OutcomeAlreadyRunning, report)
	require.Contains(t, report.Reason, contract.NodeWorkflowID(clusterShop, "db2"))
	letGo(t, node("db2"))

	var orphan contract.NodeReport
	require.NoError(t, lab.temporal.GetWorkflow(t.Context(), contract.NodeWorkflowID(clusterShop, "db2"), "").Get(t.Context(), &orphan))
	require.Equal(t, contract.StandingProven, orphan.Standing, orphan.Error)
	requireHealthy(t, node("db2"))
}

// TestWreckIsHealed: run and child are terminated in mid-clone, which leaves a node fenced and half-filled; a new run accepts it.
func TestWreckIsHealed(t *testing.T) {
	startWorker(t)
	start(t, "wrecked", slowly(resync("db2")))
	untilCopying(t, node("db2"))
	require.NoError(t, lab.temporal.TerminateWorkflow(t.Context(), "wrecked", "", "the test"))
	require.NoError(t, lab.temporal.TerminateWorkflow(t.Context(), contract.NodeWorkflowID(clusterShop, "db2"), "", "the test"))
	requireClosedToClients(t, node("db2"))

	report := finish(t, start(t, "healing", resync("db2")))
	requireOutcome(t, contract.OutcomeSucceeded, report)
	requireHealthy(t, node("db2"))
}
