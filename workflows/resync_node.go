package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// signalThrottle tells a child that the limit of its copy has changed.
const signalThrottle = "throttle"

// NodeInput is all that one secondary's resync needs; what was approved is part of it and binds every step.
type NodeInput struct {
	Target activities.Target `json:"target"`
	// Approval is what the plan showed and a person (or the input) gave up.
	Approval activities.Approval `json:"approval"`
	// Donor is the name of the node that feeds the copy.
	Donor     string `json:"donor,omitempty"`
	DonorUUID string `json:"donorUuid,omitempty"`
	// OtherDonors says that another donor could be had when the node was begun; AskForDonor that the run lends another on request.
	OtherDonors bool `json:"otherDonors,omitempty"`
	AskForDonor bool `json:"askForDonor,omitempty"`
	// Floor is how many other secondaries have to serve when this one is taken out of service; those in Out are about to be taken out as
	// well and do not count. WasOut says that this one did not serve when the plan was made: it is held only if it does now.
	Floor         int      `json:"floor,omitempty"`
	Out           []string `json:"out,omitempty"`
	WasOut        bool     `json:"wasOut,omitempty"`
	ThrottleMiBps int      `json:"throttleMiBps,omitempty"`
	// AdaptiveThrottle lets the copy give way to load on the primary or the donor.
	AdaptiveThrottle bool                  `json:"adaptiveThrottle,omitempty"`
	Proof            contract.ProofOptions `json:"proof"`
	// Mode is that of the run, Plan the ID of the plan that was approved.
	Mode contract.Mode `json:"mode,omitempty"`
	Plan string        `json:"plan,omitempty"`
	// Rescue keeps in the archive what only this node has, before it is erased.
	Rescue bool `json:"rescue,omitempty"`
	// Hooks are the places at which the inventory names hooks.
	Hooks []inventory.HookPlace `json:"hooks,omitempty"`
	// Tellings is how often the node may tell the run of itself; 0 as often as it likes.
	Tellings int `json:"tellings,omitempty"`
	// Settings are brought in line once the node is proven, as the approved plan has shown it.
	Settings []contract.SettingChange `json:"settings,omitempty"`
	// VerifyOnly changes nothing: the node is proven as it is.
	VerifyOnly bool `json:"verifyOnly,omitempty"`
	// CheapFirst leaves the rows of such a node uncompared that differs already in what is cheap to look at.
	CheapFirst bool `json:"cheapFirst,omitempty"`
}

// ResyncNode brings one secondary back to an exact copy of the primary. It returns a report whatever happened: what went wrong with
// one node is a result, not a failure, so that nothing is lost on the way to the mail.
func ResyncNode(ctx workflow.Context, in NodeInput) (contract.NodeReport, error) {
	n := newNodeRun(ctx, in)
	if in.VerifyOnly {
		n.proveAsItIs(ctx, false)
		return n.report, nil
	}
	n.resync(ctx)
	n.afterReturn()
	return n.report, nil
}

func (n *nodeRun) resync(ctx workflow.Context) {
	if err := n.makeReady(ctx); err != nil {
		n.release(err)
		return
	}
	if err := n.erase(); err != nil {
		return
	}
	if err := n.refill(); err != nil {
		n.leaveFenced(err)
	}
}

// makeReady is everything before the point of no return; an error here leads to the node's release.
func (n *nodeRun) makeReady(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(ctx)
	n.giveUp = cancel
	if err := n.recheck(ctx); err != nil {
		return err
	}
	if err := n.note(ctx); err != nil {
		return err
	}
	if err := n.beforeFence(ctx); err != nil {
		return err
	}
	if err := n.fence(ctx); err != nil {
		return err
	}
	if err := n.judge(ctx); err != nil {
		return err
	}
	if err := n.rehearse(ctx); err != nil {
		return err
	}
	if err := n.rescue(ctx); err != nil {
		return err
	}
	// The last safe point: whoever asked to stop until now is heard.
	return ctx.Err()
}

// refill is everything behind the point of no return. It runs apart from the run's own context: a cancel, even the end of the parent,
// does not leave an erased node behind. Only an abort of this node ends it early.
func (n *nodeRun) refill() error {
	if err := n.clone(n.apart); err != nil {
		return err
	}
	if err := n.follow(n.apart); err != nil {
		return err
	}
	if err := n.verify(n.apart); err != nil {
		return err
	}
	return n.takeBack(n.apart)
}

// nodeRun is the state of one child.
type nodeRun struct {
	in     NodeInput
	act    *activities.Activities
	report contract.NodeReport
	parent *workflow.Execution
	logCtx workflow.Context

	// apart is the context of everything behind the point of no return; only an abort cancels it.
	apart workflow.Context
	// giveUp cancels what is under way now.
	giveUp workflow.CancelFunc
	// abortedBy says who aborted the node and why; empty if nobody did.
	abortedBy string

	noted activities.NoteResult
	// hooked says that the beforeFence hooks were called.
	hooked bool
	fenced bool
	// archive is the task queue of the workers that can read what was rescued; empty for any.
	archive  string
	clock    time.Time
	throttle int
	// lending counts the donors that were lent after the first, lent is the one that the run has lent last, cloneFailures counts the
	// clones that failed because of their donors.
	lending       int
	lent          donorLent
	cloneFailures int
	// throttling says that a new limit is being applied.
	throttling bool
	step       contract.Step
}

func newNodeRun(ctx workflow.Context, in NodeInput) *nodeRun {
	n := &nodeRun{in: in, parent: workflow.GetInfo(ctx).ParentWorkflowExecution, throttle: in.ThrottleMiBps, logCtx: ctx}
	n.report = contract.NodeReport{Name: in.Target.Node, ServerUUID: in.Target.NodeUUID, Standing: contract.StandingUnknown}
	apart, _ := workflow.NewDisconnectedContext(ctx)
	apart, abort := workflow.WithCancel(apart)
	n.apart, n.giveUp = apart, abort
	n.listen(apart, abort)
	return n
}

// listen answers what the parent passes on: an abort, changes of the throttle, another donor.
func (n *nodeRun) listen(ctx workflow.Context, abort workflow.CancelFunc) {
	aborts := workflow.GetSignalChannel(ctx, contract.RequestAbort)
	throttles := workflow.GetSignalChannel(ctx, signalThrottle)
	donors := workflow.GetSignalChannel(ctx, signalDonor)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			selector := workflow.NewSelector(ctx)
			selector.AddReceive(aborts, func(c workflow.ReceiveChannel, _ bool) {
				var request contract.Abort
				c.Receive(ctx, &request)
				n.abortedBy = by(request.By, request.Reason)
				n.giveUp()
				abort()
			})
			selector.AddReceive(throttles, func(c workflow.ReceiveChannel, _ bool) {
				c.Receive(ctx, &n.throttle)
				n.applyThrottle(ctx)
			})
			selector.AddReceive(donors, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &n.lent) })
			selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
			selector.Select(ctx)
			if ctx.Err() != nil {
				return
			}
		}
	})
}

// applyThrottle changes the limit of a copy under way, beside everything else: an abort must be heard while it tries. Limits that come
// meanwhile are applied after it, the last one only. A copy that has ended in between needs none, so an error is only logged.
func (n *nodeRun) applyThrottle(ctx workflow.Context) {
	if n.throttling {
		return
	}
	n.throttling = true
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { n.throttling = false }()
		for applied := -1; applied != n.throttle && n.step == contract.StepClone && ctx.Err() == nil; {
			applied = n.throttle
			err := workflow.ExecuteActivity(looking(ctx, "Throttle "+n.in.Target.Node), n.act.Throttle,
				activities.ThrottleInput{Target: n.in.Target, MiBps: applied}).Get(ctx, nil)
			if err != nil {
				workflow.GetLogger(n.logCtx).Warn("the throttle was not changed", "node", n.in.Target.Node, "error", err)
			}
		}
	})
}

// take runs one step and writes down when, how long, how often and how it ended.
func (n *nodeRun) take(ctx workflow.Context, step contract.Step, work func() (attempts int, err error)) error {
	n.step = step
	began := workflow.Now(ctx)
	n.tellParent(step, began)
	workflow.SetCurrentDetails(ctx, "Step **"+string(step)+"** of `"+n.in.Target.Node+"` since "+began.UTC().Format(time.TimeOnly)+" UTC.")
	attempts, err := work()
	n.took(ctx, step, began, attempts, err)
	return err
}

// took writes a step down that has ended.
func (n *nodeRun) took(ctx workflow.Context, step contract.Step, began time.Time, attempts int, err error) {
	taken := contract.StepReport{
		Step: step, Began: began, Attempts: attempts,
		Duration: contract.Duration(workflow.Now(ctx).Sub(began).Round(time.Millisecond)),
	}
	if err != nil {
		failure := failureOf(err)
		taken.Error, taken.Attempts = failure.Message, max(failure.Attempts, attempts, 1)
	}
	n.report.Steps = append(n.report.Steps, taken)
}

// worthTelling are the steps in the order in which a run of many nodes needs to hear of them: the first gives the donor back.
var worthTelling = []contract.Step{
	contract.StepFollow, contract.StepErase, contract.StepFence, contract.StepClone, contract.StepVerify, contract.StepRelease,
	contract.StepReturn, contract.StepRehearse, contract.StepRecheck, contract.StepRescue, contract.StepJudge, contract.StepNote,
}

// tellParent reports a step change. A parent that is gone (terminated) is no reason to stop.
func (n *nodeRun) tellParent(step contract.Step, at time.Time) {
	if n.parent == nil || n.in.Tellings > 0 && slices.Index(worthTelling, step) >= n.in.Tellings {
		return
	}
	apart, _ := workflow.NewDisconnectedContext(n.logCtx)
	workflow.SignalExternalWorkflow(apart, n.parent.ID, n.parent.RunID, contract.SignalNode,
		contract.NodeSignal{Node: n.in.Target.Node, Step: step, At: at})
}

func (n *nodeRun) recheck(ctx workflow.Context) error {
	return n.take(ctx, contract.StepRecheck, func() (int, error) {
		var result activities.RecheckResult
		err := workflow.ExecuteActivity(looking(ctx, "Recheck "+n.in.Target.Node), n.act.Recheck, activities.RecheckInput{
			Target: n.in.Target, Approval: n.in.Approval, Floor: n.in.Floor, Out: n.in.Out, WasOut: n.in.WasOut,
		}).Get(ctx, &result)
		n.clock = result.Clock
		if err == nil && !n.in.Approval.SeenAt.IsZero() {
			n.in.Approval.SeenAt = result.Clock
		}
		return result.Attempts, err
	})
}

func (n *nodeRun) note(ctx workflow.Context) error {
	return n.take(ctx, contract.StepNote, func() (int, error) {
		err := workflow.ExecuteActivity(looking(ctx, "Note the settings of "+n.in.Target.Node), n.act.Note,
			activities.NoteInput{Target: n.in.Target}).Get(ctx, &n.noted)
		return n.noted.Attempts, err
	})
}

func (n *nodeRun) fence(ctx workflow.Context) error {
	return n.take(ctx, contract.StepFence, func() (int, error) {
		// From the first try on the fence may be half up, whatever the try reports.
		n.fenced = true
		var result activities.Done
		err := workflow.ExecuteActivity(changing(ctx, "Fence "+n.in.Target.Node), n.act.Fence,
			activities.FenceInput{Target: n.in.Target}).Get(ctx, &result)
		return result.Attempts, err
	})
}

func (n *nodeRun) judge(ctx workflow.Context) error {
	return n.take(ctx, contract.StepJudge, func() (int, error) {
		var result activities.Done
		err := workflow.ExecuteActivity(looking(ctx, "Judge what "+n.in.Target.Node+" would lose"), n.act.Judge, activities.JudgeInput{
			Target: n.in.Target, Approval: n.in.Approval,
		}).Get(ctx, &result)
		return result.Attempts, err
	})
}

func (n *nodeRun) rehearse(ctx workflow.Context) error {
	return n.take(ctx, contract.StepRehearse, func() (int, error) {
		var result activities.RehearseResult
		err := workflow.ExecuteActivity(changing(ctx, "Rehearse the clone "+n.in.Donor+" -> "+n.in.Target.Node), n.act.Rehearse,
			activities.RehearseInput{Target: n.in.Target, Donor: n.in.Donor, DonorUUID: n.in.DonorUUID, OtherDonors: n.in.OtherDonors}).Get(ctx, &result)
		n.report.Notes = append(n.report.Notes, result.Notes...)
		return result.Attempts, err
	})
}

// erase is the point of no return. It is tried like every step before it; a node that is still intact when the attempts end is released
// as it was. Only when something has been destroyed are there as many attempts as it takes.
func (n *nodeRun) erase() error {
	err := n.tryErase(n.apart, n.eraseBesideArchive)
	if err == nil {
		return nil
	}
	// A release that failed proves nothing: an intact node must not be erased by attempts that nobody can stop.
	if erased := n.release(err); !erased || n.abortedBy != "" {
		return err
	}
	if err = n.tryErase(n.apart, finishing); err != nil {
		n.leaveFenced(err)
		return err
	}
	n.forgetFailure()
	return nil
}

func (n *nodeRun) tryErase(ctx workflow.Context, options func(workflow.Context, string) workflow.Context) error {
	return n.take(ctx, contract.StepErase, func() (int, error) {
		var result activities.EraseResult
		err := workflow.ExecuteActivity(options(ctx, "ERASE "+n.in.Target.Node), n.act.Erase, activities.EraseInput{
			Target: n.in.Target, Approval: n.in.Approval, Rescue: n.in.Rescue, Rescued: n.report.Rescued,
		}).Get(ctx, &result)
		if err == nil {
			n.report.Destroyed = &result.Destroyed
		}
		return result.Attempts, err
	})
}

func (n *nodeRun) copy(ctx workflow.Context) error {
	return n.take(ctx, contract.StepClone, func() (int, error) {
		var result activities.CloneResult
		err := workflow.ExecuteActivity(finishing(ctx, "Clone "+n.in.Donor+" -> "+n.in.Target.Node), n.act.Clone, activities.CloneInput{
			Target: n.in.Target, Donor: n.in.Donor, DonorUUID: n.in.DonorUUID, OtherDonors: n.in.AskForDonor, NotBefore: n.clock,
			ThrottleMiBps: n.throttle, AdaptiveThrottle: n.in.AdaptiveThrottle, Parent: n.parentRef(),
		}).Get(ctx, &result)
		if err == nil {
			n.report.Copy = &result.Copy
		}
		return result.Attempts, err
	})
}

func (n *nodeRun) follow(ctx workflow.Context) error {
	return n.take(ctx, contract.StepFollow, func() (int, error) {
		var result activities.FollowResult
		err := workflow.ExecuteActivity(finishing(ctx, "Follow the primary again: "+n.in.Target.Node), n.act.Follow, activities.FollowInput{
			Target: n.in.Target, Channel: n.noted.Channel,
		}).Get(ctx, &result)
		n.report.Notes = append(n.report.Notes, result.Notes...)
		return result.Attempts, err
	})
}

func (n *nodeRun) verify(ctx workflow.Context) error {
	return n.take(ctx, contract.StepVerify, func() (int, error) {
		var result activities.VerifyResult
		err := workflow.ExecuteActivity(finishing(ctx, "Prove "+n.in.Target.Node), n.act.Verify, activities.VerifyInput{
			Target: n.in.Target, Options: n.in.Proof, Refilled: &activities.Refilled{Donor: n.in.Donor, NotBefore: n.clock},
		}).Get(ctx, &result)
		if err != nil {
			return result.Attempts, err
		}
		n.report.Proof = &result.Proof
		return result.Attempts, judgeProof(n.in.Target.Node, result.Proof)
	})
}

func (n *nodeRun) parentRef() *activities.ParentRef {
	if n.parent == nil {
		return nil
	}
	ref := &activities.ParentRef{WorkflowID: n.parent.ID, RunID: n.parent.RunID}
	if n.in.Tellings > 0 {
		left := max(0, n.in.Tellings-len(worthTelling))
		ref.Tellings = &left
	}
	return ref
}
