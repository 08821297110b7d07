package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// progress is what the query answers.
func (r *run) progress() contract.Progress {
	p := contract.Progress{
		RunID: r.report.RunID, Cluster: r.request.Cluster, Mode: r.request.Mode, Phase: r.phase, Outcome: r.report.Outcome,
		Plan: r.report.Plan, ApprovalUntil: r.approvalUntil, Approval: r.report.Approval,
		Paused: r.paused, ThrottleMiBps: r.throttle, RefusedRequests: r.refused, Stopping: r.stopping(r.logCtx),
	}
	for _, name := range r.chosenNames() {
		if progress, begun := r.nodes[name]; begun {
			p.Nodes = append(p.Nodes, *progress)
		} else {
			p.Nodes = append(p.Nodes, contract.NodeProgress{Name: name})
		}
	}
	return p
}

// show puts the progress into the workflow's current details, as one table.
func (r *run) show() { workflow.SetCurrentDetails(r.logCtx, report.Live(r.progress())) }
