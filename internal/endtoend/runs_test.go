package endtoend

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/shop"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// patience bounds every wait; how long things take is no matter of these tests.
const patience = 5 * time.Minute

// resync is a request for some nodes of the shop that needs no approval and is not watched afterwards.
func resync(nodes ...string) contract.Request {
	none := contract.Duration(0)
	return contract.Request{Cluster: clusterShop, Confirm: clusterShop, Nodes: nodes, Watch: &none}
}

func slowly(request contract.Request) contract.Request {
	request.ThrottleMiBps = slow
	return request
}

func start(t testing.TB, id string, input any) client.WorkflowRun {
	t.Helper()
	run, err := lab.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: id, TaskQueue: contract.DefaultTaskQueue, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, contract.WorkflowResyncCluster, input)
	require.NoError(t, err)
	return run
}

// finish waits for a run's end and takes its report, wherever it is.
func finish(t testing.TB, run client.WorkflowRun) contract.Report {
	t.Helper()
	return finishWithin(t, patience, run)
}

func finishWithin(t testing.TB, bound time.Duration, run client.WorkflowRun) contract.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	var report contract.Report
	err := run.Get(ctx, &report)
	if err == nil {
		return report
	}
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &failed):
		require.NoError(t, failed.Details(&report), err)
		require.Equal(t, string(report.ErrorType), failed.Type())
	case errors.As(err, &cancelled):
		require.NoError(t, cancelled.Details(&report))
	default:
		require.NoError(t, err)
	}
	return report
}

func requireOutcome(t testing.TB, want contract.Outcome, report contract.Report) {
	t.Helper()
	var failures []contract.Finding
	if report.Plan != nil {
		failures = report.Plan.Failures()
	}
	require.Equal(t, want, report.Outcome, "%s %s\n%+v\n%+v", report.ErrorType, report.Reason, failures, report.Nodes)
}

func nodeOf(t testing.TB, report contract.Report, name string) contract.NodeReport {
	t.Helper()
	for _, node := range report.Nodes {
		if node.Name == name {
			return node
		}
	}
	require.Fail(t, "the report does not name the node", "%s in %+v", name, report.Nodes)
	return contract.NodeReport{}
}

func progress(t testing.TB, id string) contract.Progress {
	t.Helper()
	answer, err := lab.temporal.QueryWorkflow(t.Context(), id, "", contract.QueryProgress)
	require.NoError(t, err)
	var p contract.Progress
	require.NoError(t, answer.Get(&p))
	return p
}

func update(t testing.TB, id, name string, request any) {
	t.Helper()
	handle, err := lab.temporal.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(t.Context(), nil))
}

// attempts is how often the pending activity of a node's child was begun.
func attempts(t testing.TB, id, node string) int {
	t.Helper()
	described, err := lab.temporal.DescribeWorkflowExecution(t.Context(), contract.NodeWorkflowID(progress(t, id).Cluster, node), "")
	require.NoError(t, err)
	most := 0
	for _, pending := range described.GetPendingActivities() {
		if pending.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED {
			most = max(most, int(pending.GetAttempt()))
		}
	}
	return most
}

// waitsFor looks into the heartbeats of a node's child for what it waits for.
func waitsFor(t testing.TB, id, node, what string) bool {
	t.Helper()
	child := contract.NodeWorkflowID(progress(t, id).Cluster, node)
	described, err := lab.temporal.DescribeWorkflowExecution(t.Context(), child, "")
	require.NoError(t, err)
	for _, pending := range described.GetPendingActivities() {
		for _, payload := range pending.GetHeartbeatDetails().GetPayloads() {
			if strings.Contains(string(payload.GetData()), what) {
				return true
			}
		}
	}
	return false
}

// until polls a condition that has to come true.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 50*time.Millisecond, what)
}

func untilStep(t testing.TB, id, node string, step contract.Step) {
	t.Helper()
	until(t, fmt.Sprintf("%s never reached %s", node, step), func() bool {
		for _, n := range progress(t, id).Nodes {
			if n.Name == node && n.Step == step {
				return true
			}
		}
		return false
	})
}

// untilCopying waits until bytes of a clone have arrived on the node.
func untilCopying(t testing.TB, node *sandbox.Node) {
	t.Helper()
	until(t, node.Name+" never copied", func() bool { return copying(t, node) })
}

// letGo lifts the throttle of a copy under way, past the run.
func letGo(t testing.TB, node *sandbox.Node) {
	t.Helper()
	require.NoError(t, node.Exec(t.Context(), "SET GLOBAL clone_max_network_bandwidth = 0, GLOBAL clone_max_data_bandwidth = 0"))
}

func copying(t testing.TB, node *sandbox.Node) bool {
	bytes, err := node.QueryString(t.Context(), `SELECT COALESCE(SUM(p.DATA), 0) FROM performance_schema.clone_progress p, performance_schema.clone_status s
		WHERE s.STATE = 'In Progress' AND s.PID <> 0 AND p.STAGE = 'FILE COPY'`)
	copied, _ := strconv.ParseInt(bytes, 10, 64)
	return err == nil && copied > 1<<20
}

// requireHealthy looks at a secondary as its clients do, and compares every table with the primary by the server's own CHECKSUM TABLE.
func requireHealthy(t testing.TB, nodes ...*sandbox.Node) {
	t.Helper()
	ctx := t.Context()
	primary, err := lab.cluster.Primary().DB()
	require.NoError(t, err)
	resume, err := shop.PauseEvents(ctx, primary)
	require.NoError(t, err)
	defer func() { require.NoError(t, resume(ctx)) }()
	for _, node := range nodes {
		state, err := node.QueryString(ctx, "SELECT CONCAT_WS(' ', @@offline_mode, @@super_read_only, @@read_only, @@event_scheduler)")
		require.NoError(t, err)
		require.Equal(t, "0 1 1 OFF", state, "%s serves", node.Name)
		left, err := node.QueryString(ctx, `SELECT COALESCE(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE), '') FROM performance_schema.persisted_variables
			WHERE VARIABLE_NAME IN ('offline_mode', 'skip_replica_start')`)
		require.NoError(t, err)
		require.Empty(t, left, "nothing of the fence outlives a restart of %s", node.Name)
		requireSameRows(t, node)
	}
}

// requireSameRows holds the secondary and the primary at one moment with a read lock, which the writer waits for.
func requireSameRows(t testing.TB, node *sandbox.Node) {
	t.Helper()
	ctx := t.Context()
	db, err := lab.cluster.Primary().DB()
	require.NoError(t, err)
	lock, err := db.Conn(ctx)
	require.NoError(t, err)
	defer lock.Close()
	_, err = lock.ExecContext(ctx, "FLUSH TABLES WITH READ LOCK")
	require.NoError(t, err)
	defer func() {
		_, err := lock.ExecContext(ctx, "UNLOCK TABLES")
		require.NoError(t, err)
	}()
	gtids, err := lab.cluster.Primary().QueryString(ctx, "SELECT @@gtid_executed")
	require.NoError(t, err)
	timedOut, err := node.QueryString(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 120)", gtids)
	require.NoError(t, err)
	require.Equal(t, "0", timedOut, "%s follows", node.Name)
	want, err := shop.Checksums(ctx, db)
	require.NoError(t, err)
	require.NotEmpty(t, want)
	secondary, err := node.DB()
	require.NoError(t, err)
	got, err := shop.Checksums(ctx, secondary)
	require.NoError(t, err)
	require.Empty(t, shop.Diff(want, got), "%s has the primary's rows", node.Name)
}

func node(name string) *sandbox.Node { return lab.cluster.Node(name) }
