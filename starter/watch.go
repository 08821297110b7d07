package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/status"
)

// named is the argument of every command about a run that exists.
type named struct {
	Run string `arg:"" name:"cluster|workflow-id" help:"The cluster's name, or the run's workflow ID."`
}

// find connects and finds the run.
func (n named) find(ctx context.Context, a *app) (*session, *runs.Watcher, error) {
	t, err := a.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	ref, err := runs.Find(ctx, t, n.Run)
	if err != nil {
		t.Close()
		return nil, nil, err
	}
	return t, runs.NewWatcher(t, t.options.DataConverter, ref), nil
}

type watchCommand struct{ named }

func (c *watchCommand) run(ctx context.Context, a *app) (int, error) {
	t, watcher, err := c.find(ctx, a)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if !a.json {
		return a.toTheEnd(ctx, t, watcher, newView(a.terminal.Out))
	}
	// One document a line: {"progress":...} while the run goes on, {"report":...} at its end.
	return a.untilClosed(ctx, t, watcher, &jsonView{stream: a.terminal.Out}, func(closing runs.Closing) (int, error) {
		return closing.ExitCode(), json.NewEncoder(a.terminal.Out).Encode(map[string]any{"report": closingDocument(closing)})
	})
}

type statusCommand struct{ named }

func (c *statusCommand) run(ctx context.Context, a *app) (int, error) {
	t, watcher, err := c.find(ctx, a)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	snapshot, closed, err := watcher.Look(ctx)
	if err != nil {
		return 0, err
	}
	if closed {
		closing, err := runs.Close(ctx, t, watcher.Ref())
		if err != nil {
			return 0, err
		}
		return a.show(closing)
	}
	if a.json {
		return exitDone, a.document(snapshot)
	}
	lines(a.terminal.Out, status.Block(snapshot, snapshot.At))
	if snapshot.Plan != nil && snapshot.Approval == nil {
		fmt.Fprintln(a.terminal.Out)
		showPlan(a.terminal.Out, *snapshot.Plan)
	}
	return exitDone, nil
}
