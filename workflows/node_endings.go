package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// release ends a node that was not erased: whatever the fence changed is put back, on a context that a cancel does not reach (I2).
// A node whose erase failed comes here as well: the activity looks whether anything was destroyed, leaves the fence up and says so.
func (n *nodeRun) release(cause error) (erased bool) {
	n.explain(cause)
	n.report.Standing = contract.StandingUntouched
	n.report.State = "left as it was: data, GTIDs, channel and settings are as before"
	n.report.Next = "mend what the error names and start again"
	if !n.fenced {
		if n.in.Approval.Wreck || n.noted.Wreck {
			n.report.Standing = contract.StandingFenced
			n.report.State = "fenced as it was found: an earlier run left it so; it must not be used"
			n.report.Next = "mend what the error names and start a new run: it accepts the node as it is"
		}
		return false
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
		erased = result.Erased
		return result.Attempts, err
	})
	if err != nil {
		failure := failureOf(err)
		n.report.Standing = contract.StandingFenced
		n.report.State = "fenced: it was to be released as it was, and that failed"
		n.report.Next = "the data may be intact; start a new run, or lift the fence by hand: " + failure.Message
	}
	// A run of older code, which begins no node twice, does not set AskForDonor.
	n.report.DonorFailed = failureOf(cause).Donor && n.in.AskForDonor && n.abortedBy == "" && err == nil && !erased
	return erased
}

// leaveFenced ends a node that is past its erase and not proven.
func (n *nodeRun) leaveFenced(cause error) {
	n.explain(cause)
	n.report.Standing = contract.StandingFenced
	n.report.Next = fmt.Sprintf("mend what the error names and start a new run for %s; it accepts the node as it is", n.in.Target.Node)
	const fenced = "; it is fenced: clients are refused and it must not be used"
	if n.step == contract.StepReturn {
		n.lookAfterReturn()
		return
	}
	n.report.State = "erased" + fenced
	if n.report.Copy != nil {
		n.report.State = "erased and refilled, but not proven" + fenced
	}
	if workflow.GetVersion(n.logCtx, "look-at-fence", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		n.endClone()
		n.lookAtFence()
	}
}

// endClone kills the clone of a node that was aborted while no attempt was there to do it: between two attempts, or after its worker
// died. Left alone it would go on for as long as the data is large.
func (n *nodeRun) endClone() {
	if n.abortedBy == "" || n.step != contract.StepClone {
		return
	}
	apart, _ := workflow.NewDisconnectedContext(n.logCtx)
	err := workflow.ExecuteActivity(changing(apart, "End the clone of "+n.in.Target.Node), n.act.EndClone,
		activities.EndCloneInput{Target: n.in.Target}).Get(apart, nil)
	if err != nil {
		n.report.Notes = append(n.report.Notes, "whether its clone has ended could not be seen: "+failureOf(err).Message)
	}
}

// lookAtFence says what the server says: that a node is closed to clients is never assumed (I3).
func (n *nodeRun) lookAtFence() {
	apart, _ := workflow.NewDisconnectedContext(n.logCtx)
	var seen activities.InspectResult
	err := workflow.ExecuteActivity(looking(apart, "Look at "+n.in.Target.Node), n.act.Inspect,
		activities.InspectInput{Target: n.in.Target}).Get(apart, &seen)
	switch {
	case err != nil:
		n.report.Notes = append(n.report.Notes, "its fence was raised and persisted, and could not be looked at again: "+failureOf(err).Message)
	case !seen.Fenced:
		n.report.Standing = contract.StandingUnknown
		n.report.State = "ERASED, NOT PROVEN AND OPEN TO CLIENTS: somebody has lifted its fence; " + seen.State
		n.report.Next = "keep clients away at once: SET PERSIST offline_mode = ON; then start a new run for it"
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

// forgetFailure takes back what was said of a failure that further attempts have mended; the steps still tell of it.
func (n *nodeRun) forgetFailure() {
	n.report.Standing, n.report.State, n.report.Next = contract.StandingUnknown, "", ""
	n.report.ErrorType, n.report.Error = "", ""
}

// explain writes down why the node was not brought to its end.
func (n *nodeRun) explain(cause error) {
	failure := failureOf(cause)
	n.report.ErrorType, n.report.Error = failure.Type, failure.Message
	if n.abortedBy != "" {
		n.report.ErrorType, n.report.Error = contract.ErrorAborted, "aborted "+n.abortedBy
	}
}
