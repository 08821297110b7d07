package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// OpenNodesInput names the nodes of a cluster.
type OpenNodesInput struct {
	Cluster string   `json:"cluster"`
	Nodes   []string `json:"nodes"`
}

// OpenNodesResult are the workflow IDs of node children that are still open.
type OpenNodesResult struct {
	WorkflowIDs []string `json:"workflowIds,omitempty"`
}

// OpenNodes looks for node children that outlived their terminated run. Each is asked for by its ID, not by a visibility query, which
// may lag behind.
func (a *Activities) OpenNodes(ctx context.Context, in OpenNodesInput) (OpenNodesResult, error) {
	var result OpenNodesResult
	for _, node := range in.Nodes {
		id := contract.NodeWorkflowID(in.Cluster, node)
		described, err := a.config.Temporal.DescribeWorkflowExecution(ctx, id, "")
		var unknown *serviceerror.NotFound
		switch {
		case errors.As(err, &unknown):
			continue
		case err != nil:
			return OpenNodesResult{}, asTemporal(ctx, err)
		case open(described.GetWorkflowExecutionInfo().GetStatus()):
			result.WorkflowIDs = append(result.WorkflowIDs, id)
		}
	}
	return result, nil
}

func open(status enums.WorkflowExecutionStatus) bool {
	return status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enums.WORKFLOW_EXECUTION_STATUS_PAUSED
}
