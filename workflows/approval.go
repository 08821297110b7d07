package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// approval binds a consent to the plan (I2): given in advance with the input, or awaited.
func (r *run) approval(ctx workflow.Context) ending {
	plan := r.report.Plan
	if r.request.Plan != "" && r.request.Plan != plan.ID {
		return refused(contract.ErrorPlanChanged, fmt.Sprintf(
			"the plan is now %s, not %s: something that was approved has changed, or was asked for otherwise. Look at it (mode plan with the same "+
				"nodes, unreplicatedWrites and minServing) and start again with its ID",
			plan.ID, r.request.Plan))
	}
	if r.request.Confirm == r.request.Cluster {
		return r.approveInAdvance()
	}
	return r.awaitApproval(ctx)
}

// approveInAdvance accepts the consent of the input. It is good for a plan that destroys nothing that only a secondary has; else the
// input must name the very plan that shows the loss.
func (r *run) approveInAdvance() ending {
	plan := r.report.Plan
	if plan.Destroys() && r.request.Plan == "" {
		return refused(contract.ErrorWrongConfirm, fmt.Sprintf(
			"plan %s destroys writes that only a secondary has: to approve that in advance, start again with plan %q as well", plan.ID, plan.ID))
	}
	r.report.Approval = &contract.Approval{
		Plan: plan.ID, Approved: true, By: r.request.RequestedBy, InAdvance: true, At: r.now(),
	}
	return goesOn
}

// awaitApproval asks by mail and waits for approve, reject or the end of the patience.
func (r *run) awaitApproval(ctx workflow.Context) ending {
	until := r.now().Add(r.request.ApprovalTimeout.Std())
	r.approvalUntil = until
	r.enter(contract.PhaseApproval)
	asking, stopAsking := workflow.WithCancel(ctx)
	defer stopAsking()
	r.askByMail(asking, until)
	decided, err := workflow.AwaitWithTimeout(ctx, r.request.ApprovalTimeout.Std(), func() bool {
		return r.report.Approval != nil || r.lockLost() != ""
	})
	r.approvalUntil = time.Time{}
	switch {
	case err != nil:
		return stopped(ctx, err)
	case r.lockLost() != "":
		return ending{outcome: contract.OutcomeCancelled, reason: r.lockLost() + " before anything was changed"}
	case !decided:
		return ending{outcome: contract.OutcomeExpired, typ: contract.ErrorExpired, reason: fmt.Sprintf(
			"nobody approved plan %s within %s; nothing was changed", r.report.Plan.ID, r.request.ApprovalTimeout)}
	case !r.report.Approval.Approved:
		return ending{outcome: contract.OutcomeRejected, typ: contract.ErrorRejected, reason: fmt.Sprintf(
			"plan %s was rejected %s; nothing was changed", r.report.Plan.ID, by(r.report.Approval.By, r.report.Approval.Comment))}
	}
	return r.lookAgain(ctx)
}

// lookAgain repeats the preconditions after an awaited approval, which may come days after the plan: who serves, what a clone needs and
// what would be lost may all have changed.
func (r *run) lookAgain(ctx workflow.Context) ending {
	if workflow.GetVersion(ctx, "look-again", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return goesOn
	}
	approved := r.report.Plan.ID
	if end := r.preconditions(ctx, r.chosenNames()); end.reached() {
		return end
	}
	if r.report.Plan.ID != approved {
		return refused(contract.ErrorPlanChanged, fmt.Sprintf(
			"plan %s was approved, and it is %s now: something that was approved has changed. Look at the new plan and start again",
			approved, r.report.Plan.ID))
	}
	return goesOn
}

// askByMail runs beside the wait: a mail that cannot be sent keeps nobody from approving, and one that was not sent by then is given up.
func (r *run) askByMail(ctx workflow.Context, until time.Time) {
	report, recipients := r.abridged(), r.recipients()
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := workflow.ExecuteActivity(mailing(ctx, "Ask for the approval by mail"), r.act.MailApproval, activities.MailApprovalInput{
			Report: report, Until: until, Notify: recipients,
		}).Get(ctx, nil)
		if err != nil && ctx.Err() == nil {
			workflow.GetLogger(ctx).Warn("the approval could not be asked for by mail", "error", err)
		}
	})
}
