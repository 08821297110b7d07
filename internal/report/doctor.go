package report

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// DoctorText is what the checks of a plan found amiss, for a terminal: every finding that does not pass, with its remedy, and those
// remedies that are SQL once more as one block for each node.
func DoctorText(plan contract.Plan) string { return plain(doctorDocument(plan).cleaned()) }

func doctorDocument(plan contract.Plan) document {
	failures, warnings := len(plan.Failures()), len(plan.Warnings())
	d := document{Badge: "ready", Tone: toneGood, Subject: clusterName(plan.Cluster), Headline: "A resync would be accepted."}
	switch {
	case failures > 0:
		d.Badge, d.Tone, d.Headline = "not ready", toneBad, "A resync would be refused."
	case warnings > 0:
		d.Badge, d.Tone = "ready, with warnings", toneWarn
	}
	d.Headline += fmt.Sprintf(" Checks: %d passed, %d warned, %d failed.", len(plan.Findings)-failures-warnings, warnings, failures)
	d.addSection(findingsSection("What stands in the way", plan.Failures()))
	d.addSection(findingsSection("Warnings", plan.Warnings()))
	d.addSection(pasteSection(plan))
	return d
}

func pasteSection(plan contract.Plan) section {
	one := section{Title: "SQL to paste"}
	for _, remedies := range RemediesOf(plan) {
		where := sentence(" ", remedies.Node, parenthesised(remedies.Address))
		if remedies.Primary {
			where += ", the primary"
		}
		one.add(paragraph("On "+where+":"), code(remedies.pasted()))
	}
	if len(one.Blocks) == 0 {
		return one
	}
	note := "Read it before you paste it. What else there is to do stands above."
	for _, b := range one.Blocks {
		if strings.Contains(b.Code, "'<") {
			note = "Read it before you paste it, and put your own values where < and > are. What else there is to do stands above."
		}
	}
	one.Blocks = append([]block{paragraph(note)}, one.Blocks...)
	return one
}

func parenthesised(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}
