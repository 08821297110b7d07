package endtoend

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestVerifyOnTheServers: healthy secondaries are proven as they are by digests that the servers make, and serve as the inventory declares.
func TestVerifyOnTheServers(t *testing.T) {
	startWorker(t)
	request := resync()
	request.Mode, request.Confirm = contract.ModeVerify, ""
	request.Proof.Where = contract.ProofWhereServer
	report := finish(t, start(t, "verify-on-servers", request))
	requireOutcome(t, contract.OutcomeVerified, report)
	for _, node := range report.Nodes {
		layers := map[contract.ProofLayerName]contract.ProofVerdict{}
		for _, layer := range node.Proof.Layers {
			layers[layer.Name] = layer.Verdict
		}
		require.Equal(t, contract.ProofEqual, layers[contract.ProofRows], node.Name)
		require.Equal(t, contract.ProofEqual, layers[contract.ProofService], node.Name)
	}
}

// TestAResyncProvesItsClone: the proof of a refilled node holds the record of its clone against this run. One of another donor, or from
// before its erase, would be a difference although every row agrees.
func TestAResyncProvesItsClone(t *testing.T) {
	startWorker(t)
	node, donor := lab.cluster.Secondaries()[0], lab.cluster.Primary()
	before := time.Now().UTC()
	report := finish(t, start(t, "proves-its-clone", resync(node.Name)))
	requireOutcome(t, contract.OutcomeSucceeded, report)
	one := nodeOf(t, report, node.Name)
	require.Equal(t, donor.Name, one.Copy.Donor)
	layer := one.Proof.Layer(contract.ProofClone)
	require.Equal(t, contract.ProofEqual, layer.Verdict)
	require.Contains(t, layer.Notes[0], "from "+donor.PeerAddress())

	verify := func(refilled *activities.Refilled) contract.Proof {
		no := false
		var result activities.VerifyResult
		value, err := activityEnvironment(t).ExecuteActivity("Verify", activities.VerifyInput{
			Target: targetOf(t, report, node.Name), Options: contract.ProofOptions{Rows: &no, Parallel: 1}, Refilled: refilled,
		})
		require.NoError(t, err)
		require.NoError(t, value.Get(&result))
		return result.Proof
	}
	require.Equal(t, contract.ProofEqual, verify(&activities.Refilled{Donor: donor.Name, NotBefore: before}).Layer(contract.ProofClone).Verdict)
	late := verify(&activities.Refilled{Donor: donor.Name, NotBefore: time.Now().UTC()})
	require.Equal(t, contract.ProofDifferent, late.Verdict)
	require.Contains(t, late.Layer(contract.ProofClone).Listed[0].Detail, "before this run")
	other := verify(&activities.Refilled{Donor: lab.cluster.Secondaries()[1].Name, NotBefore: before})
	require.Contains(t, other.Layer(contract.ProofClone).Listed[0].Detail, "came from")
	for _, layer := range verify(nil).Layers {
		require.NotEqual(t, contract.ProofClone, layer.Name, "nobody refilled it")
	}
}

// activityEnvironment runs single activities on the lab's servers.
func activityEnvironment(t *testing.T) *testsuite.TestActivityEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(activities.New(activities.Config{Inventory: lab.inventory, Temporal: lab.temporal}))
	return env
}

// targetOf is a node as a run's plan has seen it.
func targetOf(t *testing.T, report contract.Report, name string) activities.Target {
	t.Helper()
	clusters, err := inventory.Load(lab.inventory)
	require.NoError(t, err)
	cluster, err := clusters.Cluster(clusterShop)
	require.NoError(t, err)
	return activities.Target{
		Cluster: clusterShop, InventoryHash: cluster.Hash(), Run: report.RunID, Node: name, NodeUUID: nodeOf(t, report, name).ServerUUID,
		Primary: report.Plan.Primary.Name, PrimaryUUID: report.Plan.Primary.ServerUUID,
	}
}

func verifyAll(nodes ...string) contract.Request {
	request := resync(nodes...)
	request.Mode, request.Confirm = contract.ModeVerify, ""
	return request
}

// TestTogetherCostsThePrimaryOneReading: two secondaries that are verified together cost the primary about what one of them does. The
// writer's few rows do not matter beside a shop's.
func TestTogetherCostsThePrimaryOneReading(t *testing.T) {
	startWorker(t)
	read := func(nodes ...string) float64 {
		rows := func() float64 {
			text, err := lab.cluster.Primary().QueryString(t.Context(),
				"SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Innodb_rows_read'")
			require.NoError(t, err)
			count, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			return count
		}
		before := rows()
		report := finish(t, start(t, "counts-reads-"+strings.Join(nodes, "-"), verifyAll(nodes...)))
		requireOutcome(t, contract.OutcomeVerified, report)
		require.Len(t, report.Nodes, len(nodes))
		for _, node := range report.Nodes {
			compared := node.Proof.Layer(contract.ProofRows).Rows
			require.Greater(t, rows()-before, float64(compared), "what was compared was read")
		}
		return rows() - before
	}
	first, second := lab.cluster.Secondaries()[0].Name, lab.cluster.Secondaries()[1].Name
	one := read(first)
	both := read(first, second)
	t.Logf("the primary read %.0f rows for one secondary, %.0f for two", one, both)
	require.LessOrEqual(t, both, 1.2*one)
}

// TestTogetherWithoutOneThatDoesNotReplicate: it drops out and is a finding; the other is proven, and its applier is left alone.
func TestTogetherWithoutOneThatDoesNotReplicate(t *testing.T) {
	startWorker(t)
	stopped, other := lab.cluster.Secondaries()[0], lab.cluster.Secondaries()[1]
	require.NoError(t, stopped.Exec(t.Context(), "STOP REPLICA"))
	t.Cleanup(func() { require.NoError(t, stopped.Exec(context.WithoutCancel(t.Context()), "START REPLICA")) })
	report := finish(t, start(t, "verify-beside-a-stopped-one", verifyAll()))
	requireOutcome(t, contract.OutcomePartlySucceeded, report)
	require.Equal(t, contract.ErrorReplication, nodeOf(t, report, stopped.Name).ErrorType)
	require.Equal(t, contract.StandingUntouched, nodeOf(t, report, stopped.Name).Standing)
	require.Equal(t, contract.StandingVerified, nodeOf(t, report, other.Name).Standing)
	running, err := stopped.QueryString(t.Context(), "SELECT SERVICE_STATE FROM performance_schema.replication_applier_status")
	require.NoError(t, err)
	require.Equal(t, "OFF", running, "whoever stopped it starts it")
}

// TestACommonProofGoesOnWithoutWhomItLost: a later attempt neither waits for a secondary that dropped out of an earlier one nor proves it.
func TestACommonProofGoesOnWithoutWhomItLost(t *testing.T) {
	startWorker(t)
	report := finish(t, start(t, "verify-to-be-lost", verifyAll()))
	requireOutcome(t, contract.OutcomeVerified, report)
	lost := activities.Lost{Node: lab.cluster.Secondaries()[0].Name, Type: contract.ErrorUnreachable, Message: "it went away"}
	env := activityEnvironment(t)
	env.SetHeartbeatDetails(map[string]any{"lost": []activities.Lost{lost}})
	in := activities.VerifyTogetherInput{Options: contract.ProofOptions{Parallel: 1}}
	for _, node := range lab.cluster.Secondaries() {
		in.Targets = append(in.Targets, targetOf(t, report, node.Name))
	}
	value, err := env.ExecuteActivity("VerifyTogether", in)
	require.NoError(t, err)
	var result activities.VerifyTogetherResult
	require.NoError(t, value.Get(&result))
	require.Equal(t, &lost, result.Nodes[0].Lost)
	require.Nil(t, result.Nodes[0].Proof)
	require.Nil(t, result.Nodes[1].Lost)
	require.True(t, result.Nodes[1].Proof.Equal)
}

// TestRepairLooksAtWhatIsCheapFirst: rows of a secondary whose definitions differ already are not read before it is planned for.
func TestRepairLooksAtWhatIsCheapFirst(t *testing.T) {
	startWorker(t)
	harmed, other := lab.cluster.Secondaries()[0], lab.cluster.Secondaries()[1]
	alter := func(comment string) {
		require.NoError(t, harmed.Exec(context.WithoutCancel(t.Context()), "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF",
			"ALTER TABLE shop_archive.documents COMMENT = '"+comment+"'", "SET GLOBAL super_read_only = ON"))
	}
	before, err := lab.cluster.Primary().QueryString(t.Context(),
		"SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_archive' AND TABLE_NAME = 'documents'")
	require.NoError(t, err)
	alter("altered here by mistake")
	t.Cleanup(func() { alter(before) })
	request := verifyAll()
	request.Mode, request.ApprovalTimeout = contract.ModeRepair, contract.Duration(time.Second)
	report := finish(t, start(t, "cheap-first", request))
	requireOutcome(t, contract.OutcomeExpired, report)
	differs := nodeOf(t, report, harmed.Name).Proof
	require.Equal(t, contract.ProofDifferent, differs.Layer(contract.ProofSchema).Verdict)
	require.Equal(t, contract.ProofSkipped, differs.Layer(contract.ProofRows).Verdict)
	require.Contains(t, differs.Layer(contract.ProofRows).Notes[0], "reason enough")
	require.Equal(t, contract.ProofEqual, nodeOf(t, report, other.Name).Proof.Layer(contract.ProofRows).Verdict)
	require.Equal(t, []string{harmed.Name}, namesOf(report.Plan.Chosen()))
}

func namesOf(nodes []contract.PlanNode) []string {
	var names []string
	for _, node := range nodes {
		names = append(names, node.Name)
	}
	return names
}

// slowlyTogether starts a verification of all that is at work on rows for a while.
func slowlyTogether(t *testing.T, id string) client.WorkflowRun {
	t.Helper()
	request := verifyAll()
	request.Proof.ThrottleMiBps = 1
	run := start(t, id, request)
	child, over := contract.NodeWorkflowID(clusterShop, lab.cluster.Secondaries()[0].Name), false
	until(t, "the common proof never came to the rows", func() bool {
		// No query, which may wait for a worker for longer than the proof lasts.
		whole, err := lab.temporal.DescribeWorkflowExecution(t.Context(), id, run.GetRunID())
		over = err != nil || whole.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
		described, err := lab.temporal.DescribeWorkflowExecution(t.Context(), child, "")
		if over || err != nil {
			return over
		}
		for _, pending := range described.GetPendingActivities() {
			for _, payload := range pending.GetHeartbeatDetails().GetPayloads() {
				if strings.Contains(string(payload.GetData()), `"stage":"rows"`) {
					return true
				}
			}
		}
		return false
	})
	require.False(t, over, "it was over too soon")
	return run
}

// requireAppliers wants the appliers of all secondaries running without a limit.
func requireAppliers(t *testing.T) {
	t.Helper()
	for _, node := range lab.cluster.Secondaries() {
		state, err := node.QueryString(t.Context(), "SELECT SERVICE_STATE FROM performance_schema.replication_applier_status")
		require.NoError(t, err)
		require.Equal(t, "ON", state, node.Name)
		require.NoError(t, node.WaitFor(t.Context(), lab.cluster.Primary()), node.Name)
	}
}

// TestACommonProofOutlivesItsWorker: the next worker's attempt goes on, and no applier stays stopped.
func TestACommonProofOutlivesItsWorker(t *testing.T) {
	first := startWorker(t)
	run := slowlyTogether(t, "common-proof-crash")
	first.kill9()
	startWorker(t)
	report := finish(t, run)
	requireOutcome(t, contract.OutcomeVerified, report)
	require.Len(t, report.Nodes, len(lab.cluster.Secondaries()))
	for _, node := range report.Nodes {
		require.Equal(t, contract.StandingVerified, node.Standing)
		require.Len(t, node.Steps, 1)
		require.GreaterOrEqual(t, node.Steps[0].Attempts, 2, "the first attempt died with its worker")
	}
	requireAppliers(t)
}

// TestAbortOfOneInACommonProof: it is given up as it was; the other is proven all the same.
func TestAbortOfOneInACommonProof(t *testing.T) {
	startWorker(t)
	given, other := lab.cluster.Secondaries()[0].Name, lab.cluster.Secondaries()[1].Name
	run := slowlyTogether(t, "common-proof-abort")
	update(t, "common-proof-abort", contract.RequestAbort, contract.Abort{Node: given, By: "bob"})
	report := finish(t, run)
	requireOutcome(t, contract.OutcomePartlySucceeded, report)
	require.Equal(t, contract.ErrorAborted, nodeOf(t, report, given).ErrorType)
	require.Equal(t, contract.StandingUntouched, nodeOf(t, report, given).Standing)
	require.Equal(t, contract.StandingVerified, nodeOf(t, report, other).Standing)
	requireAppliers(t)
}

// TestTerminationInACommonProof: the group outlives its run for as long as it works on any of its nodes, and no other run begins meanwhile
// on whichever of them.
func TestTerminationInACommonProof(t *testing.T) {
	startWorker(t)
	slowlyTogether(t, "common-proof-terminated")
	child := contract.NodeWorkflowID(clusterShop, lab.cluster.Secondaries()[0].Name)
	require.NoError(t, lab.temporal.TerminateWorkflow(t.Context(), "common-proof-terminated", "", "a test"))
	var last contract.Report
	until(t, "no run ever began again", func() bool {
		last = finish(t, start(t, "after-the-terminated", verifyAll(lab.cluster.Secondaries()[1].Name)))
		if last.Outcome == contract.OutcomeAlreadyRunning {
			require.Contains(t, last.Reason, child)
			return false
		}
		described, err := lab.temporal.DescribeWorkflowExecution(t.Context(), child, "")
		require.NoError(t, err)
		require.NotEqual(t, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, described.GetWorkflowExecutionInfo().GetStatus())
		return true
	})
	requireOutcome(t, contract.OutcomeVerified, last)
	requireAppliers(t)
}

// TestSettingsAreAligned: shown in the plan, whose ID they change, set on the resynced node alone, and there after it was refilled.
func TestSettingsAreAligned(t *testing.T) {
	startWorker(t)
	node, other := lab.cluster.Secondaries()[0], lab.cluster.Secondaries()[1]
	for _, drifting := range []*sandbox.Node{node, other} {
		require.NoError(t, drifting.Exec(t.Context(), "SET PERSIST sync_binlog = 0"))
		t.Cleanup(func() {
			require.NoError(t, drifting.Exec(context.WithoutCancel(t.Context()), "RESET PERSIST IF EXISTS sync_binlog", "SET GLOBAL sync_binlog = DEFAULT"))
		})
	}
	request := resync(node.Name)
	request.Mode = contract.ModePlan
	without := finish(t, start(t, "plan-without-settings", request)).Plan
	request.AlignSettings = true
	with := finish(t, start(t, "plan-with-settings", request)).Plan
	require.NotEqual(t, without.ID, with.ID)
	require.Empty(t, without.Chosen()[0].Settings)
	require.Len(t, with.Chosen()[0].Settings, 1)
	require.Equal(t, "SET PERSIST sync_binlog = 1", with.Chosen()[0].Settings[0].Statement())

	request.Mode, request.Plan = contract.ModeResync, with.ID
	report := finish(t, start(t, "aligns-settings", request))
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.Equal(t, []string{"SET PERSIST sync_binlog = 1"}, nodeOf(t, report, node.Name).Aligned)
	for _, one := range []struct {
		node *sandbox.Node
		want string
	}{{node, "1"}, {other, "0"}} {
		value, err := one.node.QueryString(t.Context(), "SELECT @@GLOBAL.sync_binlog")
		require.NoError(t, err)
		require.Equal(t, one.want, value, one.node.Name)
	}
	persisted, err := node.QueryString(t.Context(), "SELECT COUNT(*) FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = 'sync_binlog'")
	require.NoError(t, err)
	require.Equal(t, "1", persisted)
}
