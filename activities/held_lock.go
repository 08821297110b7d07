package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// requireLock makes sure that the run which wants this node erased holds the cluster's lock now (I6). The Temporal server itself records
// whose child the lock is, so that a child which was reset, started by hand or left by an ended run gets no further.
func (a *Activities) requireLock(ctx context.Context, target Target) error {
	id := contract.LockWorkflowID(target.Cluster)
	described, err := a.config.Temporal.DescribeWorkflowExecution(ctx, id, "")
	var unknown *serviceerror.NotFound
	if err != nil && !errors.As(err, &unknown) {
		return err
	}
	lock := described.GetWorkflowExecutionInfo()
	if holder := lock.GetParentExecution().GetRunId(); err == nil && open(lock.GetStatus()) && holder == target.Run {
		return nil
	}
	return final(contract.ErrorAlreadyRunning,
		"node %s: run %s does not hold the lock %s now; nothing was erased: start a new run", target.Node, target.Run, id)
}
