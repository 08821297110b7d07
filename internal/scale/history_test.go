package scale

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/proto"
)

// weight is what one execution's history weighs.
type weight struct {
	events, bytes int
	byType        map[enums.EventType]int
	// largest is the largest payload, and whose it is.
	largest   int
	largestOf string
	// result is the size of the workflow's own result, or of its failure.
	result int
	// failedTasks counts workflow tasks that did not complete, by cause.
	failedTasks map[string]int
	// longestTask is the longest time from a workflow task's start to its end.
	longestTask time.Duration
	// last is the type of the last event.
	last enums.EventType
	// replay is how long a worker takes that has to come to the run's state from its history alone, as after a restart; replayCPU is what of
	// it is its own work, whoever else uses the machine. A workflow task that takes longer than 10 s is taken from the worker, which
	// then begins anew: a run whose replay takes longer never goes on.
	replay, replayCPU time.Duration
}

func (w weight) signals() int { return w.byType[enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED] }

func (w weight) tasks() int { return w.byType[enums.EVENT_TYPE_WORKFLOW_TASK_STARTED] }

// unbatched is how many events there are when each thing that happens to the workflow wakes it for itself, as it does when copies take
// half an hour and not half a second: three more (scheduled, started, completed) for each.
func (w weight) unbatched() int {
	woke := 0
	for kind, count := range w.byType {
		switch kind {
		case enums.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enums.EVENT_TYPE_WORKFLOW_TASK_STARTED, enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
			enums.EVENT_TYPE_WORKFLOW_TASK_FAILED, enums.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
			enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
			enums.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			woke += 4 * count
		default:
			woke += count
		}
	}
	return woke
}

// weigh reads a whole history.
func weigh(ctx context.Context, b *testing.B, temporal client.Client, id, run string) weight {
	w := weight{byType: map[enums.EventType]int{}, failedTasks: map[string]int{}}
	var started time.Time
	var past history.History
	events := temporal.GetWorkflowHistory(ctx, id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(b, err)
		past.Events = append(past.Events, event)
		w.events++
		w.bytes += proto.Size(event)
		w.byType[event.EventType]++
		w.last = event.EventType
		size, err := payloads(event)
		require.NoError(b, err)
		if size > w.largest {
			w.largest, w.largestOf = size, describe(event)
		}
		switch event.EventType {
		case enums.EVENT_TYPE_WORKFLOW_TASK_STARTED:
			started = event.EventTime.AsTime()
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			w.longestTask = max(w.longestTask, event.EventTime.AsTime().Sub(started))
		case enums.EVENT_TYPE_WORKFLOW_TASK_FAILED:
			failed := event.GetWorkflowTaskFailedEventAttributes()
			w.failedTasks[failed.Cause.String()+": "+failed.GetFailure().GetMessage()]++
		case enums.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
			w.failedTasks["timed out: "+event.GetWorkflowTaskTimedOutEventAttributes().GetTimeoutType().String()]++
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
			enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
			w.result = size
		}
	}
	began, used := time.Now(), cpu()
	require.NoError(b, replay(&past))
	w.replay, w.replayCPU = time.Since(began), cpu()-used
	return w
}

func replay(past *history.History) error {
	replayer := worker.NewWorkflowReplayer()
	registerWorkflows(replayer)
	return replayer.ReplayWorkflowHistory(quiet{}, past)
}

// payloads adds up the payloads of an event.
func payloads(event *history.HistoryEvent) (int, error) {
	size := 0
	err := proxy.VisitPayloads(context.Background(), event, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, visited []*common.Payload) ([]*common.Payload, error) {
			for _, payload := range visited {
				size += len(payload.Data)
			}
			return visited, nil
		},
	})
	return size, err
}

func describe(event *history.HistoryEvent) string {
	name := event.EventType.String()
	if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
		return fmt.Sprintf("%s of %s", name, scheduled.ActivityType.Name)
	}
	return fmt.Sprintf("%s, event %d", name, event.EventId)
}
