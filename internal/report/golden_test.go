package report

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var update = flag.Bool("update", false, "write testdata anew; read the difference before committing it")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test ./internal/report -update")
	assert.Equal(t, string(want), got)
}

func goldenMail(t *testing.T, name string, made Rendered) {
	t.Helper()
	golden(t, name+".txt", "Subject: "+made.Subject+"\n\n"+made.Text)
	golden(t, name+".html", made.HTML)
}

func TestReports(t *testing.T) {
	for name, report := range exampleReports() {
		t.Run(name, func(t *testing.T) { goldenMail(t, name, Mail(report, uiURL)) })
	}
}

func TestEveryOutcomeHasAnExample(t *testing.T) {
	seen := map[contract.Outcome]bool{}
	for _, report := range exampleReports() {
		seen[report.Outcome] = true
	}
	for _, outcome := range []contract.Outcome{contract.OutcomeSucceeded, contract.OutcomePlanned, contract.OutcomeVerified, contract.OutcomeDiverged,
		contract.OutcomePartlySucceeded, contract.OutcomeRefused, contract.OutcomeRejected, contract.OutcomeExpired, contract.OutcomeAlreadyRunning,
		contract.OutcomeCancelled, contract.OutcomeFailed} {
		assert.True(t, seen[outcome], outcome)
	}
}

func TestApprovalMails(t *testing.T) {
	report := exampleReport("")
	report.Ended = time.Time{}
	goldenMail(t, "approval", ApprovalMail(report, noon.Add(24*time.Hour), uiURL))

	report.WorkflowID = "ana's $(run) 7"
	report.Plan = examplePlan()
	report.Plan.Mode = contract.ModeRepair
	report.Plan.Secondaries[1].Loss = contract.Loss{}
	report.Plan.Secondaries[2].Loss = contract.Loss{Unknown: "it has data under an empty GTID set"}
	goldenMail(t, "approval-repair-odd-id", ApprovalMail(report, time.Time{}, uiURL+"/ui/namespaces/prod/workflows"))
}

func TestPlanTexts(t *testing.T) {
	golden(t, "plan.txt", PlanText(*examplePlan()))
	golden(t, "plan-failing.txt", PlanText(*failingPlan()))
	golden(t, "plan-rescue.txt", PlanText(*rescuePlan()))
}

func TestLiveTables(t *testing.T) {
	for name, progress := range exampleProgress() {
		t.Run(name, func(t *testing.T) { golden(t, name+".md", Live(progress)) })
	}
}
