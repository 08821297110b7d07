package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// auditApproval writes down who agreed to what, before anything is touched. A worker that is to keep an audit and cannot stops the run.
func (r *run) auditApproval(ctx workflow.Context) ending {
	if err := r.audit(ctx); err != nil {
		return stopped(ctx, err)
	}
	return goesOn
}

// auditEnd writes down what became of the run.
func (r *run) auditEnd(ctx workflow.Context) {
	if err := r.audit(ctx); err != nil {
		r.report.Notes = append(r.report.Notes, "the end of this run is not in the audit record: "+failureOf(err).Message)
	}
}

// audit adds the report as it stands to the run's record, if the worker keeps one; a plan alone leaves none.
func (r *run) audit(ctx workflow.Context) error {
	if !r.begun.Audit || r.request.Mode == contract.ModePlan {
		return nil
	}
	var result activities.AuditResult
	err := workflow.ExecuteActivity(looking(ctx, "Write the audit record"), r.act.Audit, activities.AuditInput{Report: r.abridged()}).Get(ctx, &result)
	if err == nil {
		r.report.Audit = result.Where
	}
	return err
}
