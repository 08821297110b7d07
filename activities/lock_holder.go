package activities

import (
	"context"
	"time"
)

// LockHolderInput names a lock by its workflow ID.
type LockHolderInput struct {
	LockID string `json:"lockId"`
}

// LockHolderResult is who holds it; empty when it was freed in the meantime.
type LockHolderResult struct {
	WorkflowID string    `json:"workflowId"`
	RunID      string    `json:"runId"`
	Since      time.Time `json:"since"`
}

// LockHolder finds out who holds a lock: the parent of the workflow that is the lock.
func (a *Activities) LockHolder(ctx context.Context, in LockHolderInput) (LockHolderResult, error) {
	described, err := a.config.Temporal.DescribeWorkflowExecution(ctx, in.LockID, "")
	if err != nil {
		return LockHolderResult{}, asTemporal(ctx, err)
	}
	info := described.GetWorkflowExecutionInfo()
	if !open(info.GetStatus()) {
		return LockHolderResult{}, nil
	}
	return LockHolderResult{
		WorkflowID: info.GetParentExecution().GetWorkflowId(),
		RunID:      info.GetParentExecution().GetRunId(),
		Since:      info.GetStartTime().AsTime(),
	}, nil
}
