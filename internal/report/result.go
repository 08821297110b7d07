package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func resultDocument(report contract.Report, where place) document {
	n := tallyOf(report)
	d := document{
		Badge: outcomeWords(report.Outcome), Tone: outcomeTone(report, n),
		Subject:  about(report.Mode, report.Cluster),
		Headline: headline(report, n),
	}
	// Of a run without a fault the headline says all, and no more than its proofs do.
	if report.Reason != "" && report.Outcome != contract.OutcomeSucceeded && report.Outcome != contract.OutcomeVerified {
		d.Lead = append(d.Lead, full(report.Reason))
	}
	if len(n.withoutRows) > 0 {
		d.Lead = append(d.Lead, "Not every row was compared on "+names(n.withoutRows)+". What is said of equality there goes as far as the "+
			"layers below say, no further.")
	}
	d.addSection(nodesNow(report))
	if report.Plan != nil {
		d.addSection(findingsSection("What stands in the way", report.Plan.Failures()))
	}
	for _, node := range report.Nodes {
		d.addSection(nodeSection(node))
	}
	d.addSection(watchSection(report.Watch))
	d.addSection(notesSection(report.Notes))
	if report.Plan != nil {
		if report.Outcome == contract.OutcomePlanned || report.Outcome == contract.OutcomeRefused {
			d.addSection(lossSection(*report.Plan))
			d.addSection(settingsSection(*report.Plan))
		}
		d.addSection(planSection(*report.Plan))
		d.addSection(findingsSection("Warnings", report.Plan.Warnings()))
	}
	d.addSection(runSection(report, where))
	return d
}

// headline is the outcome in one sentence.
func headline(report contract.Report, n tally) string {
	cluster := clusterName(report.Cluster)
	on := ""
	if report.Cluster != "" {
		on = " on " + cluster
	}
	text := ""
	switch report.Outcome {
	case contract.OutcomeSucceeded:
		text = fmt.Sprintf("%s of %s %s", upper(n.all()), cluster, succeeded(n))
	case contract.OutcomePlanned:
		text = fmt.Sprintf("The plan for %s is made; nothing was changed", cluster)
		if report.Plan != nil && len(report.Plan.Failures()) > 0 {
			text = fmt.Sprintf("The plan for %s is made, but a run would be refused: %s failed; nothing was changed",
				cluster, count(int64(len(report.Plan.Failures())), "check"))
		}
	case contract.OutcomeVerified:
		text = fmt.Sprintf("%s of %s %s; nothing was changed", upper(n.all()), cluster, equal(n))
	case contract.OutcomeDiverged:
		text = fmt.Sprintf("%s of %s %s from the primary; nothing was changed", upper(n.of(int64(len(n.diverged)))), cluster,
			verb(len(n.diverged), "differs", "differ"))
	case contract.OutcomePartlySucceeded:
		text = fmt.Sprintf("%s of %s %s proven and in service, the others are not", upper(n.of(n.good())), cluster, verb(int(n.good()), "is", "are"))
	case contract.OutcomeCancelled:
		text = "The run" + on + " was stopped before it changed anything"
		if n.chosen > 0 {
			text = fmt.Sprintf("The run%s was stopped at a safe point; %s %s proven", on, n.of(n.good()), verb(int(n.good()), "is", "are"))
		}
	case contract.OutcomeFailed:
		text = fmt.Sprintf("No secondary of %s is proven equal to the primary", cluster)
		if changedNothing(report) {
			text += "; nothing was changed"
		}
	case contract.OutcomeRefused:
		text = "The run" + on + " was refused; nothing was changed"
	case contract.OutcomeRejected:
		text = fmt.Sprintf("The plan for %s was rejected; nothing was changed", cluster)
	case contract.OutcomeExpired:
		text = fmt.Sprintf("Nobody approved the plan for %s in time; nothing was changed", cluster)
	case contract.OutcomeAlreadyRunning:
		text = fmt.Sprintf("Another run holds %s; this one changed nothing", cluster)
	default:
		text = "The run" + on + " ended without an outcome: look at every node before it is used"
	}
	if len(n.unusable) > 0 {
		text += fmt.Sprintf("; %s must not be used", names(n.unusable))
	}
	return text + "."
}

func succeeded(n tally) string {
	text := verb(int(n.chosen), "is", "are") + " proven equal to the primary and in service"
	if len(n.withoutRows) > 0 {
		text = verb(int(n.chosen), "agrees", "agree") + " with the primary as far as was compared, and " + verb(int(n.chosen), "is", "are") + " in service"
	}
	if n.verified > 0 {
		text += fmt.Sprintf(" (%d resynced, %d equal as found)", n.proven, n.verified)
	}
	return text
}

func equal(n tally) string {
	if len(n.withoutRows) > 0 {
		return verb(int(n.chosen), "agrees", "agree") + " with the primary as far as was compared"
	}
	return verb(int(n.chosen), "is", "are") + " proven equal to the primary"
}

// nodesNow says of every secondary how it stands and what to do. A secondary that the report does not mention is named as well: as
// before, if the outcome promises it or it was not chosen, else as unknown.
func nodesNow(report contract.Report) section {
	t := &table{Head: []string{"Node", "Standing", "Now, and what to do next"}}
	row := func(name string, standing string, tone tone, state, next string) {
		t.Rows = append(t.Rows, []cell{tight(name), badge(standing, tone), {Text: full(state), Next: full(next)}})
	}
	told := map[string]bool{}
	for _, node := range append(slices.Clip(report.Nodes), omitted(report)...) {
		told[node.Name] = true
		standing := node.Standing
		if standing == "" {
			standing = contract.StandingUnknown
		}
		row(node.Name, string(standing), standingTone(standing), stateOf(node), nextFor(node, changedNothing(report)))
	}
	if report.Plan != nil {
		for _, node := range report.Plan.Secondaries {
			switch {
			case told[node.Name]:
			case node.Wreck:
				row(node.Name, string(contract.StandingFenced), toneBad, "As an earlier run left it: "+node.State,
					nextFor(contract.NodeReport{Standing: contract.StandingFenced}, false))
			case node.Chosen:
				row(node.Name, string(contract.StandingUntouched), toneQuiet, "As before. When the plan was made: "+node.State, "")
			default:
				row(node.Name, string(contract.StandingUntouched), toneQuiet, "Not part of this run. When the plan was made: "+node.State, "")
			}
		}
	}
	one := section{Title: "Nodes now"}
	if len(t.Rows) > 0 {
		one.add(block{Table: t})
	}
	return one
}

func watchSection(watch *contract.WatchReport) section {
	one := section{Title: "Watched after the return"}
	if watch == nil {
		return one
	}
	one.add(paragraph(fmt.Sprintf("For %s, %s.", durationText(watch.Duration.Std()), count(int64(watch.Looks), "look"))))
	t := &table{Head: []string{"Node", "Greatest lag", "Seen"}}
	for _, node := range watch.Nodes {
		lag, seen := durationSeconds(node.MaxLagSeconds), badge("fine", toneGood)
		if node.Problem != "" {
			seen = badge(node.Problem, toneBad)
		}
		t.Rows = append(t.Rows, []cell{tight(node.Name), tight(lag), seen})
	}
	if len(t.Rows) > 0 {
		one.add(block{Table: t})
	}
	return one
}

// notesSection is what hooks answered and the like.
func notesSection(notes []string) section {
	one := section{Title: "Notes"}
	one.addList(notes)
	return one
}

func durationSeconds(seconds int64) string {
	if seconds < 0 {
		return "did not follow"
	}
	return fmt.Sprintf("%s s", number(seconds))
}

func runSection(report contract.Report, where place) section {
	var f fields
	f.add("Run ID", report.RunID)
	f.add("Workflow ID", report.WorkflowID)
	f.add("Mode", string(report.Mode))
	f.add("Asked for by", report.RequestedBy)
	if report.Approval != nil {
		f.add("Decision", decision(*report.Approval))
	}
	f.add("Began", timeText(report.Began))
	if !report.Ended.IsZero() {
		f.add("Ended", timeText(report.Ended)+", after "+durationText(report.Ended.Sub(report.Began)))
	}
	f.add("Error type", string(report.ErrorType))
	f.add("Audit record", report.Audit)
	f.add("Mail", report.Mail)
	if link := where.link(report.WorkflowID, report.RunID); link != "" {
		f = append(f, field{Label: "See it", Value: link, Link: link})
	}
	one := section{Title: "This run"}
	one.addFields(f)
	if report.WorkflowID != "" {
		one.add(paragraph("The whole report, as JSON:"), code(where.show(report.WorkflowID, report.RunID)))
	}
	return one
}

func decision(approval contract.Approval) string {
	verb := "rejected"
	if approval.Approved {
		verb = "approved"
	}
	parts := []string{verb}
	if approval.By != "" {
		parts = append(parts, "by "+approval.By)
	}
	if approval.InAdvance {
		parts = append(parts, "in advance")
	}
	if at := timeText(approval.At); at != "" {
		parts = append(parts, "at "+at)
	}
	if approval.Comment != "" {
		parts = append(parts, "saying: "+approval.Comment)
	}
	return strings.Join(parts, " ")
}
