package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/internal/pressure"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// pulse heartbeats for an activity: the latest progress, every few seconds, also while a server says nothing for a long time.
type pulse struct {
	mu     sync.Mutex
	latest heartbeat
	ctx    context.Context
	stop   context.CancelFunc
	done   chan struct{}
}

// heartbeat is what a heartbeat carries: the progress for people, and where the next attempt goes on.
type heartbeat struct {
	contract.StepProgress
	// Resume is the proof's own note of what it has finished.
	Resume []byte `json:"resume,omitempty"`
	// Destroyed is what earlier attempts of an erase have destroyed.
	Destroyed contract.Destroyed `json:"destroyed,omitzero"`
	// Failures counts clones that ran and failed, over all attempts.
	Failures int `json:"failures,omitempty"`
	// Ceiling is the limit of the copy that was asked for last, in MiB/s; nil before any copy.
	Ceiling *int `json:"ceiling,omitempty"`
	// Lost are the secondaries that dropped out of a common proof.
	Lost []Lost `json:"lost,omitempty"`
	// Limiter is what the adaptive throttle has learnt.
	Limiter *pressure.Limiter `json:"limiter,omitempty"`
}

// startPulse begins to heartbeat; the caller ends it. Named are the nodes at work where one workflow works on several.
func startPulse(ctx context.Context, step contract.Step, nodes ...string) *pulse {
	// A cancel asks the activity to stop, which may take a while: until then it goes on to heartbeat.
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &pulse{latest: lastHeartbeat(ctx), ctx: ctx, stop: stop, done: make(chan struct{})}
	p.latest.StepProgress = contract.StepProgress{Step: step, Nodes: nodes}
	activity.RecordHeartbeat(ctx, p.latest)
	go func() {
		defer close(p.done)
		ticker := time.NewTicker(heartbeatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, p.snapshot())
			}
		}
	}()
	return p
}

// tell changes what the next heartbeats carry.
func (p *pulse) tell(change func(*heartbeat)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.latest)
}

// waiting says what is waited for; empty when work goes on.
func (p *pulse) waiting(what string) { p.tell(func(h *heartbeat) { h.Waiting = what }) }

func (p *pulse) snapshot() heartbeat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest
}

// end stops heartbeating. The last word is recorded: the next attempt begins with it.
func (p *pulse) end() {
	p.stop()
	<-p.done
	activity.RecordHeartbeat(p.ctx, p.snapshot())
}

// lastHeartbeat is what the attempt before this one left.
func lastHeartbeat(ctx context.Context) heartbeat {
	var last heartbeat
	if activity.HasHeartbeatDetails(ctx) {
		// Details of an older worker that do not decode are worth no more than none.
		_ = activity.GetHeartbeatDetails(ctx, &last)
	}
	return last
}

// attempt is how often this activity has been begun, from 1.
func attempt(ctx context.Context) int { return int(activity.GetInfo(ctx).Attempt) }

// stillCurrent asks the Temporal server whether this attempt is the current one. A worker that was frozen or cut off and wakes up
// late learns here that another has taken over (I5). The SDK's own heartbeats are sent in the background and would tell too late.
func (a *Activities) stillCurrent(ctx context.Context, p *pulse) func(context.Context) error {
	token := activity.GetInfo(ctx).TaskToken
	return func(ctx context.Context) error {
		if err := a.config.Temporal.RecordActivityHeartbeat(ctx, token, p.snapshot()); err != nil {
			if temporal.IsCanceledError(err) {
				return err
			}
			return &overtakenError{cause: err}
		}
		return nil
	}
}
