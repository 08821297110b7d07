package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// takeBack puts the node into service again; only now may clients see it.
func (n *nodeRun) takeBack(ctx workflow.Context) error {
	err := n.take(ctx, contract.StepReturn, func() (int, error) {
		n.align(ctx)
		var result activities.ReturnResult
		err := workflow.ExecuteActivity(finishing(ctx, "Return "+n.in.Target.Node+" to service"), n.act.Return, activities.ReturnInput{
			Target: n.in.Target, Noted: n.noted,
		}).Get(ctx, &result)
		n.report.Notes = append(n.report.Notes, result.Notes...)
		return result.Attempts, err
	})
	if err == nil {
		n.report.Standing = contract.StandingProven
		n.report.State = proven(*n.report.Proof) + "; following it and in service"
	}
	return err
}

// align brings the node's settings in line before clients see it. It was proven, so that a failure is noted and keeps it from nothing.
func (n *nodeRun) align(ctx workflow.Context) {
	if len(n.in.Settings) == 0 {
		return
	}
	err := workflow.ExecuteActivity(changing(ctx, "Bring settings of "+n.in.Target.Node+" in line"), n.act.Align, activities.AlignInput{
		Target: n.in.Target, Changes: n.in.Settings,
	}).Get(ctx, nil)
	if err != nil {
		n.report.Notes = append(n.report.Notes, "its settings were not all brought in line with the primary's: "+failureOf(err).Message)
		return
	}
	for _, change := range n.in.Settings {
		n.report.Aligned = append(n.report.Aligned, change.Statement())
	}
}
