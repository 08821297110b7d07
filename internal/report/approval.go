package report

import (
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func approvalDocument(report contract.Report, until time.Time, where place) document {
	var plan contract.Plan
	if report.Plan != nil {
		plan = *report.Plan
	}
	d := document{
		Badge: "approval needed", Tone: toneWarn, Subject: about(plan.Mode, report.Cluster), Headline: wouldDo(plan),
	}
	if plan.Destroys() {
		d.Tone = toneBad
	}
	d.Lead = append(d.Lead, "Nothing has been changed, and nothing will be until somebody approves this very plan.")
	if at := timeText(until); at != "" {
		d.Lead = append(d.Lead, "The request stands until "+at+"; after that the run ends with nothing changed.")
	}
	d.addSection(lossSection(plan))
	d.addSection(settingsSection(plan))
	d.addSection(planSection(plan))
	d.addSection(findingsSection("Warnings", plan.Warnings()))
	d.addSection(decideSection("Approve", contract.RequestApprove, report, where,
		contract.Approve{Plan: plan.ID, Cluster: report.Cluster, By: whoever},
		fmt.Sprintf(" --plan %s --confirm %s", Quoted(plan.ID), Quoted(report.Cluster))))
	d.addSection(decideSection("Reject", contract.RequestReject, report, where,
		contract.Reject{Plan: plan.ID, By: whoever},
		" --plan "+Quoted(plan.ID)))
	report.Ended = time.Time{}
	d.addSection(runSection(report, where))
	return d
}

func decideSection(title, request string, report contract.Report, where place, payload any, options string) section {
	one := section{Title: title}
	one.add(
		paragraph("With the starter:"), code(starter(request, report.WorkflowID, report.Cluster, options)),
		paragraph("With the temporal CLI:"), code(where.update(report.WorkflowID, request, payload)),
		paragraph("With tctl, which gets no answer (a refusal shows in the run's progress):"), code(where.signal(report.WorkflowID, request, payload)),
	)
	return one
}
