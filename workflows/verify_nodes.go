package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// GroupInput are secondaries of one primary that are proven together as they are.
type GroupInput struct {
	Targets []activities.Target   `json:"targets"`
	Proof   contract.ProofOptions `json:"proof"`
	// CheapFirst leaves the rows of a node uncompared that differs already in what is cheap to look at.
	CheapFirst bool `json:"cheapFirst,omitempty"`
}

// VerifyNodes proves secondaries as they are with one reading of the primary. It returns a report of each, whatever happened. One that
// drops out of the common proof for a reason that may pass is then proven by itself; for one that is given up, the common proof begins
// again without it.
//
// Its workflow ID is that of the first node. It closes only when no activity of it works on any of them: as long as it is open no other
// run of the cluster begins.
func VerifyNodes(ctx workflow.Context, in GroupInput) ([]contract.NodeReport, error) {
	g := newGroupRun(ctx, in)
	g.proveTogether(ctx)
	g.proveTheRest(ctx)
	var reports []contract.NodeReport
	for _, member := range g.members {
		reports = append(reports, member.report)
	}
	return reports, nil
}

// groupRun is the state of one group.
type groupRun struct {
	in      GroupInput
	act     *activities.Activities
	members []*nodeRun
	// settled are the members that are done, again says that the members' appliers may have been left stopped.
	settled map[*nodeRun]bool
	again   bool
}

func newGroupRun(ctx workflow.Context, in GroupInput) *groupRun {
	g := &groupRun{in: in, settled: map[*nodeRun]bool{}}
	for _, target := range in.Targets {
		member := &nodeRun{
			in:     NodeInput{Target: target, Proof: in.Proof, VerifyOnly: true, CheapFirst: in.CheapFirst},
			parent: workflow.GetInfo(ctx).ParentWorkflowExecution, logCtx: ctx, giveUp: func() {},
		}
		member.report = contract.NodeReport{Name: target.Node, ServerUUID: target.NodeUUID, Standing: contract.StandingUnknown}
		g.members = append(g.members, member)
	}
	g.listen(ctx)
	return g
}

// listen takes the aborts that the parent passes on.
func (g *groupRun) listen(ctx workflow.Context) {
	aborts := workflow.GetSignalChannel(ctx, contract.RequestAbort)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(apart, func(ctx workflow.Context) {
		for {
			var request contract.Abort
			aborts.Receive(ctx, &request)
			for _, member := range g.members {
				if member.in.Target.Node == request.Node && !g.settled[member] {
					member.abortedBy = by(request.By, request.Reason)
					member.giveUp()
				}
			}
		}
	})
}

// left are the members that are neither done nor given up.
func (g *groupRun) left() []*nodeRun {
	return slices.DeleteFunc(slices.Clone(g.members), func(n *nodeRun) bool { return g.settled[n] || n.abortedBy != "" })
}

// settle ends a member's part with the proof that was found, or with what kept it from being had.
func (g *groupRun) settle(member *nodeRun, err error) {
	g.settled[member] = true
	member.concludeAsItIs(err)
}

// proveTogether makes the common proof of those that are left, and begins it again for the others when one of them is given up.
func (g *groupRun) proveTogether(ctx workflow.Context) {
	began := workflow.Now(ctx)
	for _, member := range g.members {
		member.step = contract.StepVerify
		member.tellParent(contract.StepVerify, began)
	}
	for len(g.left()) > 1 && ctx.Err() == nil {
		group := g.left()
		result, err := g.common(ctx, group)
		if err != nil && len(g.left()) < len(group) {
			continue
		}
		for i, member := range group {
			switch {
			case member.abortedBy != "":
			case err != nil:
				member.took(ctx, contract.StepVerify, began, result.Attempts, err)
				g.settle(member, err)
			case result.Nodes[i].Proof != nil:
				member.report.Proof = result.Nodes[i].Proof
				judged := judgeProof(member.in.Target.Node, *member.report.Proof)
				member.took(ctx, contract.StepVerify, began, result.Attempts, judged)
				g.settle(member, judged)
			default:
				lost := result.Nodes[i].Lost
				failed := temporal.NewNonRetryableApplicationError(lost.Message, string(lost.Type), nil)
				member.took(ctx, contract.StepVerify, began, result.Attempts, failed)
				if lost.Final {
					g.settle(member, failed)
				}
			}
		}
		return
	}
}

// common is one common proof. Whoever of the group is given up ends it.
func (g *groupRun) common(ctx workflow.Context, group []*nodeRun) (result activities.VerifyTogetherResult, err error) {
	ctx, giveUp := workflow.WithCancel(ctx)
	in := activities.VerifyTogetherInput{Options: g.in.Proof, CheapFirst: g.in.CheapFirst, Again: g.again}
	for _, member := range group {
		member.giveUp = giveUp
		in.Targets = append(in.Targets, member.in.Target)
	}
	g.again = true
	workflow.SetCurrentDetails(ctx, "Step **verify** of all since "+workflow.Now(ctx).UTC().Format(time.TimeOnly)+" UTC.")
	err = workflow.ExecuteActivity(proving(ctx, "Prove all as they are"), g.act.VerifyTogether, in).Get(ctx, &result)
	return result, err
}

// proveTheRest proves each by itself that is left, all at the same time, and ends those that were given up.
func (g *groupRun) proveTheRest(ctx workflow.Context) {
	var alone []workflow.Future
	for _, member := range g.members {
		switch {
		case g.settled[member]:
		case member.abortedBy != "" || ctx.Err() != nil:
			member.took(ctx, contract.StepVerify, workflow.Now(ctx), 0, temporal.NewCanceledError())
			g.settle(member, temporal.NewCanceledError())
		default:
			done, ended := workflow.NewFuture(ctx)
			alone = append(alone, done)
			workflow.Go(ctx, func(ctx workflow.Context) {
				member.proveAsItIs(ctx, g.again)
				g.settled[member] = true
				ended.SetValue(nil)
			})
		}
	}
	apart, _ := workflow.NewDisconnectedContext(ctx)
	for _, done := range alone {
		_ = done.Get(apart, nil)
	}
}

// proveAsItIs proves one node by itself. An abort ends it as a cancel does. again says that an earlier activity may have left its applier
// stopped.
func (n *nodeRun) proveAsItIs(ctx workflow.Context, again bool) {
	ctx, n.giveUp = workflow.WithCancel(ctx)
	err := n.take(ctx, contract.StepVerify, func() (int, error) {
		var result activities.VerifyResult
		err := workflow.ExecuteActivity(proving(ctx, "Prove "+n.in.Target.Node+" as it is"), n.act.Verify, activities.VerifyInput{
			Target: n.in.Target, Options: n.in.Proof, AsItIs: true, CheapFirst: n.in.CheapFirst, Again: again,
		}).Get(ctx, &result)
		if err != nil {
			return result.Attempts, err
		}
		n.report.Proof = &result.Proof
		return result.Attempts, judgeProof(n.in.Target.Node, result.Proof)
	})
	n.concludeAsItIs(err)
}

// concludeAsItIs says how a node stands that was proven as it is, or was not.
func (n *nodeRun) concludeAsItIs(err error) {
	switch {
	case err == nil:
		n.report.Standing = contract.StandingVerified
		n.report.State = proven(*n.report.Proof) + " as it is"
	case failureOf(err).Type == contract.ErrorDiverged:
		n.report.Standing = contract.StandingDiverged
		n.report.State = "differs from the primary"
		n.report.ErrorType = contract.ErrorDiverged
		n.report.Next = "resync it (mode repair does so for those that differ), and keep readers that need exact data away until then"
	default:
		n.explain(err)
		n.report.Standing = contract.StandingUntouched
		n.report.State = "not verified"
		n.report.Next = "mend what the error names and verify again"
	}
}
