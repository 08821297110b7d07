package status

import (
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// beatEvery is how often a step that only moves on is mentioned in appended output.
const beatEvery = 30 * time.Second

// Log turns a row of snapshots into lines that are only ever appended: one for each change that matters, and the bytes of a long
// step now and then.
type Log struct {
	run string
	// waited is when it was last said what the run waits for.
	waited time.Time
	nodes  map[string]logged
	said   map[string]bool
}

type logged struct {
	state string
	at    time.Time
}

// Next gives the lines that the snapshot adds to those before it.
func (l *Log) Next(s Snapshot, now time.Time) []string {
	if l.nodes == nil {
		l.nodes, l.said = map[string]logged{}, map[string]bool{}
	}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, terminal.Clean(fmt.Sprintf(format, args...))) }

	if run := fmt.Sprint(s.Phase, "|", s.Away, "|", s.Paused, "|", s.Stopping, "|", s.ThrottleMiBps); run != l.run {
		l.run = run
		// The headline's duration and count belong to a block; a line says what changed.
		phase := string(s.Phase)
		if phase == "" {
			phase = "running"
		}
		if s.Phase == contract.PhaseApproval && s.Plan != nil {
			phase += " of plan " + s.Plan.ID
		}
		if s.Paused {
			phase += ", paused"
		}
		if s.Stopping != "" {
			phase += ", stopping: " + s.Stopping
		}
		if s.ThrottleMiBps > 0 {
			phase += fmt.Sprintf(", limited to %d MiB/s", s.ThrottleMiBps)
		}
		if s.Away != "" {
			phase += "; " + s.Away + lastAnswer(s, now)
		}
		add("%s: %s", s.WorkflowID, phase)
	}
	if s.Waiting != "" && now.Sub(l.waited) >= beatEvery {
		l.waited = now
		add("%s: waiting: %s", s.WorkflowID, s.Waiting)
	}
	for _, attempt := range s.Trouble {
		l.trouble(add, "", attempt, now)
	}
	for _, node := range s.Nodes {
		state := stateOf(node)
		before, known := l.nodes[node.Name]
		if node.Step == "" && node.Standing == "" && !known {
			continue
		}
		if state != before.state || (node.Standing == "" && node.Detail != nil && now.Sub(before.at) >= beatEvery) {
			l.nodes[node.Name] = logged{state, now}
			add("%s: %s", node.Name, NodeText(node, now))
		}
		for _, attempt := range node.Trouble {
			l.trouble(add, node.Name+": ", attempt, now)
		}
	}
	for _, refused := range s.RefusedRequests {
		if !l.said[refused] {
			l.said[refused] = true
			add("refused request: %s", refused)
		}
	}
	return lines
}

func (l *Log) trouble(add func(string, ...any), who string, attempt Attempt, now time.Time) {
	key := fmt.Sprint(who, attempt.Activity, attempt.Attempt, attempt.LastFailure)
	if !l.said[key] {
		l.said[key] = true
		add("%s%s", who, attemptText(attempt, now))
	}
}

// stateOf is what makes a line when it changes. A copy has a handful of stages; those of a proof are its tables, which may be
// thousands and are mentioned now and then.
func stateOf(node Node) string {
	state := fmt.Sprint(node.Step, "|", node.Standing)
	if node.Detail != nil {
		state += "|told|" + node.Detail.Waiting
		if node.Step == contract.StepClone {
			state += "|" + node.Detail.Stage
		}
	}
	return state
}
