package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/fanout"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// ResyncCluster brings every chosen secondary of a cluster back to an exact copy of its primary: check, ask, erase, clone, follow,
// prove, tell. It ends in exactly one outcome and one mail (I7); an outcome that is not good closes the workflow as failed, with the
// report as the error's details.
func ResyncCluster(ctx workflow.Context, request contract.Request) (*contract.Report, error) {
	r, err := newRun(ctx, request)
	if err != nil {
		return nil, err
	}
	end := r.steps(ctx)
	return r.close(ctx, end)
}

// steps is a run from its input to its outcome.
func (r *run) steps(ctx workflow.Context) ending {
	if end := r.validate(); end.reached() {
		return end
	}
	if end := r.begin(ctx); end.reached() {
		return end
	}
	if r.request.Mode == contract.ModePlan {
		return r.planOnly(ctx)
	}
	if end := r.lockCluster(ctx); end.reached() {
		return end
	}
	if end := r.preconditions(ctx, r.request.Nodes); end.reached() {
		return end
	}
	if r.request.Mode == contract.ModeVerify || r.request.Mode == contract.ModeRepair {
		if end := r.verifyNodes(ctx); end.reached() {
			return end
		}
	}
	if end := r.approval(ctx); end.reached() {
		return end
	}
	if end := r.auditApproval(ctx); end.reached() {
		return end
	}
	if end := r.quiet(ctx); end.reached() {
		return end
	}
	if end := r.startHooks(ctx); end.reached() {
		return end
	}
	r.resyncNodes(ctx)
	r.watch(ctx)
	return r.judge(ctx)
}

// run is the state of one run.
type run struct {
	request contract.Request
	report  contract.Report
	act     *activities.Activities
	logCtx  workflow.Context
	phase   contract.Phase
	// together is how many secondaries are proven with one reading of the primary.
	together int
	begun    activities.BeginResult
	locks    []*clusterLock
	fan      fanout.State
	children map[string]workflow.ChildWorkflowFuture
	nodes    map[string]*contract.NodeProgress
	// lendings counts the donors that were lent to a node after its first; released says why a node was begun before in vain.
	lendings map[string]int
	released map[string][]string
	// chosen are the names of the plan's chosen secondaries.
	chosen []string
	// stale says that the current details are not what the progress is.
	stale bool
	// hooked says that the runStart hooks were called.
	hooked bool
	requests
}

func newRun(ctx workflow.Context, request contract.Request) (*run, error) {
	info := workflow.GetInfo(ctx)
	r := &run{
		request:  request.WithDefaults(),
		logCtx:   ctx,
		phase:    contract.PhaseValidating,
		together: request.ProvenTogether(),
		children: map[string]workflow.ChildWorkflowFuture{},
		nodes:    map[string]*contract.NodeProgress{},
		lendings: map[string]int{},
		released: map[string][]string{},
	}
	r.throttle = r.request.ThrottleMiBps
	r.report = contract.Report{
		RunID: info.WorkflowExecution.RunID, WorkflowID: info.WorkflowExecution.ID,
		Cluster: request.Cluster, Mode: r.request.Mode, RequestedBy: request.RequestedBy, Began: workflow.Now(ctx),
	}
	if err := workflow.SetQueryHandler(ctx, contract.QueryProgress, func() (contract.Progress, error) { return r.progress(), nil }); err != nil {
		return nil, err
	}
	r.keepShowing(ctx)
	return r, r.answerRequests(ctx)
}

// ending is how a run ends; the zero value means that it goes on.
type ending struct {
	outcome contract.Outcome
	typ     contract.ErrorType
	reason  string
	// detail is for those who see only the workflow's failure; the report has it elsewhere.
	detail string
}

func (e ending) reached() bool { return e.outcome != "" }

// goesOn is the ending of a step after which the run goes on.
var goesOn = ending{}

func refused(typ contract.ErrorType, reason string) ending {
	return ending{outcome: contract.OutcomeRefused, typ: typ, reason: reason}
}

// stopped turns the failure of a step that has changed nothing into an ending.
func stopped(ctx workflow.Context, err error) ending {
	if ctx.Err() != nil {
		return ending{outcome: contract.OutcomeCancelled, reason: "cancelled before anything was changed"}
	}
	failure := failureOf(err)
	return refused(failure.Type, failure.Message)
}

func (r *run) enter(phase contract.Phase) {
	r.phase = phase
	r.show()
}

// target names a node to the activities, with everything they must find unchanged.
func (r *run) target(node contract.PlanNode) activities.Target {
	return activities.Target{
		Cluster: r.request.Cluster, InventoryHash: r.begun.InventoryHash, Run: r.report.RunID,
		Node: node.Name, NodeUUID: node.ServerUUID,
		Primary: r.report.Plan.Primary.Name, PrimaryUUID: r.report.Plan.Primary.ServerUUID,
	}
}

// now is the workflow's time, the same in every replay.
func (r *run) now() time.Time { return workflow.Now(r.logCtx) }
