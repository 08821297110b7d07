package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestNodeOfIsTheInverseOfTheContract(t *testing.T) {
	cluster, node := nodeOf(contract.NodeWorkflowID("shop", "db2"))
	assert.Equal(t, []string{"shop", "db2"}, []string{cluster, node})
	cluster, node = nodeOf("another/id")
	assert.Equal(t, []string{"", "another/id"}, []string{cluster, node})
}

func TestRootMessageTellsTheCauseOnce(t *testing.T) {
	assert.Empty(t, rootMessage(nil))
	assert.Equal(t, "db2: the clone failed: error 3862", rootMessage(&failure.Failure{
		Message: "db2: the clone failed: error 3862", Cause: &failure.Failure{Message: "error 3862"}}))
	assert.Equal(t, "activity error: db1 is gone", rootMessage(&failure.Failure{
		Message: "activity error", Cause: &failure.Failure{Cause: &failure.Failure{Message: "db1 is gone"}}}))
}

func TestOnlyNamesOfTheInventoryStandForClusters(t *testing.T) {
	assert.True(t, clusterName("shop-2"))
	assert.False(t, clusterName("resync/shop"))
	assert.False(t, clusterName("Shop"))
}

// TestOneWorkflowMayTellOfSeveralNodes: what an activity says of a group is said of each of its nodes, and nothing else is.
func TestOneWorkflowMayTellOfSeveralNodes(t *testing.T) {
	w := NewWatcher(nil, nil, Ref{})
	told := func(nodes []string, rows int64) *workflow.PendingActivityInfo {
		payloads, err := converter.GetDefaultDataConverter().ToPayloads(contract.StepProgress{Step: contract.StepVerify, Nodes: nodes, Rows: rows})
		require.NoError(t, err)
		return &workflow.PendingActivityInfo{Attempt: 1, HeartbeatDetails: payloads}
	}
	got := map[string]int64{}
	for _, beat := range w.beats("resync/shop/db2", []*workflow.PendingActivityInfo{told([]string{"db2", "db3"}, 5), told([]string{"db4"}, 7)}) {
		assert.Equal(t, "shop", beat.Cluster)
		got[beat.Node] = beat.Detail.Rows
	}
	assert.Equal(t, map[string]int64{"db2": 5, "db3": 5, "db4": 7}, got)

	one := w.beats("resync/shop/db2", []*workflow.PendingActivityInfo{told(nil, 9)})
	require.Len(t, one, 1)
	assert.Equal(t, "db2", one[0].Node)
	assert.EqualValues(t, 9, one[0].Detail.Rows)

	silent := w.beats("resync/shop/db2", []*workflow.PendingActivityInfo{{Attempt: 3}})
	require.Len(t, silent, 1)
	assert.Nil(t, silent[0].Detail)
	assert.Len(t, silent[0].Trouble, 1)
	require.Len(t, w.beats("resync/shop/db2", nil), 1, "a child without an activity is open all the same")
}
