package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// quiet waits at the low-traffic gate, if one was asked for, and looks at everything once more: it may have taken hours.
func (r *run) quiet(ctx workflow.Context) ending {
	if r.request.Quiet == nil {
		return goesOn
	}
	r.enter(contract.PhaseQuiet)
	waiting, giveUp := workflow.WithCancel(ctx)
	defer giveUp()
	target := r.target(r.report.Plan.Primary)
	wait := workflow.ExecuteActivity(proving(waiting, "Wait for a quiet primary"), r.act.WaitQuiet, activities.QuietInput{
		Target: target, Quiet: *r.request.Quiet, Until: r.now().Add(r.request.Quiet.Within.Std()),
	})
	if err := workflow.Await(ctx, func() bool { return wait.IsReady() || r.lockLost() != "" }); err != nil {
		return stopped(ctx, err)
	}
	if lost := r.lockLost(); lost != "" {
		return ending{outcome: contract.OutcomeCancelled, reason: lost + " before anything was changed"}
	}
	if err := wait.Get(ctx, nil); err != nil {
		return stopped(ctx, err)
	}
	return r.lookAgain(ctx)
}
