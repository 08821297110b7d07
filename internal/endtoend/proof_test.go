package endtoend

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/inventory"
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
