package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/fanout"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// resyncNodes begins one child per chosen secondary, as donors become free and the floor allows, and waits for all of them. A cancel,
// a pause or a lost lock keeps further nodes from being begun; those already begun are finished.
func (r *run) resyncNodes(ctx workflow.Context) {
	r.fan = r.newFan(ctx)
	r.enter(contract.PhaseNodes)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	running := 0
	for {
		r.feedStarving(apart)
		for r.mayBegin(ctx) {
			recipient, donor, ok := r.fan.Next()
			if !ok {
				break
			}
			r.fan.Begin(recipient, donor)
			running++
			r.startNode(ctx, recipient, donor, func() { running-- })
		}
		before := running
		if running == 0 && !r.waitsForResume(ctx) {
			break
		}
		// Wakes when a child closes, gives its donor back or has lost it, or when a person changes what may begin.
		_ = workflow.Await(apart, func() bool {
			return running < before || r.stopping(ctx) != "" && running == 0 || r.canBeginAnother(ctx) || r.canFeed()
		})
	}
	for _, name := range r.fan.Unbegun() {
		r.leaveOut(ctx, name)
	}
}

func (r *run) newFan(ctx workflow.Context) fanout.State {
	plan := r.report.Plan
	f := fanout.State{
		Primary: plan.Primary.Name, MinServing: plan.MinServing, MaxParallel: r.request.MaxParallel,
		PrimaryOnly: r.request.Donors == contract.DonorsPrimary, FencedDonors: plan.FencedDonors,
	}
	for _, node := range plan.Secondaries {
		switch {
		case node.Chosen:
			f.Nodes = append(f.Nodes, fanout.Node{Name: node.Name, Serving: node.Serving, Delayed: delayed(ctx, node)})
		case node.Serving:
			f.OthersServing++
		}
	}
	return f
}

// delayed is PlanNode.Delayed, which a run of older code does not look at.
func delayed(ctx workflow.Context, node contract.PlanNode) bool {
	return node.Delayed() && workflow.GetVersion(ctx, "delayed-nodes", workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// mayBegin reports whether a node may be begun at all now.
func (r *run) mayBegin(ctx workflow.Context) bool { return !r.paused && r.stopping(ctx) == "" }

func (r *run) canBeginAnother(ctx workflow.Context) bool {
	_, _, ok := r.fan.Next()
	return ok && r.mayBegin(ctx)
}

// waitsForResume reports that only a pause keeps the next node from being begun.
func (r *run) waitsForResume(ctx workflow.Context) bool {
	_, _, ok := r.fan.Next()
	return ok && r.paused && r.stopping(ctx) == ""
}

// stopping says why no further node is begun; empty while the run goes on.
func (r *run) stopping(ctx workflow.Context) string {
	if ctx.Err() != nil {
		return "the run was cancelled"
	}
	return r.lockLost()
}

// startNode begins one child and, when it closes, writes its report down.
func (r *run) startNode(ctx workflow.Context, name, donor string, done func()) {
	node := r.planNode(name)
	in := NodeInput{
		Target:   r.target(node),
		Approval: approvalOf(node),
		Donor:    donor, DonorUUID: r.planNode(donor).ServerUUID, OtherDonors: r.fan.OthersNow(name), AskForDonor: r.fan.OthersEver(name),
		ThrottleMiBps: r.throttle, AdaptiveThrottle: r.request.AdaptiveThrottle, Proof: r.request.Proof, Settings: node.Settings,
		Mode: r.request.Mode, Plan: r.report.Plan.ID, Rescue: r.request.UnreplicatedWrites == contract.UnreplicatedRescue, Hooks: r.begun.Hooks,
		Tellings: max(1, tellings/len(r.chosen)),
		Floor:    r.report.Plan.MinServing, Out: r.leaving(), WasOut: !r.fan.Counted(name),
	}
	r.runChild(ctx, in, fmt.Sprintf("Resync %s from %s", name, donor), func(report contract.NodeReport) {
		if !r.beginLater(report, in.WasOut) {
			r.fan.Finish(name, report.Standing == contract.StandingProven, report.Standing == contract.StandingUntouched)
		}
		done()
	})
}

// leaving are the nodes that were begun and of which nobody has said yet that they stand behind their fence: they may look as if they served.
func (r *run) leaving() []string {
	var names []string
	for _, name := range r.fan.Worked() {
		progress, begun := r.nodes[name]
		if !begun {
			continue
		}
		switch progress.Step {
		case "", contract.StepRecheck, contract.StepNote, contract.StepFence:
			names = append(names, name)
		}
	}
	return names
}

// approvalOf is what the approved plan gives up of a node.
func approvalOf(node contract.PlanNode) activities.Approval {
	return activities.Approval{
		Errant: node.Loss.ErrantGTIDs, LossUnknown: node.Loss.Unknown != "", Data: node.Loss.Data(), SeenAt: node.Loss.SeenAt, Wreck: node.Wreck,
	}
}

// runChild starts a child and calls closed with its report, also when the child could not be started or was ended from outside.
func (r *run) runChild(ctx workflow.Context, in NodeInput, summary string, closed func(contract.NodeReport)) {
	name := in.Target.Node
	r.nodes[name] = &contract.NodeProgress{Name: name, Donor: in.Donor, Since: r.now()}
	child := workflow.ExecuteChildWorkflow(nodeChild(ctx, contract.NodeWorkflowID(in.Target.Cluster, name), summary), ResyncNode, in)
	r.children[name] = child
	apart, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(apart, func(apart workflow.Context) {
		var report contract.NodeReport
		if err := child.Get(apart, &report); err != nil {
			report = r.inspectLost(apart, in.Target, err)
		}
		report.Notes = append(slices.Clone(r.released[name]), report.Notes...)
		r.done(report)
		closed(report)
		r.show()
	})
}

// done writes down what became of a node whose child has closed.
func (r *run) done(report contract.NodeReport) {
	r.record(report)
	progress := r.nodes[report.Name]
	progress.Standing, progress.Detail, progress.Since = report.Standing, nil, r.now()
}

// record writes down what became of a node. What a verification said of it before is replaced, unless the node was left as it was: then
// it still differs.
func (r *run) record(report contract.NodeReport) {
	earlier := r.recorded(report.Name)
	if earlier == nil {
		r.report.Nodes = append(r.report.Nodes, report)
		return
	}
	if earlier.Standing == contract.StandingDiverged && report.Standing == contract.StandingUntouched {
		report.Standing, report.Proof, report.Next = earlier.Standing, earlier.Proof, earlier.Next
		if strings.HasSuffix(earlier.State, report.State) {
			report.State = earlier.State // it was released before
		} else {
			report.State = earlier.State + "; " + report.State
		}
	}
	*earlier = report
}

// recorded is what is written down of a node; nil if nothing is.
func (r *run) recorded(name string) *contract.NodeReport {
	for i := range r.report.Nodes {
		if r.report.Nodes[i].Name == name {
			return &r.report.Nodes[i]
		}
	}
	return nil
}

// inspectLost asks the server itself about a node whose child was ended from outside.
func (r *run) inspectLost(ctx workflow.Context, target activities.Target, cause error) contract.NodeReport {
	failure := failureOf(cause)
	report := contract.NodeReport{
		Name: target.Node, ServerUUID: target.NodeUUID, Standing: contract.StandingUnknown,
		State: "unknown: its workflow was ended from outside", ErrorType: failure.Type, Error: failure.Message,
		Next: "look at the node before you use it; a new run accepts it if it is fenced",
	}
	var seen activities.InspectResult
	if err := workflow.ExecuteActivity(looking(ctx, "Look at "+target.Node), r.act.Inspect,
		activities.InspectInput{Target: target}).Get(ctx, &seen); err == nil {
		report.State = seen.State
		if seen.Fenced {
			report.Standing = contract.StandingFenced
		}
	}
	return report
}

// leaveOut reports a node that was never begun.
func (r *run) leaveOut(ctx workflow.Context, name string) {
	why := r.stopping(ctx)
	if why == "" {
		why = fmt.Sprintf("taking it out of service would leave fewer than %d secondaries serving", r.report.Plan.MinServing)
	}
	if verified := r.recorded(name); verified != nil {
		// It was to be repaired: what the verification found still holds.
		verified.Error = cmp.Or(verified.Error, "not begun: "+why)
		return
	}
	node := r.planNode(name)
	r.record(contract.NodeReport{
		Name: name, ServerUUID: node.ServerUUID, Standing: contract.StandingUntouched,
		State: "not begun: " + node.State, Error: why, Next: "start a new run for it",
	})
}

// openChild is a node's child workflow while it runs.
func (r *run) openChild(name string) (workflow.ChildWorkflowFuture, bool) {
	child, known := r.children[name]
	return child, known && !child.IsReady()
}

// listenToChildren takes what children tell of themselves.
func (r *run) listenToChildren(ctx workflow.Context) {
	told := workflow.GetSignalChannel(ctx, contract.SignalNode)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(apart, func(ctx workflow.Context) {
		for {
			var signal contract.NodeSignal
			told.Receive(ctx, &signal)
			progress, known := r.nodes[signal.Node]
			if !known || progress.Standing != "" {
				continue
			}
			if progress.Step != signal.Step {
				progress.Step, progress.Since = signal.Step, signal.At
			}
			progress.Detail = signal.Detail
			switch signal.Step {
			case contract.StepFollow:
				r.fan.Copied(signal.Node)
			case contract.StepVerify:
				r.fan.Follows(signal.Node)
			}
			r.show()
		}
	})
}

func (r *run) planNode(name string) contract.PlanNode {
	plan := r.report.Plan
	if plan.Primary.Name == name {
		return plan.Primary
	}
	for _, node := range plan.Secondaries {
		if node.Name == name {
			return node
		}
	}
	return contract.PlanNode{Name: name}
}

func (r *run) chosenNames() []string {
	if r.report.Plan == nil {
		return nil
	}
	var names []string
	for _, node := range r.report.Plan.Chosen() {
		names = append(names, node.Name)
	}
	return names
}
