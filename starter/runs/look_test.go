package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.temporal.io/api/failure/v1"

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
