package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// A donor that fails is not a failed node. In front of the erase the node is released and begun again with another one. Behind it the
// child keeps its node and asks the run, which gives the donor back and lends the next that is free.

const (
	// signalDonorFailed carries a donorFailed from child to run, signalDonor a donorLent from run to child.
	signalDonorFailed = "donor-failed"
	signalDonor       = "donor"
)

// donorFailed says that a node is erased and that its donor failed it.
type donorFailed struct {
	Node string `json:"node"`
	// Lending is which lending failed, from 0: a question that comes twice must not take away the answer to it.
	Lending int    `json:"lending"`
	Error   string `json:"error"`
}

// donorLent is the donor that feeds a node from now on.
type donorLent struct {
	Name    string `json:"name"`
	UUID    string `json:"uuid"`
	Lending int    `json:"lending"`
}

const (
	// askAgain and askAgainAtMost are how long an answer is waited for before the run is asked whether it is still there.
	askAgain       = time.Minute
	askAgainAtMost = 10 * time.Minute
	// maxCloneFailures is how many clones of a node may run and fail, or be refused, because of their donors before a person is asked.
	maxCloneFailures = 5
	// despairAfter and despairAtMost are how long an erased node waits for a donor that has not failed it.
	despairAfter  = 10 * time.Second
	despairAtMost = 5 * time.Minute
)

// clone copies from the donor that was lent, and from the next one when that fails.
func (n *nodeRun) clone(ctx workflow.Context) error {
	for {
		err := n.copy(ctx)
		if err == nil || !n.changeDonor(ctx, err) {
			return err
		}
	}
}

// changeDonor waits for another donor after one has failed. It reports false when the failure is not the donor's, or a person is needed.
func (n *nodeRun) changeDonor(ctx workflow.Context, cause error) bool {
	failure := failureOf(cause)
	if n.parent == nil || !n.in.AskForDonor || !failure.Donor || n.abortedBy != "" {
		return false
	}
	// A donor that is busy or away says nothing of the next one; a clone that ran and failed may.
	if failure.Type == contract.ErrorClone {
		n.cloneFailures++
	}
	if n.cloneFailures >= maxCloneFailures {
		return false
	}
	for patience := askAgain; n.lent.Lending <= n.lending; patience = min(2*patience, askAgainAtMost) {
		question := donorFailed{Node: n.in.Target.Node, Lending: n.lending, Error: failure.Message}
		if err := workflow.SignalExternalWorkflow(ctx, n.parent.ID, n.parent.RunID, signalDonorFailed, question).Get(ctx, nil); err != nil {
			// The run is gone. Nobody lends donors any more, and nobody takes this one away: it is tried until it is well.
			n.in.AskForDonor = false
			return ctx.Err() == nil
		}
		_, err := workflow.AwaitWithTimeout(ctx, patience, func() bool { return n.lent.Lending > n.lending })
		if err != nil {
			return false // aborted
		}
	}
	n.in.Donor, n.in.DonorUUID, n.lending = n.lent.Name, n.lent.UUID, n.lent.Lending
	return true
}

// listenForDonors takes what erased nodes say of their donors.
func (r *run) listenForDonors(ctx workflow.Context) {
	failed := workflow.GetSignalChannel(ctx, signalDonorFailed)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(apart, func(ctx workflow.Context) {
		for {
			var signal donorFailed
			failed.Receive(ctx, &signal)
			if r.lendings[signal.Node] == signal.Lending {
				r.starve(ctx, signal)
			}
		}
	})
}

// starve gives a failed donor back. When the node has had no other one for a while, it takes one that has failed it.
func (r *run) starve(ctx workflow.Context, signal donorFailed) {
	if !r.fan.Starve(signal.Node) {
		return
	}
	progress := r.nodes[signal.Node]
	progress.Detail = &contract.StepProgress{
		Step: contract.StepClone, Waiting: fmt.Sprintf("another donor; %s failed it: %s", progress.Donor, signal.Error),
	}
	patience := min(despairAfter<<min(signal.Lending, 8), despairAtMost)
	workflow.Go(ctx, func(ctx workflow.Context) {
		_ = workflow.Sleep(ctx, patience)
		if r.lendings[signal.Node] == signal.Lending {
			r.fan.Despair(signal.Node)
		}
	})
	r.show()
}

// feedStarving lends donors to erased nodes that have none, also while the run is paused or stopping.
func (r *run) feedStarving(ctx workflow.Context) {
	for {
		name, donor, ok := r.fan.NextStarving()
		if !ok {
			return
		}
		r.fan.Begin(name, donor)
		r.lendings[name]++
		r.nodes[name].Donor, r.nodes[name].Detail = donor, nil
		r.children[name].SignalChildWorkflow(ctx, signalDonor,
			donorLent{Name: donor, UUID: r.planNode(donor).ServerUUID, Lending: r.lendings[name]})
		r.show()
	}
}

func (r *run) canFeed() bool {
	_, _, ok := r.fan.NextStarving()
	return ok
}

// beginLater puts a node back among the waiting that was released as it was because of its donor, or left as it was because it serves
// after all and too few others do. It reports false when there is nothing to be hoped for. If it never comes, what was said of the node stands.
func (r *run) beginLater(report contract.NodeReport, wasOut bool) bool {
	switch {
	case r.aborted[report.Name]:
		return false
	case report.DonorFailed && r.fan.Retry(report.Name):
	case wasOut && report.ErrorType == contract.ErrorFloor && r.fan.Serves(report.Name):
	default:
		return false
	}
	r.released[report.Name] = append(r.released[report.Name],
		fmt.Sprintf("it was begun before with %s as its donor, and released as it was: %s", r.nodes[report.Name].Donor, report.Error))
	delete(r.nodes, report.Name)
	return true
}
