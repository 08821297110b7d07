package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// verifyNodes proves the chosen secondaries as they are, group by group. Under verify that is the run; under repair those that differ or
// do not replicate are planned anew and resynced.
func (r *run) verifyNodes(ctx workflow.Context) ending {
	r.enter(contract.PhaseNodes)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	chosen := r.report.Plan.Chosen()
	size, parallel := r.verifiedAtATime(ctx)
	begun, running := 0, 0
	for group := range slices.Chunk(chosen, size) {
		_ = workflow.Await(apart, func() bool { return running < parallel && r.mayBegin(ctx) || r.stopping(ctx) != "" })
		if r.stopping(ctx) != "" {
			break
		}
		begun += len(group)
		running++
		r.verifyGroup(ctx, group, func() { running-- })
	}
	_ = workflow.Await(apart, func() bool { return running == 0 })
	for _, node := range chosen[begun:] {
		r.leaveOut(ctx, node.Name)
	}
	var failing []string
	for _, node := range chosen[:begun] {
		if r.recorded(node.Name).Standing != contract.StandingVerified {
			failing = append(failing, node.Name)
		}
	}
	mended := slices.DeleteFunc(slices.Clone(failing), func(name string) bool { return !r.worthRepair(name) })
	switch {
	case len(r.standing(contract.StandingVerified)) == len(r.report.Nodes):
		return ending{outcome: contract.OutcomeVerified, reason: fmt.Sprintf(
			"all %d chosen secondaries agree with the primary as they are%s; nothing was changed", len(r.report.Nodes), r.extent())}
	case r.stopping(ctx) != "":
		return ending{outcome: contract.OutcomeCancelled, reason: r.stopping(ctx) + "; nothing was changed"}
	case r.request.Mode == contract.ModeRepair && len(mended) > 0:
		return r.preconditions(ctx, mended)
	}
	return r.judgeVerification(failing)
}

// verifiedAtATime is how many secondaries share one reading of the primary, and how many such groups there are at a time.
func (r *run) verifiedAtATime(ctx workflow.Context) (size, groups int) {
	if workflow.GetVersion(ctx, "verify-together", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		return r.together, max(1, r.request.MaxParallel/r.together)
	}
	// A run of older code reads the primary for each of them.
	if r.request.MaxParallel > 1 && workflow.GetVersion(ctx, "verify-in-parallel", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		return 1, r.request.MaxParallel
	}
	return 1, 1
}

// verifyGroup starts one child for secondaries that are proven together and calls closed once all of them are written down.
func (r *run) verifyGroup(ctx workflow.Context, group []contract.PlanNode, closed func()) {
	cheapFirst := r.request.Mode == contract.ModeRepair
	if len(group) == 1 {
		in := NodeInput{Target: r.target(group[0]), Proof: r.request.Proof, VerifyOnly: true, CheapFirst: cheapFirst}
		r.runChild(ctx, in, "Verify "+group[0].Name, func(contract.NodeReport) { closed() })
		return
	}
	in := GroupInput{Proof: r.request.Proof, CheapFirst: cheapFirst}
	var names []string
	for _, node := range group {
		names = append(names, node.Name)
		in.Targets = append(in.Targets, r.target(node))
		r.nodes[node.Name] = &contract.NodeProgress{Name: node.Name, Since: r.now()}
	}
	child := workflow.ExecuteChildWorkflow(nodeChild(ctx, contract.NodeWorkflowID(r.request.Cluster, names[0]), "Verify "+strings.Join(names, ", ")),
		VerifyNodes, in)
	for _, name := range names {
		r.children[name] = child
	}
	apart, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(apart, func(apart workflow.Context) {
		var reports []contract.NodeReport
		if err := child.Get(apart, &reports); err != nil {
			for _, target := range in.Targets {
				reports = append(reports, r.inspectLost(apart, target, err))
			}
		}
		for _, report := range reports {
			r.done(report)
		}
		closed()
		r.show()
	})
}

// worthRepair reports whether a node that was not verified is to be erased and refilled: one that differs, or does not replicate. A proof
// that could not be had (a busy primary, a server that does not answer, an abort) is no reason to erase anything.
func (r *run) worthRepair(name string) bool {
	node := r.recorded(name)
	return !r.aborted[name] && node != nil &&
		(node.Standing == contract.StandingDiverged || node.ErrorType == contract.ErrorReplication)
}
