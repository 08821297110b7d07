package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// doctorCommand makes a plan as planCommand does and shows of it what is amiss.
type doctorCommand struct {
	choices
}

func (c *doctorCommand) run(ctx context.Context, a *app) (int, error) {
	t, watcher, err := a.start(ctx, planWorkflowID(c.Cluster), c.request(contract.ModePlan))
	if err != nil {
		return 0, err
	}
	defer t.Close()
	return a.untilClosed(ctx, t, watcher, newView(a.terminal.Err), a.diagnosis)
}

// planWorkflowID is a new one for each plan: a plan takes no lock and may be made while a run goes on.
func planWorkflowID(cluster string) string {
	return fmt.Sprintf("resync-plan/%s/%s-%d", cluster, time.Now().UTC().Format("20060102T150405.000Z"), os.Getpid())
}

// diagnosis is the JSON of a doctor's visit.
type diagnosis struct {
	runs.Ref
	Cluster string `json:"cluster"`
	// Ready says that a resync would be accepted.
	Ready    bool `json:"ready"`
	Passed   int  `json:"passed"`
	Warned   int  `json:"warned"`
	Failed   int  `json:"failed"`
	ExitCode int  `json:"exitCode"`
	// Findings are those that do not pass.
	Findings []contract.Finding `json:"findings"`
	// SQL are the remedies that are SQL, by node.
	SQL []report.Remedies `json:"sql"`
}

// diagnosis shows what the checks of a plan found. A run that made no plan, because the cluster is unknown for example, is shown as it
// closed.
func (a *app) diagnosis(closing runs.Closing) (int, error) {
	if closing.Report == nil || closing.Report.Plan == nil {
		return a.show(closing)
	}
	plan := *closing.Report.Plan
	code := exitDone
	if len(plan.Failures()) > 0 {
		code = exitRefused
	}
	if !a.json {
		_, err := fmt.Fprint(a.terminal.Out, terminal.CleanLines(report.DoctorText(plan)))
		return code, err
	}
	told := diagnosis{
		Ref: closing.Ref, Cluster: plan.Cluster, Ready: code == exitDone, Warned: len(plan.Warnings()), Failed: len(plan.Failures()), ExitCode: code,
		Findings: append(append([]contract.Finding{}, plan.Failures()...), plan.Warnings()...), SQL: report.RemediesOf(plan),
	}
	told.Passed = len(plan.Findings) - told.Warned - told.Failed
	if told.SQL == nil {
		told.SQL = []report.Remedies{}
	}
	return code, a.document(told)
}
