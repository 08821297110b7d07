package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/hook"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// hooking is for an operator's hooks, each of which has its own time limit and attempts: the activity keeps to those, and what is tried
// again here is only a worker that died.
func hooking(ctx workflow.Context, place inventory.HookPlace, node string) workflow.Context {
	summary := "Hook " + string(place)
	if node != "" {
		summary += " of " + node
	}
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		Summary:             summary,
		RetryPolicy:         policy(10*time.Second, 3, unmendable),
	})
}

// hook calls the run's hooks at a place, if the inventory names any; the error is that of a hook whose failure means stop.
func (r *run) hook(ctx workflow.Context, place inventory.HookPlace) error {
	if !slices.Contains(r.begun.Hooks, place) {
		return nil
	}
	var result activities.HookResult
	err := workflow.ExecuteActivity(hooking(ctx, place, ""), r.act.Hook, activities.HookInput{
		InventoryHash: r.begun.InventoryHash, Event: hook.Event{
			Place: place, Cluster: r.request.Cluster, Run: r.report.RunID, Mode: r.request.Mode, Plan: r.report.Plan.ID,
			Outcome: r.report.Outcome,
		},
	}).Get(ctx, &result)
	r.report.Notes = append(r.report.Notes, result.Notes...)
	return err
}

// startHooks calls the runStart hooks; from here on the run owes the runEnd hooks.
func (r *run) startHooks(ctx workflow.Context) ending {
	r.hooked = true
	if err := r.hook(ctx, inventory.HookRunStart); err != nil {
		return stopped(ctx, err)
	}
	return goesOn
}

// endHooks calls the runEnd hooks of a run that has called its runStart hooks, whatever became of it.
func (r *run) endHooks(ctx workflow.Context) {
	if !r.hooked {
		return
	}
	if err := r.hook(ctx, inventory.HookRunEnd); err != nil {
		r.report.Notes = append(r.report.Notes, "the runEnd hooks could not be called: "+failureOf(err).Message)
	}
}

// hook calls the node's hooks at a place; standing is how the node stands, once that is known.
func (n *nodeRun) hook(ctx workflow.Context, place inventory.HookPlace, standing contract.Standing) error {
	if !slices.Contains(n.in.Hooks, place) {
		return nil
	}
	var result activities.HookResult
	err := workflow.ExecuteActivity(hooking(ctx, place, n.in.Target.Node), n.act.Hook, activities.HookInput{
		InventoryHash: n.in.Target.InventoryHash, Event: hook.Event{
			Place: place, Cluster: n.in.Target.Cluster, Run: n.in.Target.Run, Mode: n.in.Mode, Plan: n.in.Plan,
			Node: n.in.Target.Node, Standing: standing,
		},
	}).Get(ctx, &result)
	n.report.Notes = append(n.report.Notes, result.Notes...)
	return err
}

// beforeFence calls the beforeFence hooks; from here on the node owes the afterReturn hooks.
func (n *nodeRun) beforeFence(ctx workflow.Context) error {
	n.hooked = true
	return n.hook(ctx, inventory.HookBeforeFence, "")
}

// afterReturn calls the afterReturn hooks of a node that is in service again, proven or as it was: what a beforeFence hook did for it has
// to be undone. One that stays fenced must not be given back to clients.
func (n *nodeRun) afterReturn() {
	if !n.hooked || n.report.Standing != contract.StandingProven && n.report.Standing != contract.StandingUntouched {
		return
	}
	apart, _ := workflow.NewDisconnectedContext(n.logCtx)
	if err := n.hook(apart, inventory.HookAfterReturn, n.report.Standing); err != nil {
		n.report.Notes = append(n.report.Notes, "the afterReturn hooks could not be called: "+failureOf(err).Message)
	}
}
