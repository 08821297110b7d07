package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestEveryOutcomeHasItsExitCodeAndReport(t *testing.T) {
	for outcome, code := range map[contract.Outcome]int{
		contract.OutcomeSucceeded: 0, contract.OutcomeVerified: 0, contract.OutcomeFailed: 1, contract.OutcomeRefused: 2,
		contract.OutcomeRejected: 2, contract.OutcomeExpired: 2, contract.OutcomeAlreadyRunning: 2, contract.OutcomeDiverged: 3,
		contract.OutcomePartlySucceeded: 4, contract.OutcomeCancelled: 5,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			s := newStandIn(t, outcome).released()
			s.work(t)
			got := s.run(t, "start", s.cluster, "--confirm", s.cluster, "--json")
			assert.Equal(t, code, got.code, got.err)
			var report contract.Report
			require.NoError(t, json.Unmarshal([]byte(got.out), &report), "stdout holds more than one document:\n%s", got.out)
			assert.Equal(t, outcome, report.Outcome)
			assert.Len(t, report.Nodes, 2)

			// Who comes later learns the same.
			for _, command := range []string{"status", "watch"} {
				later := s.run(t, command, s.cluster)
				assert.Equal(t, code, later.code, later.err)
				assert.Contains(t, later.out, report.RunID)
			}
		})
	}
}

func TestPlanIsMadeBesideARun(t *testing.T) {
	s := newStandIn(t, contract.OutcomePlanned).released()
	s.work(t)
	running := s.begin(t, contract.ClusterWorkflowID(s.cluster), contract.Request{})
	got := s.run(t, "plan", s.cluster)
	assert.Equal(t, 0, got.code, got.err)
	assert.Contains(t, got.out, planID)
	assert.Contains(t, got.out, "uuid-of-db2:1-3", "the loss is shown")
	require.NoError(t, server.client.CancelWorkflow(t.Context(), running.GetID(), running.GetRunID()))
}

func TestDestructiveStartWithoutATerminalStartsNothing(t *testing.T) {
	for _, mode := range []string{"resync", "repair"} {
		s := newStandIn(t, contract.OutcomeSucceeded)
		got := s.run(t, "start", s.cluster, "--mode", mode)
		assert.Equal(t, 2, got.code)
		assert.Contains(t, got.err, "nothing was started")
		assert.Contains(t, got.err, "--confirm")
		never(t, contract.ClusterWorkflowID(s.cluster))
	}
}

func TestWrongConfirmStartsNothing(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	got := s.run(t, "start", s.cluster, "--confirm", "another")
	assert.Equal(t, 2, got.code)
	assert.Contains(t, got.err, "nothing was started")
	never(t, contract.ClusterWorkflowID(s.cluster))
}

func TestSecondStartSaysWhoRunsSinceWhen(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.work(t)
	first := s.run(t, "start", s.cluster, "--confirm", s.cluster, "--by", "anna", "--detach", "--json")
	require.Equal(t, 0, first.code, first.err)
	var ref runs.Ref
	require.NoError(t, json.Unmarshal([]byte(first.out), &ref))

	second := s.run(t, "start", s.cluster, "--confirm", s.cluster, "--json")
	assert.Equal(t, 2, second.code)
	var told struct {
		Error, Hint string
		ExitCode    int
	}
	require.NoError(t, json.Unmarshal([]byte(second.out), &told))
	assert.Equal(t, 2, told.ExitCode)
	described, err := server.client.DescribeWorkflowExecution(t.Context(), ref.WorkflowID, ref.RunID)
	require.NoError(t, err)
	since := described.GetWorkflowExecutionInfo().GetStartTime().AsTime().Local().Format("2006-01-02T15:04:05")
	for _, part := range []string{ref.WorkflowID, ref.RunID, since, "anna", "nothing was started"} {
		assert.Contains(t, told.Error, part)
	}
	assert.Contains(t, told.Hint, "starter watch "+s.cluster)
	close(s.release)
	assert.Equal(t, 0, s.run(t, "watch", s.cluster).code)
}

func TestStartCarriesEveryChoice(t *testing.T) {
	// No worker: what was sent is read from the history.
	s := newStandIn(t, contract.OutcomeSucceeded)
	got := s.run(t, "start", s.cluster, "--confirm", s.cluster, "--detach", "--nodes", "db2,db3", "--unreplicated-writes", "discard",
		"--delayed-replicas", "resync", "--quiet-sessions", "9", "--quiet-within", "3h", "--on-unreachable", "skip", "--donors", "primary", "--max-parallel", "3", "--min-serving", "0", "--throttle-mibps", "40", "--adaptive-throttle",
		"--watch", "0s", "--approval-timeout", "2h", "--notify", "a@example.org,b@example.org", "--no-rows", "--proof-parallel", "4", "--proof-where", "server", "--proof-throttle-mibps", "30", "--align-settings", "--proof-lock", "--proof-values", "--proof-hide-keys",
		"--plan", planID, "--by", "anna", "--mode", "repair", "--workflow-id", "mine-"+s.cluster)
	require.Equal(t, 0, got.code, got.err)
	assert.Contains(t, got.err, "No worker polls task queue "+s.queue)
	assert.Contains(t, got.err, "CLUSTERRESYNC_INVENTORY")

	events := server.client.GetWorkflowHistory(t.Context(), "mine-"+s.cluster, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	event, err := events.Next()
	require.NoError(t, err)
	started := event.GetWorkflowExecutionStartedEventAttributes()
	assert.Equal(t, contract.WorkflowResyncCluster, started.GetWorkflowType().GetName())
	assert.JSONEq(t, `{"cluster":"`+s.cluster+`","mode":"repair","plan":"`+planID+`","confirm":"`+s.cluster+`","nodes":["db2","db3"],
		"unreplicatedWrites":"discard","delayedReplicas":"resync","quiet":{"sessions":9,"within":"3h0m0s"},"onUnreachable":"skip","donors":"primary","maxParallel":3,"minServing":0,"throttleMiBps":40,"adaptiveThrottle":true,"alignSettings":true,
		"proof":{"rows":false,"parallel":4,"where":"server","throttleMiBps":30,"lockFallback":true,"values":true,"hideKeys":true},"watch":"0s","approvalTimeout":"2h0m0s","notify":["a@example.org","b@example.org"],
		"requestedBy":"anna"}`, string(started.GetInput().GetPayloads()[0].GetData()))
	var request contract.Request
	require.NoError(t, json.Unmarshal(started.GetInput().GetPayloads()[0].GetData(), &request))
	assert.Empty(t, request.Problems())
	assert.Contains(t, string(event.GetUserMetadata().GetSummary().GetData()), "repair of "+s.cluster)

	status := s.run(t, "status", "mine-"+s.cluster)
	assert.Equal(t, 0, status.code)
	assert.Contains(t, status.out, "no worker polls task queue "+s.queue)
}

func TestGate(t *testing.T) {
	for args, want := range map[string]*contract.Quiet{
		"":                       nil,
		"--quiet":                {},
		"--quiet-for 1m":         {For: contract.Duration(time.Minute)},
		"--quiet-sessions 3":     {Sessions: 3},
		"--quiet-within 30m":     {Within: contract.Duration(30 * time.Minute)},
		"--quiet --quiet-for 2s": {For: contract.Duration(2 * time.Second)},
	} {
		for _, command := range []string{"start shop", "schedule create shop --mode verify --every 24h"} {
			_, parsed := parse(strings.Fields(command+" "+args), surroundings{out: io.Discard, err: io.Discard})
			require.NoError(t, parsed.err, args)
			var got *contract.Quiet
			switch c := parsed.runnable.(type) {
			case *startCommand:
				got = c.request().Quiet
			case *scheduleCreateCommand:
				got = c.quiet()
			}
			assert.Equal(t, want, got, "%s %s", command, args)
		}
	}
	// What was typed is judged before anything is started.
	got := offline("start", "shop", "--confirm", "shop", "--quiet-for", "2h")
	assert.Equal(t, 64, got.code)
	assert.Contains(t, got.err, "quiet.for: 2h0m0s is not between")
}

func TestTyped(t *testing.T) {
	t.Run("the cluster's name approves the plan that was shown", func(t *testing.T) {
		s := newStandIn(t, contract.OutcomeSucceeded).released()
		s.work(t)
		p := onTerminal(t, "--task-queue", s.queue, "start", s.cluster, "--by", "anna")
		p.screen.eventually(t, "Type the cluster's name")
		assert.Contains(t, p.screen.String(), planID)
		assert.Contains(t, p.screen.String(), "uuid-of-db2:1-3")
		p.typeLine(t, s.cluster)
		assert.Equal(t, 0, <-p.done, p.screen.String())
		var report contract.Report
		require.NoError(t, server.client.GetWorkflow(t.Context(), contract.ClusterWorkflowID(s.cluster), "").Get(t.Context(), &report))
		require.NotNil(t, report.Approval)
		assert.Equal(t, planID, report.Approval.Plan)
		assert.Equal(t, "anna", report.Approval.By)
	})
	for name, typed := range map[string]string{"anything else": "yes", "nothing": ""} {
		t.Run(name+" rejects", func(t *testing.T) {
			s := newStandIn(t, contract.OutcomeSucceeded).released()
			s.work(t)
			p := onTerminal(t, "--task-queue", s.queue, "start", s.cluster)
			p.screen.eventually(t, "Type the cluster's name")
			p.typeLine(t, typed)
			assert.Equal(t, 2, <-p.done)
			assert.Zero(t, s.copying.Load(), "a node was begun")
			closing, err := runs.Close(t.Context(), server.client, runs.Ref{WorkflowID: contract.ClusterWorkflowID(s.cluster)})
			require.NoError(t, err)
			assert.Equal(t, contract.OutcomeRejected, closing.Report.Outcome)
		})
	}
	t.Run("nothing yet, and the person leaves", func(t *testing.T) {
		s := newStandIn(t, contract.OutcomeSucceeded).released()
		s.work(t)
		p := onTerminal(t, "--task-queue", s.queue, "start", s.cluster)
		p.screen.eventually(t, "Type the cluster's name")
		p.leave()
		assert.Equal(t, exitInterrupted, <-p.done)
		p.screen.eventually(t, "starter approve "+s.cluster+" --plan "+planID)
		p.screen.eventually(t, "starter cancel "+s.cluster)
		assert.Zero(t, s.copying.Load())

		// It is still there to be approved, by somebody else and elsewhere.
		got := s.run(t, "approve", s.cluster, "--plan", planID, "--confirm", s.cluster)
		assert.Equal(t, 0, got.code, got.err)
		assert.Equal(t, 0, s.run(t, "watch", s.cluster).code)
	})
	t.Run("somebody else decides while the question stands", func(t *testing.T) {
		s := newStandIn(t, contract.OutcomeSucceeded).released()
		s.work(t)
		p := onTerminal(t, "--task-queue", s.queue, "start", s.cluster)
		p.screen.eventually(t, "Type the cluster's name")
		require.Equal(t, 0, s.run(t, "reject", s.cluster, "--reason", "not today").code)
		p.typeLine(t, s.cluster)
		assert.Equal(t, 2, <-p.done, p.screen.String())
		assert.Zero(t, s.copying.Load())
	})
}

func TestJSONOnATerminalKeepsStdoutClean(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded).released()
	s.work(t)
	var out output
	p := onTerminalWith(t, &out, "--task-queue", s.queue, "--json", "start", s.cluster)
	p.screen.eventually(t, "Type the cluster's name")
	p.typeLine(t, s.cluster)
	assert.Equal(t, 0, <-p.done)
	var report contract.Report
	require.NoError(t, json.Unmarshal([]byte(out.String()), &report))
	assert.Equal(t, contract.OutcomeSucceeded, report.Outcome)
}

func TestTemporalUnreachable(t *testing.T) {
	const secret = "key-that-nobody-may-see"
	var out, err output
	s := surroundings{in: strings.NewReader(""), out: &out, err: &err, env: variables{
		"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_API_KEY": secret, "TEMPORAL_CONFIG_FILE": os.DevNull}}
	assert.Equal(t, 69, s.run(t.Context(), []string{"--json", "status", "shop"}))
	assert.Contains(t, err.String(), "127.0.0.1:1")
	assert.Contains(t, err.String(), "TEMPORAL_ADDRESS")
	assert.NotContains(t, out.String()+err.String(), secret)
	assert.True(t, json.Valid([]byte(out.String())))
}

func TestUnknownNamespace(t *testing.T) {
	got := runStarter(t, "--namespace", "nowhere", "status", "shop")
	assert.Equal(t, 69, got.code, got.err)
	assert.Contains(t, got.err, "nowhere")
}
