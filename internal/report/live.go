package report

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// maxLiveNodes bounds the live table, whose text is sent with every look at the run. Nodes at work and nodes in trouble come first.
const maxLiveNodes = 100

// Live is a run's progress as Markdown, for Temporal's current details. It is a pure function, fit for workflow code: no clock, no map
// order, no effects. It joins strings because workflowcheck takes fmt.Fprintf, which could write anywhere, for an effect.
func Live(p contract.Progress) string {
	paragraphs := []string{"**" + markdown(about(p.Mode, p.Cluster)) + ": " + markdown(livePhase(p)) + "**"}
	paragraphs = append(paragraphs, liveNotices(p)...)
	if len(p.Nodes) > 0 {
		shown, hidden := liveOrder(p.Nodes)
		lines := []string{"| Node | Step | Done | Rate | From | Since (UTC) |", "| --- | --- | --- | --- | --- | --- |"}
		for _, node := range shown {
			lines = append(lines, "| "+strings.Join(liveRow(node), " | ")+" |")
		}
		paragraphs = append(paragraphs, strings.Join(lines, "\n"))
		if hidden > 0 {
			paragraphs = append(paragraphs, "and "+count(int64(hidden), "node")+" that wait or are in order.")
		}
	}
	if len(p.RefusedRequests) > 0 {
		lines := []string{"Refused requests, newest last:", ""}
		for _, refused := range p.RefusedRequests {
			lines = append(lines, "- "+markdown(refused))
		}
		paragraphs = append(paragraphs, strings.Join(lines, "\n"))
	}
	return strings.Join(paragraphs, "\n\n") + "\n"
}

func livePhase(p contract.Progress) string {
	switch {
	case p.Outcome != "":
		return outcomeWords(p.Outcome)
	case p.Phase == contract.PhaseNodes:
		done := 0
		for _, node := range p.Nodes {
			if node.Standing != "" {
				done++
			}
		}
		return fmt.Sprintf("%d of %s done", done, count(int64(len(p.Nodes)), "secondary"))
	default:
		return string(p.Phase)
	}
}

// liveNotices are what a reader must know besides the table, already escaped.
func liveNotices(p contract.Progress) []string {
	var notices []string
	add := func(format string, args ...any) { notices = append(notices, fmt.Sprintf(format, args...)) }
	if p.Plan != nil {
		add("**Plan %s.** %s", markdown(p.Plan.ID), markdown(wouldDo(*p.Plan)))
		if failures := len(p.Plan.Failures()); failures > 0 {
			add("%s failed:", count(int64(failures), "check"))
			for i, finding := range p.Plan.Failures() {
				if i == maxListed {
					add("- and %d more", failures-i)
					break
				}
				add("- %s", markdown(sentence(": ", sentence(" ", finding.Node, finding.Code), finding.Observed)))
			}
		}
	}
	if p.Phase == contract.PhaseApproval && p.Approval == nil {
		text := "**Waits for approve or reject**"
		if until := timeText(p.ApprovalUntil); until != "" {
			text += ", until " + until
		}
		add("%s.", text)
		if p.Plan != nil {
			for _, node := range p.Plan.Chosen() {
				switch {
				case kept(*p.Plan, node.Loss):
					add("- %s: written to the archive before its erase: %s", markdown(node.Name), markdown(lossInShort(node.Loss)))
				case !node.Loss.None():
					add("- %s would lose for good: %s", markdown(node.Name), markdown(lossInShort(node.Loss)))
				}
			}
		}
	}
	if p.Approval != nil {
		add("%s.", markdown(upper(decision(*p.Approval))))
	}
	if p.Stopping != "" {
		add("**Stopping:** %s. Nodes past their erase are finished, no other is begun.", markdown(strings.TrimRight(p.Stopping, ".")))
	}
	if p.Paused {
		add("**Paused:** no other node is begun.")
	}
	if p.ThrottleMiBps > 0 {
		add("Copies are limited to %s MiB/s each.", number(int64(p.ThrottleMiBps)))
	}
	return notices
}

func lossInShort(l contract.Loss) string {
	if l.Unknown != "" {
		return "it cannot be known what, " + l.Unknown
	}
	transactions := ""
	if l.ErrantGTIDs != "" {
		transactions = count(l.Transactions, "transaction") + " that the primary does not have"
	}
	return sentence("; ", transactions, dataInShort(l))
}

func dataInShort(l contract.Loss) string {
	var some []string
	for _, object := range l.Data() {
		some = append(some, string(object.Kind)+" "+object.Name)
	}
	return names(some)
}

// liveOrder keeps the run's order, but lets nodes at work and in trouble through first when there are too many.
func liveOrder(nodes []contract.NodeProgress) (shown []contract.NodeProgress, hidden int) {
	if len(nodes) <= maxLiveNodes {
		return nodes, 0
	}
	var rest []contract.NodeProgress
	for _, node := range nodes {
		waits := node.Standing == "" && node.Step == ""
		if waits || good(node.Standing) {
			rest = append(rest, node)
		} else {
			shown = append(shown, node)
		}
	}
	shown = append(shown, rest...)
	return shown[:maxLiveNodes], len(nodes) - maxLiveNodes
}

func liveRow(node contract.NodeProgress) []string {
	row := []string{markdown(node.Name), "waits", "", "", markdown(node.Donor), ""}
	if node.Step != "" {
		row[1] = markdown(string(node.Step))
	}
	if node.Standing != "" {
		row[1] = "**" + markdown(string(node.Standing)) + "**"
	} else if d := node.Detail; d != nil {
		if d.Stage != "" {
			row[1] += ": " + markdown(d.Stage)
		}
		if d.Waiting != "" {
			row[1] += " (waits for " + markdown(d.Waiting) + ")"
		}
		row[2], row[3] = liveDone(*d), rateText(d.MiBps)
	}
	if !node.Since.IsZero() {
		row[5] = node.Since.UTC().Format("15:04:05")
	}
	return row
}

// liveDone is how far a step is: a bar where the total is known, else what is done. An unknown total is not called 0 %.
func liveDone(d contract.StepProgress) string {
	var parts []string
	switch {
	case d.TotalBytes > 0:
		parts = append(parts, bar(d.Bytes, d.TotalBytes), bytesText(d.Bytes)+" of "+bytesText(d.TotalBytes))
	case d.Bytes > 0:
		parts = append(parts, bytesText(d.Bytes)+" of a size not known yet")
	}
	if d.TotalTables > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s", number(int64(d.Tables)), count(int64(d.TotalTables), "table")))
	}
	if d.Rows > 0 {
		parts = append(parts, count(d.Rows, "row"))
	}
	return strings.Join(parts, ", ")
}

// bar is ten blocks and a percentage, which is 100 only when all is done.
func bar(done, total int64) string {
	share := min(max(float64(done)/float64(total), 0), 1)
	blocks := int(share * 10)
	return strings.Repeat("█", blocks) + strings.Repeat("░", 10-blocks) + fmt.Sprintf(" %d %%", int(share*100))
}

// markdown escapes a foreign text for one line of Markdown, table cells included.
func markdown(s string) string {
	var result strings.Builder
	for _, r := range oneLine(s, 600) {
		switch {
		case r == '<':
			result.WriteString("&lt;")
		case r == '>':
			result.WriteString("&gt;")
		case r == '&':
			result.WriteString("&amp;")
		case strings.ContainsRune("\\`*_[]|~!#", r):
			result.WriteRune('\\')
			result.WriteRune(r)
		default:
			result.WriteRune(r)
		}
	}
	return result.String()
}
