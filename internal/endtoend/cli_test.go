package endtoend

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestTemporalCLI starts, queries, approves (once by Update, once by Signal) and cancels runs by JSON, with nothing but the temporal CLI.
func TestTemporalCLI(t *testing.T) {
	startWorker(t)
	input := `{"cluster":"shop","nodes":["db2"],"watch":"0s","throttleMiBps":1}`

	t.Run("approved by Update, then cancelled", func(t *testing.T) {
		temporalCLI(t, "workflow", "start", "--type", "ResyncCluster", "--task-queue", "cluster-resync", "--workflow-id", "cli-1", "--input", input)
		plan := awaitPlan(t, "cli-1")
		refused := temporalFails(t, "workflow", "update", "execute", "--workflow-id", "cli-1", "--name", "approve", "--input",
			`{"plan":"000000000000","cluster":"shop"}`)
		require.Contains(t, refused, plan, "the refusal names the plan that awaits approval")
		temporalCLI(t, "workflow", "update", "execute", "--workflow-id", "cli-1", "--name", "approve", "--input",
			`{"plan":"`+plan+`","cluster":"shop","by":"ann"}`)
		untilCopying(t, node("db2"))
		temporalCLI(t, "workflow", "cancel", "--workflow-id", "cli-1")
		letGo(t, node("db2"))
		report := finish(t, lab.temporal.GetWorkflow(t.Context(), "cli-1", ""))
		// The only node was past its erase, so that all that was asked for is done.
		requireOutcome(t, contract.OutcomeSucceeded, report)
		require.Equal(t, "ann", report.Approval.By)
	})
	t.Run("approved by Signal", func(t *testing.T) {
		temporalCLI(t, "workflow", "start", "--type", "ResyncCluster", "--task-queue", "cluster-resync", "--workflow-id", "cli-2", "--input", input)
		plan := awaitPlan(t, "cli-2")
		temporalCLI(t, "workflow", "signal", "--workflow-id", "cli-2", "--name", "approve", "--input", `{"plan":"wrong","cluster":"shop"}`)
		until(t, "a refused signal never showed", func() bool { return len(progress(t, "cli-2").RefusedRequests) == 1 })
		temporalCLI(t, "workflow", "signal", "--workflow-id", "cli-2", "--name", "approve", "--input", `{"plan":"`+plan+`","cluster":"shop","by":"bob"}`)
		untilCopying(t, node("db2"))
		temporalCLI(t, "workflow", "update", "execute", "--workflow-id", "cli-2", "--name", "throttle", "--input", `{"mibps":0}`)
		report := finish(t, lab.temporal.GetWorkflow(t.Context(), "cli-2", ""))
		requireOutcome(t, contract.OutcomeSucceeded, report)
		require.Equal(t, "bob", report.Approval.By)
	})
	t.Run("cancelled before the approval", func(t *testing.T) {
		temporalCLI(t, "workflow", "start", "--type", "ResyncCluster", "--task-queue", "cluster-resync", "--workflow-id", "cli-3", "--input", input)
		awaitPlan(t, "cli-3")
		temporalCLI(t, "workflow", "cancel", "--workflow-id", "cli-3")
		requireOutcome(t, contract.OutcomeCancelled, finish(t, lab.temporal.GetWorkflow(t.Context(), "cli-3", "")))
	})
	requireHealthy(t, node("db2"))
}

// awaitPlan queries as the README says until the run awaits approval, and returns the plan's ID.
func awaitPlan(t *testing.T, id string) string {
	t.Helper()
	var answer struct {
		QueryResult []contract.Progress `json:"queryResult"`
	}
	until(t, id+" never awaited approval", func() bool {
		out := temporalCLI(t, "workflow", "query", "--workflow-id", id, "--type", "progress", "--output", "json")
		require.NoError(t, json.Unmarshal([]byte(out), &answer), out)
		return len(answer.QueryResult) == 1 && answer.QueryResult[0].Phase == contract.PhaseApproval
	})
	return answer.QueryResult[0].Plan.ID
}

func temporalCLI(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cli(t, args...)
	require.NoError(t, err, "temporal %v\n%s", args, out)
	return out
}

func temporalFails(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cli(t, args...)
	require.Error(t, err, "temporal %v\n%s", args, out)
	return out
}

func cli(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), lab.cluster.Temporal.Program(), append(args, "--address", lab.cluster.Temporal.Address())...)
	command.Env = append(os.Environ(), "HOME="+lab.cluster.Folder)
	out, err := command.CombinedOutput()
	return string(out), err
}
