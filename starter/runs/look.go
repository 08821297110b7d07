package runs

import (
	"context"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/clusterresync/clusterresync/starter/status"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// QueryTimeout is how long a run may take to answer a query before it is taken to be without a worker.
const QueryTimeout = 3 * time.Second

// Watcher looks at one run again and again, and remembers what the run last answered.
type Watcher struct {
	client    client.Client
	converter converter.DataConverter
	ref       Ref
	answer    *contract.Progress
	answered  time.Time
}

// NewWatcher watches a run. The converter must be the client's; nil is the default one.
func NewWatcher(c client.Client, dataConverter converter.DataConverter, ref Ref) *Watcher {
	if dataConverter == nil {
		dataConverter = converter.GetDefaultDataConverter()
	}
	return &Watcher{client: c, converter: dataConverter, ref: ref}
}

// Ref is the run that is watched: the newest of its chain, should it have continued as new.
func (w *Watcher) Ref() Ref { return w.ref }

// Look takes one look. It needs only Temporal: a run whose worker is away is described by what Temporal knows and by what the run
// said last, and the snapshot says so. closed is true once the run has closed; then Closing tells the rest.
func (w *Watcher) Look(ctx context.Context) (snapshot status.Snapshot, closed bool, err error) {
	described, err := w.client.DescribeWorkflowExecution(ctx, w.ref.WorkflowID, w.ref.RunID)
	if err != nil {
		return status.Snapshot{}, false, err
	}
	info := described.GetWorkflowExecutionInfo()
	if info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		described, err = w.client.DescribeWorkflowExecution(ctx, w.ref.WorkflowID, "")
		if err != nil {
			return status.Snapshot{}, false, err
		}
		info = described.GetWorkflowExecutionInfo()
	}
	w.ref = refOf(described)
	snapshot = status.Snapshot{
		WorkflowID: w.ref.WorkflowID, RunID: w.ref.RunID, TaskQueue: info.GetTaskQueue(),
		At: time.Now().UTC(), Started: info.GetStartTime().AsTime(), Trouble: w.trouble(described.GetPendingActivities()),
	}
	if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return snapshot, true, nil
	}
	if told, _ := w.heartbeat(described.GetPendingActivities()); told != nil {
		snapshot.Waiting = told.Waiting
	}
	snapshot.Away = w.ask(ctx, info.GetTaskQueue())
	snapshot.AnsweredAt = w.answered

	var beats []status.Beat
	for _, child := range described.GetPendingChildren() {
		if name := child.GetWorkflowTypeName(); name != contract.WorkflowResyncNode && name != contract.WorkflowVerifyNodes {
			continue
		}
		node, err := w.client.DescribeWorkflowExecution(ctx, child.GetWorkflowId(), child.GetRunId())
		if missing(err) {
			continue
		}
		if err != nil {
			return status.Snapshot{}, false, err
		}
		beats = append(beats, w.beats(child.GetWorkflowId(), node.GetPendingActivities())...)
	}
	snapshot.Merge(w.answer, beats)
	return snapshot, false, nil
}

// beats are what the pending activities of a child tell, for each node that they work on. Until one has told of itself it is taken for
// that of the node that the child is named after.
func (w *Watcher) beats(workflowID string, pending []*workflow.PendingActivityInfo) []status.Beat {
	cluster, first := nodeOf(workflowID)
	var beats []status.Beat
	var untold []*workflow.PendingActivityInfo
	for _, activity := range pending {
		own := []*workflow.PendingActivityInfo{activity}
		detail, at := w.heartbeat(own)
		if detail == nil || len(detail.Nodes) == 0 {
			untold = append(untold, activity)
			continue
		}
		for _, name := range detail.Nodes {
			beats = append(beats, status.Beat{Cluster: cluster, Node: name, Detail: detail, At: at, Trouble: w.trouble(own)})
		}
	}
	if len(untold) > 0 || len(beats) == 0 {
		beat := status.Beat{Cluster: cluster, Node: first, Trouble: w.trouble(untold)}
		beat.Detail, beat.At = w.heartbeat(untold)
		beats = append(beats, beat)
	}
	return beats
}

// ask puts the query and keeps the answer. It returns why there was none.
func (w *Watcher) ask(ctx context.Context, queue string) (away string) {
	asking, cancel := context.WithTimeout(ctx, QueryTimeout)
	defer cancel()
	value, err := w.client.QueryWorkflow(asking, w.ref.WorkflowID, w.ref.RunID, contract.QueryProgress)
	if err == nil {
		var progress contract.Progress
		if err = value.Get(&progress); err == nil {
			w.answer, w.answered = &progress, time.Now().UTC()
			return ""
		}
		return "the run's answer cannot be read (" + err.Error() + "); is the worker of another version?"
	}
	if workers, asked := Workers(ctx, w.client, queue); asked == nil && workers == 0 {
		return "no worker polls task queue " + queue + ": the run goes on when one is started"
	}
	return "the worker on task queue " + queue + " does not answer at the moment"
}

// heartbeat is the newest of the pending activities' progress.
func (w *Watcher) heartbeat(pending []*workflow.PendingActivityInfo) (detail *contract.StepProgress, at time.Time) {
	for _, activity := range pending {
		told := activity.GetLastHeartbeatTime().AsTime()
		if activity.GetHeartbeatDetails() == nil || (detail != nil && !told.After(at)) {
			continue
		}
		var progress contract.StepProgress
		// Details of another shape belong to an activity that tells something else; they are no progress.
		if w.converter.FromPayloads(activity.GetHeartbeatDetails(), &progress) == nil {
			detail, at = &progress, told
		}
	}
	return detail, at
}

// trouble are the pending activities that a person should know of: those on their second attempt or later.
func (w *Watcher) trouble(pending []*workflow.PendingActivityInfo) []status.Attempt {
	var attempts []status.Attempt
	for _, activity := range pending {
		if activity.GetAttempt() < 2 && activity.GetLastFailure() == nil {
			continue
		}
		attempt := status.Attempt{
			Activity: activity.GetActivityType().GetName(), Attempt: int(activity.GetAttempt()),
			LastFailure: rootMessage(activity.GetLastFailure()),
		}
		if next := activity.GetNextAttemptScheduleTime(); next != nil {
			attempt.Next = next.AsTime()
		}
		attempts = append(attempts, attempt)
	}
	return attempts
}

func rootMessage(f *failure.Failure) string {
	var messages []string
	for ; f != nil; f = f.GetCause() {
		if message := f.GetMessage(); message != "" && (len(messages) == 0 || !strings.Contains(messages[len(messages)-1], message)) {
			messages = append(messages, message)
		}
	}
	return strings.Join(messages, ": ")
}

// nodeOf is the inverse of contract.NodeWorkflowID.
func nodeOf(workflowID string) (cluster, node string) {
	parts := strings.Split(workflowID, "/")
	if len(parts) != 3 {
		return "", workflowID
	}
	return parts[1], parts[2]
}
