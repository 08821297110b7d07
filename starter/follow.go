package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/status"
	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// view shows a run that is followed.
type view interface {
	// Show brings the view up to date.
	Show(status.Snapshot)
	// Close leaves the screen as something else may go on with it.
	Close()
}

func newView(stream *terminal.Stream) view {
	if stream.IsTerminal() {
		return &blockView{terminal.NewBlock(stream)}
	}
	return &logView{stream: stream}
}

type blockView struct{ block *terminal.Block }

func (v *blockView) Show(s status.Snapshot) { v.block.Draw(status.Block(s, time.Now())) }
func (v *blockView) Close()                 { v.block.Clear() }

type logView struct {
	stream *terminal.Stream
	log    status.Log
}

func (v *logView) Show(s status.Snapshot) {
	now := time.Now()
	for _, line := range v.log.Next(s, now) {
		fmt.Fprintf(v.stream, "%s %s\n", now.UTC().Format("15:04:05"), line)
	}
}
func (v *logView) Close() {}

// jsonView writes each snapshot that says something new as one line.
type jsonView struct {
	stream *terminal.Stream
	last   string
}

func (v *jsonView) Show(s status.Snapshot) {
	line, err := json.Marshal(struct {
		Progress status.Snapshot `json:"progress"`
	}{s})
	if err != nil {
		return
	}
	// The times of the look and of the answer alone are no news.
	still := s
	still.At, still.AnsweredAt = time.Time{}, time.Time{}
	if key, _ := json.Marshal(still); string(key) != v.last {
		v.last = string(key)
		fmt.Fprintf(v.stream, "%s\n", line)
	}
}
func (v *jsonView) Close() {}

// interrupted is returned when the person left; the run goes on.
type interrupted struct{ last status.Snapshot }

func (*interrupted) Error() string { return "interrupted" }

// follow looks at a run until it closes or until says so, and shows each look. It outlives a worker that is away and a Temporal
// that does not answer.
func (a *app) follow(ctx context.Context, watcher *runs.Watcher, shown view, until func(status.Snapshot) bool) (last status.Snapshot, closed bool, err error) {
	defer shown.Close()
	last = status.Snapshot{WorkflowID: watcher.Ref().WorkflowID, RunID: watcher.Ref().RunID}
	for {
		snapshot, closed, err := watcher.Look(ctx)
		switch {
		case ctx.Err() != nil:
			return last, false, &interrupted{last}
		case err != nil && !transient(err):
			return last, false, err
		case err != nil:
			last.Away = "Temporal does not answer, trying on: " + err.Error()
			shown.Show(last)
		case closed:
			return snapshot, true, nil
		default:
			last = snapshot
			shown.Show(last)
			if until(last) {
				return last, false, nil
			}
		}
		select {
		case <-ctx.Done():
			return last, false, &interrupted{last}
		case <-time.After(a.look):
		}
	}
}

// farewell tells somebody who leaves a run that it goes on, how to come back to it and how to stop it.
func (a *app) farewell(ref runs.Ref, last status.Snapshot) {
	name := addressed(ref, last.Cluster)
	a.note("%s goes on without you (run %s).", ref.WorkflowID, ref.RunID)
	if last.Phase == contract.PhaseApproval && last.Plan != nil {
		a.note("  approve its plan:           starter approve %s --plan %s", name, report.Quoted(last.Plan.ID))
		a.note("  reject its plan:            starter reject %s --plan %s", name, report.Quoted(last.Plan.ID))
	}
	a.note("  come back:                  starter watch %s", name)
	a.note("  stop it at a safe point:    starter cancel %s", name)
}

// toTheEnd follows a run until it has closed and prints its report.
func (a *app) toTheEnd(ctx context.Context, t *session, watcher *runs.Watcher, shown view) (int, error) {
	return a.untilClosed(ctx, t, watcher, shown, a.show)
}

// untilClosed follows a run and hands over how it closed; a person who leaves before is told how to come back.
func (a *app) untilClosed(
	ctx context.Context, t *session, watcher *runs.Watcher, shown view, closed func(runs.Closing) (int, error),
) (int, error) {
	_, _, err := a.follow(ctx, watcher, shown, func(status.Snapshot) bool { return false })
	if left, ok := err.(*interrupted); ok {
		a.farewell(watcher.Ref(), left.last)
		return exitInterrupted, nil
	}
	if err != nil {
		return 0, err
	}
	closing, err := runs.Close(ctx, t, watcher.Ref())
	if err != nil {
		return 0, err
	}
	return closed(closing)
}
