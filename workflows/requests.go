package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// requests is what people have asked of a running run.
type requests struct {
	paused        bool
	throttle      int
	approvalUntil time.Time
	aborted       map[string]bool
	refused       []string
}

const refusedKept = 20

// answerRequests registers every request twice: as an Update, whose validator refuses it without history and tells the caller why,
// and as a Signal with the same payload, for clients that know no updates.
func (r *run) answerRequests(ctx workflow.Context) error {
	r.aborted = map[string]bool{}
	err := errors.Join(
		answer(ctx, r, contract.RequestApprove, r.mayApprove, r.approve),
		answer(ctx, r, contract.RequestReject, r.mayReject, r.reject),
		answer(ctx, r, contract.RequestPause, r.mayPause, func(_ workflow.Context, _ contract.Pause) { r.paused = true }),
		answer(ctx, r, contract.RequestResume, r.mayResume, func(_ workflow.Context, _ contract.Resume) { r.paused = false }),
		answer(ctx, r, contract.RequestThrottle, r.mayThrottle, r.setThrottle),
		answer(ctx, r, contract.RequestAbort, r.mayAbort, r.abort),
	)
	r.listenToChildren(ctx)
	r.listenForDonors(ctx)
	return err
}

// answer registers one request.
func answer[T any](ctx workflow.Context, r *run, name string, may func(T) error, do func(workflow.Context, T)) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context, request T) (contract.Progress, error) {
		// Another request may have been accepted between this one's validation and now.
		if err := may(request); err != nil {
			return contract.Progress{}, err
		}
		do(ctx, request)
		r.show()
		answer := r.progress()
		answer.Plan = nil // each answer goes into the history; the query has the plan
		return answer, nil
	}, workflow.UpdateHandlerOptions{Validator: may})
	if err != nil {
		return err
	}
	signals := workflow.GetSignalChannel(ctx, name)
	apart, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(apart, func(ctx workflow.Context) {
		for {
			var signal readable[T]
			signals.Receive(ctx, &signal)
			if err := signal.problem; err != nil {
				r.refuse(name, err)
			} else if err := may(signal.request); err != nil {
				r.refuse(name, err)
			} else {
				do(ctx, signal.request)
			}
			r.show()
		}
	})
	return nil
}

// readable is the payload of a signal. Decoding it never fails: the SDK drops a signal that does not decode, and nobody would be told.
type readable[T any] struct {
	request T
	problem error
}

// UnmarshalJSON keeps what is wrong with the payload.
func (r *readable[T]) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &r.request); err != nil {
		r.problem = fmt.Errorf("the payload cannot be read: %w", err)
	}
	return nil
}

func (r *run) refuse(name string, err error) {
	r.refused = append(r.refused, name+": "+err.Error())
	if len(r.refused) > refusedKept {
		r.refused = slices.Delete(r.refused, 0, len(r.refused)-refusedKept)
	}
}

func (r *run) mayApprove(request contract.Approve) error {
	if err := r.awaitingDecision(); err != nil {
		return err
	}
	if request.Plan != r.report.Plan.ID {
		return fmt.Errorf("the plan that awaits approval is %s, not %q: look at it and approve that one", r.report.Plan.ID, request.Plan)
	}
	if request.Cluster != r.request.Cluster {
		return fmt.Errorf("the cluster of this run is %s, not %q: write its name to approve", r.request.Cluster, request.Cluster)
	}
	return nil
}

func (r *run) mayReject(request contract.Reject) error {
	if err := r.awaitingDecision(); err != nil {
		return err
	}
	if request.Plan != "" && request.Plan != r.report.Plan.ID {
		return fmt.Errorf("the plan that awaits approval is %s, not %q", r.report.Plan.ID, request.Plan)
	}
	return nil
}

func (r *run) awaitingDecision() error {
	if approval := r.report.Approval; approval != nil {
		decision := "approved"
		if !approval.Approved {
			decision = "rejected"
		}
		return fmt.Errorf("plan %s was already %s %s", approval.Plan, decision, by(approval.By, approval.Comment))
	}
	if r.phase != contract.PhaseApproval {
		return fmt.Errorf("this run awaits no approval: it is %s", r.phase)
	}
	return nil
}

func (r *run) approve(_ workflow.Context, request contract.Approve) {
	r.report.Approval = &contract.Approval{
		Plan: request.Plan, Approved: true, By: request.By, Comment: request.Comment, At: r.now(),
	}
}

func (r *run) reject(_ workflow.Context, request contract.Reject) {
	r.report.Approval = &contract.Approval{Plan: r.report.Plan.ID, By: request.By, Comment: request.Reason, At: r.now()}
}

func (r *run) mayPause(contract.Pause) error {
	if r.paused {
		return errors.New("the run is paused already")
	}
	return r.running()
}

func (r *run) mayResume(contract.Resume) error {
	if !r.paused {
		return errors.New("the run is not paused")
	}
	return nil
}

func (r *run) mayThrottle(request contract.Throttle) error {
	const most = 1 << 20
	if request.MiBps < 0 || request.MiBps > most {
		return fmt.Errorf("mibps: %d is not between 0 (no limit) and %d", request.MiBps, most)
	}
	return r.running()
}

func (r *run) setThrottle(ctx workflow.Context, request contract.Throttle) {
	r.throttle = request.MiBps
	for _, name := range r.chosenNames() {
		if child, open := r.openChild(name); open {
			child.SignalChildWorkflow(ctx, signalThrottle, request.MiBps)
		}
	}
}

func (r *run) mayAbort(request contract.Abort) error {
	if !slices.Contains(r.chosenNames(), request.Node) {
		return fmt.Errorf("node %q is not part of this run; its nodes are %v", request.Node, r.chosenNames())
	}
	if r.aborted[request.Node] {
		return fmt.Errorf("node %s was aborted already", request.Node)
	}
	if _, open := r.openChild(request.Node); !open {
		return fmt.Errorf("node %s is not being worked on now", request.Node)
	}
	return nil
}

func (r *run) abort(ctx workflow.Context, request contract.Abort) {
	r.aborted[request.Node] = true
	if child, open := r.openChild(request.Node); open {
		child.SignalChildWorkflow(ctx, contract.RequestAbort, request)
	}
}

func (r *run) running() error {
	if r.phase == contract.PhaseReport || r.phase == contract.PhaseClosed {
		return errors.New("the run has ended")
	}
	return nil
}
