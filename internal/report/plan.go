package report

import (
	"fmt"
	"slices"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func planDocument(plan contract.Plan) document {
	d := document{Badge: "plan", Tone: toneGood, Subject: about(plan.Mode, plan.Cluster), Headline: wouldDo(plan)}
	if len(plan.Failures()) > 0 {
		d.Tone = toneBad
		d.Lead = []string{fmt.Sprintf("A run would be refused: %s failed.", count(int64(len(plan.Failures())), "check"))}
	}
	d.addSection(findingsSection("What stands in the way", plan.Failures()))
	d.addSection(planSection(plan))
	d.addSection(lossSection(plan))
	d.addSection(settingsSection(plan))
	d.addSection(findingsSection("Warnings", plan.Warnings()))
	return d
}

// wouldDo is a plan in one sentence, what it destroys included.
func wouldDo(plan contract.Plan) string {
	chosen := plan.Chosen()
	if len(chosen) == 0 {
		return fmt.Sprintf("There is nothing to do on %s: no secondary is chosen.", clusterName(plan.Cluster))
	}
	var some []string
	for _, node := range chosen {
		some = append(some, node.Name)
	}
	text := ""
	who := fmt.Sprintf("%s of %s (%s)", count(int64(len(chosen)), "secondary"), clusterName(plan.Cluster), names(some))
	switch plan.Mode {
	case contract.ModeVerify:
		return "The run would compare " + who + " with the primary and change nothing."
	case contract.ModeRepair:
		text = "The run would compare " + who + " with the primary, and erase and refill each that differs"
	default:
		text = "The run would erase and refill " + who
	}
	rescues := slices.ContainsFunc(chosen, func(node contract.PlanNode) bool { return kept(plan, node.Loss) })
	switch {
	case rescues && plan.Destroys():
		text += ", keeping in the archive some of the writes that the primary does not have, and destroying the others"
	case rescues:
		text += ", after it has kept in the archive the writes that the primary does not have"
	case plan.Destroys():
		text += ", destroying writes that the primary does not have"
	}
	return text + "."
}

func planSection(plan contract.Plan) section {
	one := section{Title: "Plan " + plan.ID}
	t := &table{Head: []string{"Node", "Part", "Data", "Lag", "When the plan was made"}}
	t.Rows = append(t.Rows, planRow(plan.Primary, "primary", "follows nobody"))
	for _, node := range plan.Secondaries {
		t.Rows = append(t.Rows, planRow(node, part(plan.Mode, node), "does not follow"))
	}
	one.add(block{Table: t})
	var f fields
	if plan.Mode != contract.ModeVerify && len(plan.Chosen()) > 0 {
		one.add(waveBlocks(plan)...)
		if least := leastCopies(plan); least >= 0 {
			f.add("Fewest copies", count(int64(least), "whole copy")+" of the data at any moment, the primary's included")
		}
		f.add("Estimated", estimated(plan.Estimate))
		if plan.Estimate != nil {
			f.add("Reckoned from", plan.Estimate.Basis)
		}
		f.add("Hooks", hooks(plan.Hooks))
	}
	f.add("Kept in service", fmt.Sprintf("at least %s while others are down", count(int64(plan.MinServing), "secondary")))
	f.add("Unreplicated writes", string(plan.UnreplicatedWrites))
	f.add("Made", timeText(plan.MadeAt))
	f.add("Inventory", plan.InventoryHash)
	if passed := len(plan.Findings) - len(plan.Failures()) - len(plan.Warnings()); len(plan.Findings) > 0 {
		f.add("Checks", fmt.Sprintf("%d passed, %d warned, %d failed", passed, len(plan.Warnings()), len(plan.Failures())))
	}
	one.addFields(f)
	return one
}

// settingsSection is what the approval covers besides the loss.
func settingsSection(plan contract.Plan) section {
	one := section{Title: "Settings that would be brought in line"}
	for _, node := range plan.Chosen() {
		if len(node.Settings) == 0 {
			continue
		}
		one.add(strong(node.Name))
		for _, change := range node.Settings {
			one.add(code(change.Statement()+";"), paragraph(fmt.Sprintf("It is %q now: %s.", change.From, change.Why)))
		}
	}
	return one
}

func planRow(node contract.PlanNode, part, unled string) []cell {
	lag := unled
	if node.LagSeconds >= 0 {
		lag = durationSeconds(node.LagSeconds)
	}
	if part == "primary" {
		lag = ""
	}
	data := bytesText(node.DataBytes)
	if !node.Reachable {
		data, lag = "unknown", "unknown"
	}
	state := node.State
	if node.Version != "" {
		state += " (MySQL " + node.Version + ")"
	}
	return []cell{tight(node.Name), text(part), tight(data), text(lag), text(state)}
}

// part is what a plan does to a secondary.
func part(mode contract.Mode, node contract.PlanNode) string {
	switch {
	case !node.Reachable:
		return "unreachable"
	case !node.Chosen:
		return "left alone"
	case mode == contract.ModeVerify:
		return "compare"
	case mode == contract.ModeRepair:
		return "compare, resync if different"
	default:
		return "erase and refill"
	}
}

func findingsSection(title string, findings []contract.Finding) section {
	one := section{Title: title}
	for _, finding := range findings {
		node := finding.Node
		if node == "" {
			node = "cluster"
		}
		one.add(strong(node + ": " + finding.Code))
		var f fields
		f.add("Seen", finding.Observed)
		f.add("Wanted", finding.Wanted)
		one.addFields(f)
		if finding.Remedy != "" {
			one.add(code(finding.Remedy))
		}
	}
	return one
}
