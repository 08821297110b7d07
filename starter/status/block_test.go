package status

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// looks are runs as they are looked at; each has a file in testdata.
var looks = map[string]Snapshot{
	"begun": {WorkflowID: "resync/shop", RunID: "r1", At: now, Started: ago(3 * time.Second)},
	"awaiting-approval": {
		WorkflowID: "resync/shop", Cluster: "shop", Mode: contract.ModeResync, Phase: contract.PhaseApproval, Started: ago(90 * time.Second),
		AnsweredAt: now, Plan: &contract.Plan{ID: "7f3a"}, ApprovalUntil: now.Add(23*time.Hour + 58*time.Minute),
		RefusedRequests: []string{"approve: older", "approve: the plan that awaits approval is 7f3a, not \"x\""},
		Nodes:           []Node{{NodeProgress: contract.NodeProgress{Name: "db2"}}, {NodeProgress: contract.NodeProgress{Name: "db3"}}},
	},
	"copying": {
		WorkflowID: "resync/shop", Cluster: "shop", Mode: contract.ModeResync, Phase: contract.PhaseNodes, Started: ago(2*time.Hour + 5*time.Minute),
		AnsweredAt: now, Paused: true, ThrottleMiBps: 40, Stopping: "asked to stop",
		Nodes: []Node{
			{NodeProgress: contract.NodeProgress{Name: "db2", Step: contract.StepReturn, Standing: contract.StandingProven}},
			{Open: true, NodeProgress: contract.NodeProgress{Name: "db-long-3", Donor: "db1", Step: contract.StepClone, Since: ago(185 * time.Second),
				Detail: &contract.StepProgress{Step: contract.StepClone, Stage: "FILE COPY", Bytes: 30 << 30, TotalBytes: 40 << 30, MiBps: 38.25}}},
			{Open: true, NodeProgress: contract.NodeProgress{Name: "db4", Step: contract.StepVerify,
				Detail: &contract.StepProgress{Step: contract.StepVerify, Stage: "shop.orders", Rows: 12345, Tables: 3, TotalTables: 17}}},
			{Open: true, NodeProgress: contract.NodeProgress{Name: "db5", Step: contract.StepClone, Detail: &contract.StepProgress{
				Step: contract.StepClone, Bytes: 10 << 20, TotalBytes: 10 << 20, Waiting: "the server is down; start mysqld on db5"}}},
			{NodeProgress: contract.NodeProgress{Name: "db6", Step: contract.StepClone, Standing: contract.StandingFenced}},
			{Open: true, NodeProgress: contract.NodeProgress{Name: "db7"}},
			{NodeProgress: contract.NodeProgress{Name: "db8"}},
		},
	},
	"failing": {
		WorkflowID: "resync/shop", Cluster: "shop", Mode: contract.ModeVerify, Phase: contract.PhaseNodes, AnsweredAt: now,
		Trouble: []Attempt{{Activity: "MailReport", Attempt: 4, LastFailure: "SendGrid answered 503", Next: now.Add(20 * time.Second)}},
		Nodes: []Node{{Open: true, NodeProgress: contract.NodeProgress{Name: "db2", Step: contract.StepClone},
			Trouble: []Attempt{{Activity: "Clone", Attempt: 2, LastFailure: "donor db1\x1b[2J\nis gone"}, {Activity: "Other", Attempt: 3}}}},
	},
	"waiting-for-quiet": {
		WorkflowID: "resync/shop", Cluster: "shop", Mode: contract.ModeResync, Phase: contract.PhaseQuiet, Started: ago(10 * time.Minute),
		AnsweredAt: now, Waiting: "14 sessions are at work on db1; wanted at most 5 for 30s, so far for 0s; until 2026-11-22T13:00:00Z",
		Nodes: []Node{{NodeProgress: contract.NodeProgress{Name: "db2"}}},
	},
	"worker-away": {
		WorkflowID: "by hand", Cluster: "shop", Mode: contract.ModeRepair, Phase: contract.PhaseNodes, AnsweredAt: ago(75 * time.Second),
		Away: "no worker polls task queue cluster-resync: the run goes on when one is started",
		Nodes: []Node{{Open: true, NodeProgress: contract.NodeProgress{Name: "db2", Step: contract.StepClone,
			Detail: &contract.StepProgress{Step: contract.StepClone, Bytes: 5 << 20}}}},
	},
}

func TestBlock(t *testing.T) {
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for _, line := range Block(look, now) {
				text.WriteString(line.Text + "\n")
			}
			path := filepath.Join("testdata", name+".txt")
			want, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) && os.Getenv("UPDATE") != "" {
				require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
			} else {
				require.NoError(t, err, "to write it: UPDATE=1 go test, and look at it")
				assert.Equal(t, string(want), text.String())
			}
		})
	}
}

func TestNothingFromAServerPaintsTheScreen(t *testing.T) {
	evil := "\x1b[2J\r\n\u202eerase"
	s := Snapshot{
		WorkflowID: evil, Cluster: evil, Mode: contract.Mode(evil), Phase: contract.PhaseApproval, Away: evil, Stopping: evil,
		Plan: &contract.Plan{ID: evil}, RefusedRequests: []string{evil}, Trouble: []Attempt{{Activity: evil, LastFailure: evil}},
		Nodes: []Node{{NodeProgress: contract.NodeProgress{Name: evil, Step: contract.Step(evil), Donor: evil,
			Detail: &contract.StepProgress{Stage: evil, Waiting: evil}}, Trouble: []Attempt{{Activity: evil, LastFailure: evil}}}},
	}
	var text []string
	for _, line := range Block(s, now) {
		text = append(text, line.Text)
	}
	var log Log
	for _, line := range append(text, log.Next(s, now)...) {
		assert.Equal(t, terminal.Clean(line), line)
	}
}

func TestRemaining(t *testing.T) {
	for name, test := range map[string]struct {
		detail *contract.StepProgress
		want   time.Duration
		known  bool
	}{
		"nothing told":         {nil, 0, false},
		"no total":             {&contract.StepProgress{Bytes: 5, MiBps: 1}, 0, false},
		"no rate":              {&contract.StepProgress{Bytes: 5, TotalBytes: 10}, 0, false},
		"a rate of NaN":        {&contract.StepProgress{Bytes: 5, TotalBytes: 10, MiBps: nan()}, 0, false},
		"an infinite rate":     {&contract.StepProgress{Bytes: 5, TotalBytes: 10, MiBps: 1 / zero()}, 0, false},
		"a negative rate":      {&contract.StepProgress{Bytes: 5, TotalBytes: 10, MiBps: -1}, 0, false},
		"waiting":              {&contract.StepProgress{Bytes: 5, TotalBytes: 10 << 20, MiBps: 1, Waiting: "for a donor"}, 0, false},
		"more than was said":   {&contract.StepProgress{Bytes: 20 << 20, TotalBytes: 10 << 20, MiBps: 1}, 0, false},
		"more than a lifetime": {&contract.StepProgress{TotalBytes: 1 << 62, MiBps: 1e-9}, 0, false},
		"half":                 {&contract.StepProgress{Bytes: 5 << 20, TotalBytes: 10 << 20, MiBps: 2}, 3 * time.Second, true},
		"done":                 {&contract.StepProgress{Bytes: 10, TotalBytes: 10, MiBps: 2}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, known := Remaining(test.detail)
			assert.Equal(t, test.known, known)
			assert.Equal(t, test.want, got)
		})
	}
}

func zero() float64 { return 0 }
func nan() float64  { return zero() / zero() }

func TestAnUnknownETAIsSaidAndNeverZero(t *testing.T) {
	text := NodeText(Node{NodeProgress: contract.NodeProgress{Step: contract.StepClone,
		Detail: &contract.StepProgress{Step: contract.StepClone, Bytes: 1 << 20, TotalBytes: 10 << 20}}}, now)
	assert.Contains(t, text, "ETA unknown")
	assert.NotContains(t, text, "ETA 0")
}

func TestBarsStayInTheirBounds(t *testing.T) {
	for _, done := range []int64{-5, 0, 5, 10, 1 << 62} {
		assert.Len(t, bar(done, 10, 8), 10)
		assert.GreaterOrEqual(t, percent(done, 10), 0)
		assert.LessOrEqual(t, percent(done, 10), 100)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", 59*time.Second + 600*time.Millisecond: "1m00s", 185 * time.Second: "3m05s",
		2*time.Hour + 10*time.Minute: "2h10m", 76 * time.Hour: "3d4h",
	} {
		assert.Equal(t, want, span(d))
	}
}
