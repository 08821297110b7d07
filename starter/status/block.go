package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// barWidth leaves room for the bytes, the rate and the remaining time on a terminal of 80 characters.
const barWidth = 10

// Block is the run as one block of lines, at a moment. The order is fixed: what the run is and where it stands, what keeps it, what
// a person should do, then each node with one line for its step and one for each thing that is wrong.
func Block(s Snapshot, now time.Time) []terminal.Line {
	lines := []terminal.Line{{Text: headline(s, now), Style: terminal.Bold}}
	add := func(style terminal.Style, format string, args ...any) {
		// What needs a person is shown whole; the rest may be cut where the terminal is narrow.
		lines = append(lines, terminal.Line{Text: terminal.Clean(fmt.Sprintf(format, args...)), Style: style, Fold: style == terminal.Yellow})
	}
	if s.Away != "" {
		add(terminal.Yellow, "  %s%s", s.Away, lastAnswer(s, now))
	}
	if s.Phase == contract.PhaseApproval && s.Plan != nil {
		until := ""
		if !s.ApprovalUntil.IsZero() {
			until = ", expires in " + span(s.ApprovalUntil.Sub(now))
		}
		add(terminal.Yellow, "  plan %s awaits approval%s", s.Plan.ID, until)
	}
	if s.Waiting != "" {
		add(terminal.Yellow, "  waiting: %s", s.Waiting)
	}
	if s.Paused {
		add(terminal.Yellow, "  paused: no other node is begun until it is resumed")
	}
	if s.Stopping != "" {
		add(terminal.Yellow, "  stopping: %s", s.Stopping)
	}
	if s.ThrottleMiBps > 0 {
		add(terminal.Dim, "  copies limited to %d MiB/s each", s.ThrottleMiBps)
	}
	for _, attempt := range s.Trouble {
		add(terminal.Yellow, "  %s", attemptText(attempt, now))
	}
	width := nameWidth(s.Nodes)
	for _, node := range s.Nodes {
		style := terminal.Plain
		switch node.Standing {
		case contract.StandingProven, contract.StandingVerified:
			style = terminal.Green
		case contract.StandingFenced, contract.StandingUnknown, contract.StandingDiverged:
			style = terminal.Red
		}
		add(style, "  %-*s  %s", width, node.Name, NodeText(node, now))
		for _, attempt := range node.Trouble {
			add(terminal.Yellow, "  %-*s  %s", width, "", attemptText(attempt, now))
		}
	}
	if n := len(s.RefusedRequests); n > 0 {
		add(terminal.Yellow, "  refused request: %s", s.RefusedRequests[n-1])
	}
	return lines
}

func headline(s Snapshot, now time.Time) string {
	mode, cluster, phase := string(s.Mode), s.Cluster, string(s.Phase)
	if mode == "" {
		mode = "run"
	}
	if cluster != "" {
		mode += " of " + cluster
	}
	if phase == "" {
		phase = "running"
	}
	if s.Phase == contract.PhaseNodes {
		done := 0
		for _, node := range s.Nodes {
			if node.Standing != "" {
				done++
			}
		}
		phase = fmt.Sprintf("%d of %d nodes done", done, len(s.Nodes))
	}
	since := ""
	if !s.Started.IsZero() {
		since = " · " + span(now.Sub(s.Started))
	}
	return terminal.Clean(fmt.Sprintf("%s · %s%s · %s", mode, phase, since, s.WorkflowID))
}

func lastAnswer(s Snapshot, now time.Time) string {
	if s.AnsweredAt.IsZero() {
		return ""
	}
	return fmt.Sprintf("; below is what it said %s ago", span(now.Sub(s.AnsweredAt)))
}

func nameWidth(nodes []Node) int {
	width := 0
	for _, node := range nodes {
		width = max(width, len(node.Name))
	}
	return min(width, 24)
}

// NodeText is where one node stands, in one line without its name.
func NodeText(node Node, now time.Time) string {
	if node.Standing != "" {
		return string(node.Standing)
	}
	if node.Step == "" {
		if node.Open {
			return "beginning"
		}
		return "waiting for its turn"
	}
	parts := []string{string(node.Step)}
	if node.Detail != nil {
		parts = append(parts, detailText(*node.Detail)...)
	}
	if node.Donor != "" && node.Step == contract.StepClone {
		parts = append(parts, "from "+node.Donor)
	}
	if !node.Since.IsZero() {
		parts = append(parts, "for "+span(now.Sub(node.Since)))
	}
	return strings.Join(parts, "  ")
}

func detailText(detail contract.StepProgress) []string {
	var parts []string
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	add(detail.Stage)
	if detail.TotalBytes > 0 {
		add(fmt.Sprintf("%s %3d%%", bar(detail.Bytes, detail.TotalBytes, barWidth), percent(detail.Bytes, detail.TotalBytes)))
		add(amountOf(detail.Bytes, detail.TotalBytes))
	} else if detail.Bytes > 0 {
		add(amount(detail.Bytes) + ", total unknown")
	}
	if detail.TotalTables > 0 {
		add(fmt.Sprintf("%d of %d tables", detail.Tables, detail.TotalTables))
	}
	if detail.Rows > 0 {
		add(fmt.Sprintf("%d rows", detail.Rows))
	}
	if detail.MiBps > 0 {
		add(fmt.Sprintf("%.1f MiB/s", detail.MiBps))
	}
	if detail.Waiting != "" {
		add("waiting: " + detail.Waiting)
	} else if detail.Bytes > 0 || detail.TotalBytes > 0 {
		if remaining, known := Remaining(&detail); known {
			add("ETA " + span(remaining))
		} else {
			add("ETA unknown")
		}
	}
	return parts
}

func attemptText(attempt Attempt, now time.Time) string {
	text := fmt.Sprintf("%s: attempt %d", attempt.Activity, attempt.Attempt)
	if !attempt.Next.IsZero() {
		text += " in " + span(attempt.Next.Sub(now))
	}
	if attempt.LastFailure != "" {
		text += ", the last one failed: " + attempt.LastFailure
	}
	return text
}
