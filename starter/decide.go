package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

type approveCommand struct {
	named
	by
	Plan    string `required:"" help:"ID of the plan that you have seen." placeholder:"ID"`
	Confirm string `help:"The cluster's name; without it you are asked to type it." placeholder:"NAME"`
	Comment string `help:"For the report."`
}

func (c *approveCommand) run(ctx context.Context, a *app) (int, error) {
	if c.Confirm == "" && !a.terminal.CanAsk() {
		return 0, cannotAsk("nothing was approved")
	}
	t, watcher, err := c.find(ctx, a)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	name := c.Confirm
	if name == "" {
		plan, err := a.awaiting(ctx, watcher)
		if err != nil {
			return 0, err
		}
		if plan.ID != c.Plan {
			return 0, refused("starter status "+report.Quoted(watcher.Ref().WorkflowID)+" shows it",
				"the plan that awaits approval is %s, not %s; nothing was approved", plan.ID, c.Plan)
		}
		showPlan(a.terminal.Err, *plan)
		if name, err = a.askName(ctx, plan.Cluster); err != nil {
			return 0, err
		}
		if name != plan.Cluster {
			return 0, refused("", "%q is not the cluster's name; nothing was approved, the plan still awaits approval", name)
		}
	}
	err = runs.Send(ctx, t, watcher.Ref(), contract.RequestApprove,
		contract.Approve{Plan: c.Plan, Cluster: name, By: who(c.By), Comment: c.Comment})
	if err != nil {
		return 0, err
	}
	return a.accepted(watcher.Ref(), contract.RequestApprove, "plan "+c.Plan+" is approved. See: starter watch "+report.Quoted(watcher.Ref().WorkflowID))
}

// awaiting is the plan that a run awaits approval of.
func (a *app) awaiting(ctx context.Context, watcher *runs.Watcher) (*contract.Plan, error) {
	snapshot, closed, err := watcher.Look(ctx)
	switch {
	case err != nil:
		return nil, err
	case closed:
		return nil, &runs.ClosedError{WorkflowID: watcher.Ref().WorkflowID}
	case snapshot.Away != "":
		return nil, &failure{Message: snapshot.Away, Hint: workerHint, Code: exitUnavailable}
	case snapshot.Phase != contract.PhaseApproval || snapshot.Plan == nil:
		return nil, refused("starter status "+report.Quoted(watcher.Ref().WorkflowID), "%s awaits no approval; it is %s", snapshot.WorkflowID, snapshot.Phase)
	}
	return snapshot.Plan, nil
}

type rejectCommand struct {
	named
	by
	Plan   string `help:"ID of the plan; without it whatever plan awaits approval is refused." placeholder:"ID"`
	Reason string `help:"Why, for the report."`
}

func (c *rejectCommand) run(ctx context.Context, a *app) (int, error) {
	return c.request(ctx, a, contract.RequestReject, contract.Reject{Plan: c.Plan, By: who(c.By), Reason: c.Reason},
		"rejected; it ends with nothing changed")
}

func cannotAsk(nothing string) *failure {
	return refused("--confirm NAME agrees in advance", "this erases data and there is no terminal to ask for consent; %s", nothing)
}

// askName asks for the cluster's name. The name is shown only as part of the plan above: who types it has read that far.
func (a *app) askName(ctx context.Context, cluster string) (string, error) {
	question := a.terminal.Err.Paint(terminal.Bold, "Type the cluster's name to approve, anything else to refuse: ")
	answer, err := a.terminal.Ask(ctx, question)
	if errors.Is(err, terminal.ErrNoAnswer) {
		return "", nil
	}
	return answer, err
}

// decide shows the plan that a run awaits approval of, asks, and sends the decision bound to that very plan. approved is false when
// the person refused, which closes the run.
func (a *app) decide(ctx context.Context, t *session, watcher *runs.Watcher, plan contract.Plan, name string) (err error) {
	showPlan(a.terminal.Err, plan)
	typed, err := a.askName(ctx, plan.Cluster)
	if err != nil {
		return err
	}
	if typed == plan.Cluster {
		err = runs.Send(ctx, t, watcher.Ref(), contract.RequestApprove, contract.Approve{Plan: plan.ID, Cluster: typed, By: name})
	} else {
		reason := fmt.Sprintf("typed %q in place of the cluster's name", typed)
		if typed == "" {
			reason = "nothing was typed in place of the cluster's name"
		}
		a.note("That is not the cluster's name; the plan is refused.")
		err = runs.Send(ctx, t, watcher.Ref(), contract.RequestReject, contract.Reject{Plan: plan.ID, By: name, Reason: reason})
	}
	var no *runs.RefusedError
	var closed *runs.ClosedError
	if errors.As(err, &no) || errors.As(err, &closed) {
		// Somebody else decided, or the time ran out, while the question stood; what follows shows which.
		a.note("%s", err)
		return nil
	}
	return err
}
