package main

import (
	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// showPlan writes a plan for a person to a stream.
func showPlan(stream *terminal.Stream, plan contract.Plan) {
	_, _ = stream.Write([]byte(terminal.CleanLines(report.PlanText(plan))))
}

// reportText is a report for a person.
func (a *app) reportText(of contract.Report) string {
	ui, _ := a.env.LookupEnv("CLUSTERRESYNC_UI_URL")
	return terminal.CleanLines(report.Text(of, ui))
}
