package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// CloneInput is an erased node and who feeds it.
type CloneInput struct {
	Target    Target `json:"target"`
	Donor     string `json:"donor"`
	DonorUUID string `json:"donorUuid"`
	// OtherDonors says that another donor can be asked for: what is this one's fault is then not tried again.
	OtherDonors bool `json:"otherDonors,omitempty"`
	// NotBefore is the recipient's own clock before its erase: a clone that began earlier is not ours.
	NotBefore time.Time `json:"notBefore"`
	// ThrottleMiBps limits the copy, in MiB/s, 0 for none, unless the parent knows of a newer limit.
	ThrottleMiBps int `json:"throttleMiBps,omitempty"`
	// AdaptiveThrottle lowers the limit while the primary or the donor is hard at work.
	AdaptiveThrottle bool `json:"adaptiveThrottle,omitempty"`
	// Parent hears of the copy's progress; may be nil.
	Parent *ParentRef `json:"parent,omitempty"`
}

// CloneResult is the copy that was made.
type CloneResult struct {
	Done
	Copy contract.Copy `json:"copy"`
}

const (
	// maxCloneFailures is how many clones may run and fail before a person is asked.
	maxCloneFailures = 5
	killTimeout      = time.Minute
	tellParentEvery  = 30 * time.Second
	pingEvery        = time.Second
)

// Clone refills the node. It asks first what is already done: a clone of this run that completed is taken, one that still runs, because
// it outlived its worker, is joined, and only then a new one is issued. It waits for the server's restart with a protocol-level ping;
// a server without a supervisor (error 3707) is waited for until somebody starts it. A cancel by the workflow is an abort and kills
// the clone.
func (a *Activities) Clone(ctx context.Context, in CloneInput) (CloneResult, error) {
	pulse := startPulse(ctx, contract.StepClone)
	defer pulse.end()
	result, err := a.clone(ctx, in, pulse)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, countFailure(err, pulse))
}

func (a *Activities) clone(ctx context.Context, in CloneInput, pulse *pulse) (CloneResult, error) {
	site, err := a.openSite(in.Target)
	if err != nil {
		return CloneResult{}, err
	}
	defer site.close()
	donor, err := site.openDonor(in.Donor, in.OtherDonors)
	if err != nil {
		return CloneResult{}, err
	}
	defer donor.close()
	if err := site.waitForRecipient(ctx, pulse); err != nil {
		return CloneResult{}, err
	}
	copied := contract.Copy{Donor: in.Donor}
	before, err := clone.ReadStatus(ctx, site.recipient)
	if err != nil {
		return CloneResult{}, err
	}
	if clone.Belongs(before, donor.address, in.NotBefore) == nil {
		copied.Joined = true
		return CloneResult{Copy: describe(copied, before)}, nil
	}
	if before.Running() && before.Source != donor.address {
		// It is fed by a donor that was given up. Joined, it would be taken for a copy from this one.
		claim, err := site.claimOverClone(ctx, site.claim, a.stillCurrent(ctx, pulse), pulse)
		if err != nil {
			return CloneResult{}, err
		}
		claim.Close()
	}
	if !onItsWay(before, in.NotBefore) {
		if err := a.copyPatiently(ctx, in, site, donor, pulse, &copied); err != nil {
			return CloneResult{}, donor.blame(err)
		}
	}
	pulse.tell(func(h *heartbeat) { h.Stage = clone.StageRestart })
	after, err := clone.WaitOutRestart(ctx, site.recipient, donor.address, in.NotBefore, func(why error) {
		pulse.waiting(waitingFor(in.Target.Node, copied.StartedByHand, why))
	})
	if err != nil {
		return CloneResult{}, err
	}
	return CloneResult{Copy: describe(copied, after)}, nil
}

// onItsWay recognises a clone of this run whose statement has ended and whose server is about to restart, or has done so.
func onItsWay(status clone.Status, notBefore time.Time) bool {
	return status.State == clone.InProgress && !status.Running() && status.Errno == 0 && !status.Begin.Before(notBefore)
}

const (
	// firstPatience and longestPatience are how long is waited before a copy is tried again that lacked room: shortly at first, then less
	// often, because each try may move as much as there was room for.
	firstPatience   = 10 * time.Second
	longestPatience = 10 * time.Minute
)

// copyPatiently copies, and tries again where somebody has to make room first, on the recipient's disk or among the donor's
// connections: the node is erased, so that there is nothing better to do than to wait and to say for what. An abort ends it.
func (a *Activities) copyPatiently(ctx context.Context, in CloneInput, site *site, donor *donor, pulse *pulse, copied *contract.Copy) error {
	for patience := firstPatience; ; patience = min(2*patience, longestPatience) {
		err := a.copy(ctx, in, site, donor, pulse, copied)
		var failure *clone.Failure
		if !errors.As(err, &failure) || !failure.LacksRoom() || in.OtherDonors && ofDonor(failure) {
			return err
		}
		pulse.waiting(fmt.Sprintf("%s; tried again every %s", roomFor(in, failure), patience))
		a.tellParent(ctx, in, pulse)
		if err := node.Sleep(ctx, patience); err != nil {
			return err
		}
		pulse.waiting("")
	}
}

func roomFor(in CloneInput, failure *clone.Failure) string {
	if failure.Kind == clone.DiskFull {
		return fmt.Sprintf("room on the disk of %s; free some: %v", in.Target.Node, failure)
	}
	return fmt.Sprintf("a free connection on %s: %v", in.Donor, failure)
}

// copy issues the clone, or joins the one that runs, and returns when its statement has ended well.
func (a *Activities) copy(ctx context.Context, in CloneInput, site *site, donor *donor, pulse *pulse, copied *contract.Copy) error {
	if err := donor.confirm(ctx, in.DonorUUID); err != nil {
		return err
	}
	adapt, err := a.adaptTo(ctx, in, site, donor, pulse)
	if err != nil {
		return err
	}
	ceiling := a.newestThrottle(ctx, in, pulse)
	options := clone.Options{
		ThrottleMiBps: ceiling, Adapt: adapt, RequireSSL: site.cluster.PeerTLS.Required(), DonorAnswers: donor.node.Ping,
	}
	progress := a.confirmThrottle(ctx, in, site, pulse, ceiling, a.copyProgress(ctx, in, pulse))
	began := time.Now()
	var result clone.Result
	claim, err := site.claim(ctx, a.stillCurrent(ctx, pulse))
	var running *node.CloneRunningError
	switch {
	case errors.As(err, &running):
		copied.Joined = true
		if err := clone.SetThrottle(ctx, site.recipient, ceiling); err != nil {
			return err
		}
		result, err = clone.Join(ctx, site.recipient, options, progress)
	case err == nil:
		defer claim.Close()
		result, err = clone.Run(ctx, claim, site.recipient, donor.address, donor.account, options, progress)
	}
	if err != nil {
		return a.killIfAborted(ctx, site, err)
	}
	copied.Bytes, copied.Duration = result.Bytes, contract.Duration(time.Since(began).Round(time.Millisecond))
	copied.StartedByHand = result.Outcome == clone.CopiedNeedsStart
	return nil
}

// killIfAborted ends the clone on the server when the workflow asked for it: an activity that merely stops leaves it running. A worker
// that stops does leave it; the next attempt joins it.
func (a *Activities) killIfAborted(ctx context.Context, site *site, err error) error {
	if !cancelled(ctx, err) {
		return err
	}
	apart, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	if _, killErr := clone.Kill(apart, site.recipient); killErr != nil {
		return errors.Join(err, killErr)
	}
	return err
}

// copyProgress heartbeats each look and tells the parent of it now and then.
func (a *Activities) copyProgress(ctx context.Context, in CloneInput, pulse *pulse) func(clone.Progress) {
	var told time.Time
	var toldBytes int64
	return func(p clone.Progress) {
		pulse.tell(func(h *heartbeat) {
			h.Stage, h.Bytes, h.TotalBytes, h.MiBps, h.LimitMiBps, h.Waiting = p.Stage, p.Bytes, p.Total, p.MiBps, p.LimitMiBps, ""
		})
		// A copy of days must not fill its parent's history: it is told ever more seldom.
		if in.Parent == nil || time.Since(told) < max(tellParentEvery, p.Elapsed/100) || !in.Parent.wants(p.Bytes-toldBytes, p.Total) {
			return
		}
		told, toldBytes = time.Now(), p.Bytes
		a.tellParent(ctx, in, pulse)
	}
}

// tellParent passes on what the heartbeats say. A parent that is gone is no reason to stop.
func (a *Activities) tellParent(ctx context.Context, in CloneInput, pulse *pulse) {
	if in.Parent == nil || in.Parent.Tellings != nil && *in.Parent.Tellings == 0 {
		return
	}
	detail := pulse.snapshot().StepProgress
	_ = a.config.Temporal.SignalWorkflow(ctx, in.Parent.WorkflowID, in.Parent.RunID, contract.SignalNode,
		contract.NodeSignal{Node: in.Target.Node, Step: contract.StepClone, At: time.Now().UTC(), Detail: &detail})
}

// describe completes the report of a copy from the recipient's own record.
func describe(copied contract.Copy, status clone.Status) contract.Copy {
	if bytes := copiedBytes(status); bytes > 0 {
		copied.Bytes = bytes
	}
	if copied.Duration == 0 && !status.End.IsZero() {
		copied.Duration = contract.Duration(status.End.Sub(status.Begin).Round(time.Millisecond))
	}
	if seconds := copied.Duration.Std().Seconds(); seconds > 0 {
		copied.MiBps = float64(copied.Bytes) / (1 << 20) / seconds
	}
	copied.GTIDs = status.GTIDExecuted
	return copied
}

func copiedBytes(status clone.Status) int64 {
	var bytes int64
	for _, stage := range status.Stages {
		bytes += stage.Data
	}
	return bytes
}

// countFailure types the failure of a clone and says when it is pointless to try again.
func countFailure(err error, pulse *pulse) error {
	var failure *clone.Failure
	var foreign *clone.NotOursError
	ran := errors.As(err, &failure)
	if !ran && !errors.As(err, &foreign) {
		return err
	}
	if ran && (failure.Kind == clone.DonorBusy || failure.Kind == clone.DonorFull || failure.Kind == clone.RecipientBusy) {
		return failed(contract.ErrorDonorBusy, "%w", err)
	}
	failures := pulse.snapshot().Failures + 1
	pulse.tell(func(h *heartbeat) { h.Failures = failures })
	if ran && !failure.Transient() || failures >= maxCloneFailures {
		return final(contract.ErrorClone, "%w (%d clones failed)", err, failures)
	}
	return failed(contract.ErrorClone, "%w", err)
}

func waitingFor(name string, byHand bool, why error) string {
	if byHand {
		return fmt.Sprintf("the copy is complete; start mysqld on %s, nothing supervises it (error 3707)", name)
	}
	return fmt.Sprintf("%s to answer again; if nothing supervises it, start mysqld there: %v", name, why)
}
