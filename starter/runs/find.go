// Package runs is what the starter asks of Temporal: which run is meant, how it stands, how it closed, whether anybody works for
// it, and the requests that a run answers. It knows workflow IDs, queries, updates and heartbeats; it knows nothing of the
// terminal.
package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Ref names one run.
type Ref struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// NotFoundError says that what was named is no run.
type NotFoundError struct {
	Named string
	Tried []string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no run of %q: looked for the workflows %s", e.Named, strings.Join(e.Tried, ", "))
}

// NotARunError says that the workflow exists and is something else.
type NotARunError struct {
	WorkflowID, Type, Parent string
}

func (e *NotARunError) Error() string {
	text := fmt.Sprintf("%s is a %s, not a %s", e.WorkflowID, e.Type, contract.WorkflowResyncCluster)
	if e.Parent != "" {
		text += "; it belongs to " + e.Parent
	}
	return text
}

// Find says which run is meant by a cluster's name or a workflow ID. A run may have been started under any ID, so a cluster's name
// stands first for the run that holds the cluster, then for the newest one that the starter began, and at last for itself.
func Find(ctx context.Context, c client.Client, named string) (Ref, error) {
	var ids []string
	if clusterName(named) {
		holder, err := Holder(ctx, c, named)
		if err != nil {
			return Ref{}, err
		}
		if holder.WorkflowID != "" {
			return holder, nil
		}
		ids = append(ids, contract.ClusterWorkflowID(named))
	}
	ids = append(ids, named)
	for _, id := range ids {
		described, err := c.DescribeWorkflowExecution(ctx, id, "")
		if missing(err) {
			continue
		}
		if err != nil {
			return Ref{}, err
		}
		info := described.GetWorkflowExecutionInfo()
		if kind := info.GetType().GetName(); kind != contract.WorkflowResyncCluster {
			return Ref{}, &NotARunError{WorkflowID: id, Type: kind, Parent: info.GetParentExecution().GetWorkflowId()}
		}
		return refOf(described), nil
	}
	return Ref{}, &NotFoundError{Named: named, Tried: ids}
}

// Holder is the run that holds the cluster now, found by its lock; the zero Ref when nobody does.
func Holder(ctx context.Context, c client.Client, cluster string) (Ref, error) {
	described, err := c.DescribeWorkflowExecution(ctx, contract.LockWorkflowID(cluster), "")
	if missing(err) {
		return Ref{}, nil
	}
	if err != nil {
		return Ref{}, err
	}
	info := described.GetWorkflowExecutionInfo()
	if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetParentExecution() == nil {
		return Ref{}, nil
	}
	return Ref{info.GetParentExecution().GetWorkflowId(), info.GetParentExecution().GetRunId()}, nil
}

func clusterName(text string) bool { return len(contract.Request{Cluster: text}.Problems()) == 0 }

func missing(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

func refOf(described *workflowservice.DescribeWorkflowExecutionResponse) Ref {
	execution := described.GetWorkflowExecutionInfo().GetExecution()
	return Ref{execution.GetWorkflowId(), execution.GetRunId()}
}
