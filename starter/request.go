package main

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// accepted is the document of a request that a run accepted.
type accepted struct {
	runs.Ref
	Request  string `json:"request"`
	Accepted bool   `json:"accepted"`
}

// request finds the run, sends the request and tells that it was accepted.
func (n named) request(ctx context.Context, a *app, name string, payload any, done string) (int, error) {
	t, watcher, err := n.find(ctx, a)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if err := runs.Send(ctx, t, watcher.Ref(), name, payload); err != nil {
		return 0, err
	}
	return a.accepted(watcher.Ref(), name, done)
}

func (a *app) accepted(ref runs.Ref, name, done string) (int, error) {
	if a.json {
		return exitDone, a.document(accepted{Ref: ref, Request: name, Accepted: true})
	}
	_, err := fmt.Fprintf(a.terminal.Out, "%s: %s\n", ref.WorkflowID, done)
	return exitDone, err
}

// by names the person who asks.
type by struct {
	By string `help:"Who asks, for the report; default: the user and the host." placeholder:"NAME"`
}

type pauseCommand struct {
	named
	by
	Reason string `help:"Why, for the report."`
}

func (c *pauseCommand) run(ctx context.Context, a *app) (int, error) {
	return c.request(ctx, a, contract.RequestPause, contract.Pause{By: who(c.By), Reason: c.Reason},
		"paused; nodes already begun are finished, no other is begun")
}

type resumeCommand struct {
	named
	by
}

func (c *resumeCommand) run(ctx context.Context, a *app) (int, error) {
	return c.request(ctx, a, contract.RequestResume, contract.Resume{By: who(c.By)}, "resumed")
}

type throttleCommand struct {
	named
	by
	MiBps int `arg:"" name:"mibps" help:"MiB/s for each copy; 0 for no limit."`
}

func (c *throttleCommand) run(ctx context.Context, a *app) (int, error) {
	done := fmt.Sprintf("copies are limited to %d MiB/s each", c.MiBps)
	if c.MiBps == 0 {
		done = "copies are no longer limited"
	}
	return c.request(ctx, a, contract.RequestThrottle, contract.Throttle{MiBps: c.MiBps, By: who(c.By)}, done)
}

type abortCommand struct {
	named
	by
	Node   string `arg:"" help:"The secondary to give up."`
	Reason string `help:"Why, for the report."`
}

func (c *abortCommand) run(ctx context.Context, a *app) (int, error) {
	return c.request(ctx, a, contract.RequestAbort, contract.Abort{Node: c.Node, By: who(c.By), Reason: c.Reason},
		c.Node+" is given up; past its erase it stays fenced until a new run has proven it")
}

type cancelCommand struct{ named }

func (c *cancelCommand) run(ctx context.Context, a *app) (int, error) {
	t, watcher, err := c.find(ctx, a)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if err := runs.Cancel(ctx, t, watcher.Ref()); err != nil {
		return 0, err
	}
	return a.accepted(watcher.Ref(), "cancel",
		"asked to stop at its next safe point; a node past its erase is finished. See: starter watch "+report.Quoted(watcher.Ref().WorkflowID))
}
