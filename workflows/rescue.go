package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// archiveGone is how long a worker that can read an archive of its own is waited for. The node is still intact: rather than to wait
// behind its fence it is released.
const archiveGone = 2 * time.Minute

// rescue keeps what only this node has, behind its fence, where nothing is added any more.
func (n *nodeRun) rescue(ctx workflow.Context) error {
	if !n.in.Rescue || n.in.Approval.Errant == "" {
		return nil
	}
	return n.take(ctx, contract.StepRescue, func() (int, error) {
		var result activities.RescueResult
		ctx := workflow.WithStartToCloseTimeout(changing(ctx, "Rescue what only "+n.in.Target.Node+" has"), longest)
		err := workflow.ExecuteActivity(ctx, n.act.Rescue, activities.RescueInput{Target: n.in.Target, Approval: n.in.Approval}).Get(ctx, &result)
		if err == nil {
			n.report.Rescued, n.archive = result.Rescued, result.Queue
		}
		return result.Attempts, err
	})
}

// eraseBesideArchive is for the first attempts of the erase: they go to a worker that can read what was rescued, because it is read once
// more before anything is destroyed.
func (n *nodeRun) eraseBesideArchive(ctx workflow.Context, summary string) workflow.Context {
	ctx = changing(ctx, summary)
	if n.archive == "" {
		return ctx
	}
	return workflow.WithScheduleToStartTimeout(workflow.WithTaskQueue(ctx, n.archive), archiveGone)
}
