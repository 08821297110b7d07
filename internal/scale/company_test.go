package scale

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// sights is what was seen of a run while it went on, at its greatest.
type sights struct {
	// progress and details are the sizes of the query's answer and of the current details, in bytes.
	progress, details int
	slowest           time.Duration
	children          int
	// unanswered counts the queries that got no answer, by why.
	unanswered map[string]int
	// stuck says that the run made no more history.
	stuck bool
}

// standstill is how long a run may make no history before it counts as stuck.
const standstill = 2 * time.Minute

// queryDetails is the SDK's own query behind current details.
const queryDetails = "__temporal_workflow_metadata"

// accompany looks at a run as people do who watch it, every two seconds, until it has closed, is stuck or the context ends. Half way through the
// first minute it pauses and resumes the run, so that the answers of updates are in its history.
func accompany(ctx context.Context, b *testing.B, temporal client.Client, run client.WorkflowRun) sights {
	s := sights{unanswered: map[string]int{}}
	var length int64
	grown := time.Now()
	for look := 0; ctx.Err() == nil; look++ {
		described, err := temporal.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err == nil {
			if !open(described.WorkflowExecutionInfo.Status) {
				break
			}
			if info := described.WorkflowExecutionInfo; info.HistoryLength != length {
				length, grown = info.HistoryLength, time.Now()
			}
			if s.stuck = time.Since(grown) > standstill; s.stuck {
				break
			}
			s.children = max(s.children, len(described.PendingChildren))
		}
		began := time.Now()
		if size, err := ask(ctx, temporal, run, contract.QueryProgress); err != nil {
			s.unanswered[err.Error()]++
		} else {
			s.progress, s.slowest = max(s.progress, size), max(s.slowest, time.Since(began))
		}
		if size, err := ask(ctx, temporal, run, queryDetails); err == nil {
			s.details = max(s.details, size)
		}
		if look == 10 {
			update(ctx, b, temporal, run, contract.RequestPause, contract.Pause{By: "the benchmark"})
			update(ctx, b, temporal, run, contract.RequestResume, contract.Resume{By: "the benchmark"})
		}
		time.Sleep(2 * time.Second)
	}
	return s
}

func ask(ctx context.Context, temporal client.Client, run client.WorkflowRun, name string) (int, error) {
	answer, err := temporal.WorkflowService().QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{
		Namespace: client.DefaultNamespace,
		Execution: &common.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		Query:     &query.WorkflowQuery{QueryType: name},
	})
	if err != nil {
		return 0, err
	}
	size := 0
	for _, payload := range answer.GetQueryResult().GetPayloads() {
		size += len(payload.Data)
	}
	return size, nil
}

func update(ctx context.Context, b *testing.B, temporal client.Client, run client.WorkflowRun, name string, argument any) {
	handle, err := temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), RunID: run.GetRunID(), UpdateName: name, Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	if err != nil {
		b.Logf("update %s: %v", name, err)
	}
}
