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
	for _, name := range r.chosen {
		if progress, begun := r.nodes[name]; begun {
			p.Nodes = append(p.Nodes, *progress)
		} else {
			p.Nodes = append(p.Nodes, contract.NodeProgress{Name: name})
		}
	}
	return p
}

// show puts the progress into the workflow's current details, as one table.
//
// It only says that the table is stale: what happens in one task is rendered once, however much it is. Rendered for each of a few hundred
// signals that had waited for a worker, it kept the task from yielding for longer than the SDK allows (1 s), and the run never went on.
func (r *run) show() { r.stale = true }

// keepShowing renders the table whenever it is stale.
func (r *run) keepShowing(ctx workflow.Context) {
	apart, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(apart, func(ctx workflow.Context) {
		for workflow.Await(ctx, func() bool { return r.stale }) == nil {
			r.render()
		}
	})
}

func (r *run) render() {
	r.stale = false
	p := r.progress()
	if r.phase == contract.PhaseNodes {
		p.Plan = nil // it was shown for as long as somebody could decide on it
	}
	workflow.SetCurrentDetails(r.logCtx, report.Live(p))
}

// maxReport bounds a report where it is one payload, in bytes of JSON: below Temporal's 2 MiB, with room for what goes with it.
const maxReport = 3 << 19

// maxNamed is how many nodes a reason names.
const maxNamed = 20

func (r *run) abridged() contract.Report { return report.Abridge(r.report, maxReport) }

// tellings is how many signals the nodes of a run send it in all. Temporal takes 10,000 of one run, people's included, and each is up to
// four events of the 51,200 that its history may have.
const tellings = 5000
