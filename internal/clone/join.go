package clone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// ErrNoneRuns: there is no clone to join.
var ErrNoneRuns = errors.New("no clone runs on the node")

// Join watches a clone that another client started, living or dead, until it ends: it holds its limit and, like Run, ends it when
// it is stuck, and changes nothing else. The limit is the one that the server was told last: SetThrottle changes it, and
// Options.ThrottleMiBps does not. The Outcome is Gone when the server went away, be it for the restart or by a crash: WaitOutRestart
// tells. A clone that failed is a *Failure.
func Join(ctx context.Context, n *node.Node, o Options, onProgress func(Progress)) (Result, error) {
	first, err := ReadStatus(ctx, n)
	if err != nil {
		return Result{}, err
	}
	if !first.Running() {
		return Result{}, &node.Error{Node: n.Name(), Doing: "join the clone", Err: ErrNoneRuns}
	}
	looks := newLooks(n, o, onProgress, time.Now())
	looks.pacer.forget()
	status := first
	for {
		looks.take(ctx, status)
		if err := node.Sleep(ctx, o.pollEvery()); err != nil {
			return Result{}, &DetachedError{Node: n.Name(), PID: first.PID, Cause: err}
		}
		status, err = ReadStatus(ctx, n)
		gone := Result{Outcome: Gone, Bytes: looks.meter.last.Bytes}
		switch {
		case err != nil && ctx.Err() != nil:
			return Result{}, &DetachedError{Node: n.Name(), PID: first.PID, Cause: ctx.Err()}
		case err != nil && away(err):
			return gone, nil
		case err != nil:
			return Result{}, err
		case status.Running() && status.PID == first.PID:
		case status.State == Failed && status.Begin.Equal(first.Begin):
			failure := newFailure(n.Name(), status.Source, status.Errno, status.Error, status)
			failure.Stalled = looks.stalled()
			return Result{}, failure
		default: // completed, shutting down, or restarted between two looks
			return gone, nil
		}
	}
}

func away(err error) bool {
	class := node.Classify(err)
	return class == node.ClassUnreachable || class == node.ClassConnectionLost
}

// NotOursError: the node is up and its record of the last clone is not the one that was waited for.
type NotOursError struct {
	Node   string
	Status Status
	Why    error
}

func (e *NotOursError) Error() string {
	return fmt.Sprintf("node %s: no completed clone of this run: %v", e.Node, e.Why)
}

func (e *NotOursError) Unwrap() error { return e.Why }

const (
	restartPoll = 500 * time.Millisecond
	// settle is how long a clone without a living session may still be on its way into the shutdown.
	settle = 15 * time.Second
)

// WaitOutRestart waits, with protocol-level pings, until the node is back and its own record shows the clone from the donor
// complete and begun at or after notBefore (Belongs). onWaiting, if not nil, hears why it still waits: a node without a
// supervisor (CopiedNeedsStart) stays away until somebody starts mysqld.
//
// Errors: *Failure when the clone failed or died, *NotOursError when the record is of another clone.
func WaitOutRestart(ctx context.Context, n *node.Node, donor string, notBefore time.Time, onWaiting func(error)) (Status, error) {
	waiting := func(why error) error {
		if onWaiting != nil {
			onWaiting(why)
		}
		return node.Sleep(ctx, restartPoll)
	}
	var unsettled time.Time
	for {
		if err := n.WaitReady(ctx, restartPoll, onWaiting); err != nil {
			return Status{}, err
		}
		status, err := ReadStatus(ctx, n)
		if err != nil && away(err) {
			if waiting(err) != nil {
				return Status{}, err
			}
			continue
		}
		if err != nil {
			return Status{}, err
		}
		switch {
		case status.State == Failed, died(status):
			return status, newFailure(n.Name(), donor, status.Errno, status.Error, status)
		case status.State == InProgress && !status.Running():
			// Its session is gone and the server still answers: it is about to shut down.
			if unsettled.IsZero() {
				unsettled = time.Now()
			}
			if time.Since(unsettled) > settle {
				return status, newFailure(n.Name(), donor, status.Errno, "the clone's session is gone", status)
			}
		case status.State == InProgress:
		default:
			if why := Belongs(status, donor, notBefore); why != nil {
				return status, &NotOursError{Node: n.Name(), Status: status, Why: why}
			}
			return status, nil
		}
		if err := waiting(fmt.Errorf("node %s: the clone is still %s", n.Name(), status.State)); err != nil {
			return status, node.Wrap(n.Name(), "wait for the restart after the clone", err)
		}
	}
}

// died recognises a clone whose server was killed under it: after the start it is In Progress for ever, without a session and
// with the error of an interrupted statement (measured on 9.7).
func died(s Status) bool {
	return s.State == InProgress && s.PID == 0 && s.Errno != 0
}
