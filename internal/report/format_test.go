package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1: "1 byte", 1023: "1,023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB", 1024*1024 - 1: "1.0 MiB", 157601792: "150.3 MiB",
		1 << 30: "1.0 GiB", 1 << 40: "1.0 TiB", math.MaxInt64: "8.0 EiB",
	} {
		assert.Equal(t, want, bytesText(n), n)
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 45 * time.Millisecond: "45 ms", 400 * time.Millisecond: "0.4 s", 12340 * time.Millisecond: "12.3 s", 59940 * time.Millisecond: "59.9 s",
		59960 * time.Millisecond: "1 min", 192 * time.Second: "3 min 12 s", time.Hour - time.Millisecond: "1 h", 125 * time.Minute: "2 h 5 min",
		26 * time.Hour: "26 h", -3 * time.Second: "-3.0 s",
	} {
		assert.Equal(t, want, durationText(d), d.String())
	}
}

func TestNumbers(t *testing.T) {
	assert.Equal(t, "1,204,332", number(1204332))
	assert.Equal(t, "999", number(999))
	assert.Equal(t, "-1,000", number(-1000))
	assert.Equal(t, "1 secondary", count(1, "secondary"))
	assert.Equal(t, "2 secondaries", count(2, "secondary"))
	assert.Equal(t, "0 tables", count(0, "table"))
	assert.Equal(t, "", timeText(time.Time{}))
	assert.Equal(t, "2031-03-04 11:00:00 UTC", timeText(time.Date(2031, 3, 4, 12, 0, 0, 0, time.FixedZone("CET", 3600))))
}

func TestLongGTIDSetsAreCutInReportsAndWholeInPlans(t *testing.T) {
	var parts []string
	for i := range 100 {
		parts = append(parts, fmt.Sprintf("%s:1-%d", uuid("561"), i+1))
	}
	set := strings.Join(parts, ",\n")
	cut := gtids(set)
	assert.Less(t, len(cut), maxGTIDs+100)
	assert.Contains(t, cut, "the run's result holds all")
	assert.True(t, strings.HasPrefix(cut, parts[0]+", "+parts[1]))

	plan := examplePlan()
	plan.Secondaries[0].Loss = contract.Loss{ErrantGTIDs: set, Transactions: 5050}
	made := ApprovalMail(contract.Report{Cluster: "shop", WorkflowID: "w", Plan: plan}, noon, "")
	for _, part := range parts {
		require.Contains(t, made.HTML, part, "an approval covers all of it")
		require.Contains(t, made.Text, part)
	}
	assert.Contains(t, gtids(strings.Repeat("x", 5000)), "5,000", "a set without a comma is cut as well")
}

func TestTextIsWrappedButCommandsAreNot(t *testing.T) {
	report := exampleReports()["refused-preconditions"]
	long := "GRANT " + strings.Repeat("A_PRIVILEGE, ", 30) + "X ON *.* TO 'resync'@'%';"
	report.Plan.Findings[0].Remedy = long
	report.Reason = strings.Repeat("word ", 200) + strings.Repeat("x", 120)
	made := Mail(report, "")
	assert.Contains(t, made.Text, "    "+long+"\n")
	assert.Contains(t, made.Text, strings.Repeat("x", 120), "a word is never broken")
	for _, line := range strings.Split(made.Text, "\n") {
		if strings.HasPrefix(line, "word") {
			assert.LessOrEqual(t, len(line), width)
		}
	}
}

// A live table of a very large cluster stays short, and what needs attention is in it.
func TestLiveShowsNodesInTroubleOfLargeClustersFirst(t *testing.T) {
	progress := contract.Progress{Cluster: "big", Phase: contract.PhaseNodes}
	for i := range 1000 {
		node := contract.NodeProgress{Name: fmt.Sprintf("n%d", i), Donor: "n0"}
		switch i {
		case 990:
			node.Standing = contract.StandingFenced
		case 995:
			node.Step = contract.StepClone
		}
		progress.Nodes = append(progress.Nodes, node)
	}
	live := Live(progress)
	assert.Contains(t, live, "| n990 | **fenced** |")
	assert.Contains(t, live, "| n995 | clone |")
	assert.Contains(t, live, "| n97 |")
	assert.NotContains(t, live, "| n98 |")
	assert.Contains(t, live, "and 900 nodes")
	assert.Less(t, len(live), 16<<10)
	assert.Equal(t, "n0", progress.Nodes[0].Name, "the input is left as it was")
}

func TestBarIsFullOnlyAtTheEnd(t *testing.T) {
	assert.Equal(t, "░░░░░░░░░░ 0 %", bar(0, 10))
	assert.Equal(t, "█████████░ 99 %", bar(9999, 10000))
	assert.Equal(t, "██████████ 100 %", bar(10, 10))
	assert.Equal(t, "██████████ 100 %", bar(11, 10), "a total that was an estimate")
}

// The same report after a trip through JSON, as Temporal sends it, reads the same.
func TestReportsReadTheSameAfterJSON(t *testing.T) {
	for name, report := range exampleReports() {
		data, err := json.Marshal(report)
		require.NoError(t, err)
		var again contract.Report
		require.NoError(t, json.Unmarshal(data, &again))
		assert.Equal(t, Mail(report, uiURL), Mail(again, uiURL), name)
	}
}

func TestAFailingTemplateStillGivesAMail(t *testing.T) {
	kept := errTemplate
	t.Cleanup(func() { errTemplate = kept })
	require.NoError(t, errTemplate)
	errTemplate = assert.AnError
	made := Mail(exampleReports()["diverged"], uiURL)
	assert.Contains(t, made.HTML, "<pre>DIVERGED")
}
