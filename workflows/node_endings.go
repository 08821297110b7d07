package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// proveAsItIs is the whole of a child that verifies. An abort ends it as a cancel does.
func (n *nodeRun) proveAsItIs(ctx workflow.Context) {
	ctx, n.giveUp = workflow.WithCancel(ctx)
	err := n.take(ctx, contract.StepVerify, func() (int, error) {
		var result activities.VerifyResult
		err := workflow.ExecuteActivity(proving(ctx, "Prove "+n.in.Target.Node+" as it is"), n.act.Verify, activities.VerifyInput{
			Target: n.in.Target, Options: n.in.Proof, AsItIs: true,
		}).Get(ctx, &result)
		if err != nil {
			return result.Attempts, err
		}
		n.report.Proof = &result.Proof
		return result.Attempts, judgeProof(n.in.Target.Node, result.Proof)
	})
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

// release ends a node that was not erased: whatever the fence changed is put back, on a context that a cancel does not reach (I2).
// A node whose erase failed comes here as well: the activity looks whether anything was destroyed and then leaves the fence up.
func (n *nodeRun) release(cause error) {
	n.explain(cause)
	n.report.Standing = contract.StandingUntouched
	n.report.State = "left as it was: data, GTIDs, channel and settings are as before"
	n.report.Next = "mend what the error names and start again"
	if !n.fenced {
		return
	}
	apart, _ := workflow.NewDisconnectedContext(n.logCtx)
	err := n.take(apart, contract.StepRelease, func() (int, error) {
		var result activities.ReleaseResult
		err := workflow.ExecuteActivity(changing(apart, "Release "+n.in.Target.Node+" as it was"), n.act.Release,
			activities.ReleaseInput{Target: n.in.Target, Noted: n.noted}).Get(apart, &result)
		if err == nil && result.StillFenced != "" {
			n.report.Standing = contract.StandingFenced
			n.report.State = result.StillFenced
			n.report.Next = "start a new run: it accepts the node as it is"
		}
		return result.Attempts, err
	})
	if err != nil {
		failure := failureOf(err)
		n.report.Standing = contract.StandingFenced
		n.report.State = "fenced: it was to be released as it was, and that failed"
		n.report.Next = "the data may be intact; start a new run, or lift the fence by hand: " + failure.Message
	}
}

// leaveFenced ends a node that is past its erase and not proven.
func (n *nodeRun) leaveFenced(cause error) {
	n.explain(cause)
	n.report.Standing = contract.StandingFenced
	n.report.Next = fmt.Sprintf("mend what the error names and start a new run for %s; it accepts the node as it is", n.in.Target.Node)
	const fenced = "; it is fenced: clients are refused and it must not be used"
	switch {
	case n.step == contract.StepReturn:
		n.lookAfterReturn()
	case n.report.Copy != nil:
		n.report.State = "erased and refilled, but not proven" + fenced
	default:
		n.report.State = "erased" + fenced
	}
}

// lookAfterReturn asks the server how far a return came that failed: its fence may have been lifted before.
func (n *nodeRun) lookAfterReturn() {
	apart, _ := workflow.NewDisconnectedContext(n.logCtx)
	var seen activities.InspectResult
	err := workflow.ExecuteActivity(looking(apart, "Look at "+n.in.Target.Node), n.act.Inspect,
		activities.InspectInput{Target: n.in.Target}).Get(apart, &seen)
	const half = "refilled and proven, but its return to service failed; "
	switch {
	case err != nil:
		n.report.Standing = contract.StandingUnknown
		n.report.State = half + "whether it is still fenced could not be seen: " + failureOf(err).Message
	case seen.Fenced:
		n.report.State = half + seen.State
	default:
		n.report.Standing = contract.StandingUnknown
		n.report.State = half + seen.State
		n.report.Next = "look at its read_only, super_read_only and event_scheduler and set them as declared, or start a new run for it"
	}
}

// explain writes down why the node was not brought to its end.
func (n *nodeRun) explain(cause error) {
	failure := failureOf(cause)
	n.report.ErrorType, n.report.Error = failure.Type, failure.Message
	if n.abortedBy != "" {
		n.report.ErrorType, n.report.Error = contract.ErrorAborted, "aborted "+n.abortedBy
	}
}
