package main

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/status"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// approved is a request that needs nobody.
func (s *standIn) approved() contract.Request { return contract.Request{Confirm: s.cluster} }

func TestWatchMergesHeartbeatsIntoTheProgress(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.failures = 2
	s.work(t)
	s.begin(t, "under-any-id-"+s.cluster, s.approved())
	s.begun(t)
	plain := s.inBackground(t, "watch", s.cluster)
	// The bytes are in no answer of the run: they come from the heartbeats of the node's workflow.
	plain.out.eventually(t, "db2: clone  FILE COPY  [#####-----]  50%  75.0/150.0 MiB  25.0 MiB/s  ETA 3s  from db1")
	asJSON := s.inBackground(t, "--json", "watch", s.cluster)
	asJSON.out.eventually(t, `"stage":"FILE COPY"`)
	close(s.release)
	assert.Equal(t, 0, <-plain.done)
	assert.Equal(t, 0, <-asJSON.done)
	assert.Contains(t, plain.out.String(), "SUCCEEDED", "the report comes last")
	assert.NotContains(t, plain.out.String(), "\x1b", "no control sequences without a terminal")

	var progressLines, reports int
	scanner := bufio.NewScanner(strings.NewReader(asJSON.out.String()))
	for scanner.Scan() {
		var line struct {
			Progress *status.Snapshot
			Report   *contract.Report
		}
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &line))
		if line.Progress != nil {
			progressLines++
			assert.Zero(t, reports, "progress after the report")
		}
		if line.Report != nil {
			reports++
			assert.Equal(t, contract.OutcomeSucceeded, line.Report.Outcome)
		}
	}
	assert.Positive(t, progressLines)
	assert.Equal(t, 1, reports)
}

func TestWatchShowsFailuresAndAttempts(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.failures = 1 << 30
	s.work(t)
	s.begin(t, contract.ClusterWorkflowID(s.cluster), s.approved())
	watching := s.inBackground(t, "watch", s.cluster)
	watching.out.eventually(t, "Clone: attempt 3")
	watching.out.eventually(t, "the last one failed: db1 refused the connection")
	watching.leave()
	assert.Equal(t, exitInterrupted, <-watching.done)
	require.NoError(t, server.client.TerminateWorkflow(t.Context(), contract.ClusterWorkflowID(s.cluster), "", "the test is over"))
}

func TestLeavingAWatchLeavesTheRun(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.work(t)
	run := s.begin(t, contract.ClusterWorkflowID(s.cluster), s.approved())
	watching := s.inBackground(t, "watch", s.cluster)
	watching.out.eventually(t, "FILE COPY")
	watching.leave()
	assert.Equal(t, exitInterrupted, <-watching.done)
	assert.Contains(t, watching.err.String(), "starter watch "+s.cluster)
	assert.Contains(t, watching.err.String(), "starter cancel "+s.cluster)

	close(s.release)
	var report contract.Report
	require.NoError(t, run.Get(t.Context(), &report), "the run went on")
}

func TestWatchOutlivesAWorkerThatIsAway(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	stop := s.work(t)
	s.begin(t, contract.ClusterWorkflowID(s.cluster), s.approved())
	watching := s.inBackground(t, "watch", s.cluster)
	watching.out.eventually(t, "FILE COPY")
	stop()
	watching.out.eventually(t, "does not answer at the moment; below is what it said")
	// A command that comes anew finds the node and its last heartbeat without the run's own answer.
	got := s.run(t, "status", contract.ClusterWorkflowID(s.cluster))
	assert.Equal(t, 0, got.code, got.err)
	assert.Contains(t, got.out, "does not answer at the moment")
	assert.Contains(t, got.out, "db2")

	close(s.release)
	s.work(t)
	assert.Equal(t, 0, <-watching.done)
}

func TestWatchOnATerminalRedrawsOneBlock(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.work(t)
	s.begin(t, contract.ClusterWorkflowID(s.cluster), s.approved())
	p := onTerminal(t, "watch", s.cluster)
	p.screen.eventually(t, "FILE COPY")
	p.screen.eventually(t, "A\r\x1b[J")
	close(s.release)
	assert.Equal(t, 0, <-p.done)
	p.screen.eventually(t, "SUCCEEDED")
}

func TestCancelStopsARun(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.work(t)
	s.begin(t, "by-hand-"+s.cluster, s.approved())
	watching := s.inBackground(t, "watch", "by-hand-"+s.cluster)
	watching.out.eventually(t, "FILE COPY")
	// Named by its cluster, although it bears another ID: the lock says who holds it.
	got := s.run(t, "cancel", s.cluster)
	assert.Equal(t, 0, got.code, got.err)
	assert.Equal(t, 5, <-watching.done, watching.err.String())

	again := s.run(t, "cancel", "by-hand-"+s.cluster)
	assert.Equal(t, 2, again.code)
	assert.Contains(t, again.err, "closed already")
}

func TestATerminatedRunHasNoReportAndSaysWhatThatMeans(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	run := s.begin(t, contract.ClusterWorkflowID(s.cluster), s.approved())
	require.NoError(t, server.client.TerminateWorkflow(t.Context(), run.GetID(), run.GetRunID(), "by an administrator"))
	got := s.run(t, "watch", s.cluster)
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.out, "closed without a report")
	assert.Contains(t, got.err, "may be erased and fenced")
	asJSON := s.run(t, "status", s.cluster, "--json")
	assert.Equal(t, 1, asJSON.code)
	assert.Contains(t, asJSON.out, `"exitCode": 1`)
}

func TestRequestsReachTheRun(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.work(t)
	run := s.begin(t, contract.ClusterWorkflowID(s.cluster), s.approved())
	progress := func() (p contract.Progress) {
		value, err := server.client.QueryWorkflow(t.Context(), run.GetID(), run.GetRunID(), contract.QueryProgress)
		require.NoError(t, err)
		require.NoError(t, value.Get(&p))
		return p
	}
	s.begun(t)

	assert.Equal(t, 0, s.run(t, "pause", s.cluster).code)
	assert.True(t, progress().Paused)
	refused := s.run(t, "pause", s.cluster, "--json")
	assert.Equal(t, 2, refused.code)
	assert.Contains(t, refused.err, "paused already")
	assert.Equal(t, 0, s.run(t, "resume", s.cluster).code)
	assert.False(t, progress().Paused)

	throttled := s.run(t, "throttle", s.cluster, "12", "--json")
	assert.Equal(t, 0, throttled.code, throttled.err)
	assert.JSONEq(t, `{"workflowId":"`+run.GetID()+`","runId":"`+run.GetRunID()+`","request":"throttle","accepted":true}`, throttled.out)
	assert.Equal(t, 12, progress().ThrottleMiBps)

	assert.Equal(t, 0, s.run(t, "abort", s.cluster, "db2").code)
	assert.Equal(t, "abort of db2", progress().Stopping)
	close(s.release)
	assert.Equal(t, 0, s.run(t, "watch", s.cluster).code)
}

func TestApproveIsBoundToThePlanAndTheName(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded).released()
	s.work(t)
	s.begin(t, contract.ClusterWorkflowID(s.cluster), contract.Request{})
	waiting := s.inBackground(t, "watch", s.cluster)
	waiting.out.eventually(t, "awaiting approval of plan "+planID)

	for _, args := range [][]string{
		{"approve", s.cluster, "--plan", "another", "--confirm", s.cluster},
		{"approve", s.cluster, "--plan", planID, "--confirm", "another"},
		{"approve", s.cluster, "--plan", planID},
	} {
		got := s.run(t, args...)
		assert.Equal(t, 2, got.code, "%v: %s", args, got.err)
	}
	assert.Zero(t, s.copying.Load())

	p := onTerminal(t, "approve", s.cluster, "--plan", planID)
	p.screen.eventually(t, "Type the cluster's name")
	p.typeLine(t, s.cluster)
	assert.Equal(t, 0, <-p.done, p.screen.String())
	assert.Equal(t, 0, <-waiting.done)
}

func TestCommandsAboutNothing(t *testing.T) {
	for _, args := range [][]string{
		{"status", "no-such"}, {"watch", "no-such"}, {"cancel", "no-such"}, {"reject", "no-such"}, {"pause", "no-such"},
		{"approve", "no-such", "--plan", "x", "--confirm", "no-such"},
	} {
		got := runStarter(t, append([]string{"--json"}, args...)...)
		assert.Equal(t, 2, got.code, "%v", args)
		assert.Contains(t, got.err, "resync/no-such")
		assert.True(t, json.Valid([]byte(got.out)))
	}
}

func TestAChildIsNoRun(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.work(t)
	s.begin(t, contract.ClusterWorkflowID(s.cluster), s.approved())
	s.begun(t)
	got := s.run(t, "cancel", contract.NodeWorkflowID(s.cluster, "db2"))
	assert.Equal(t, 2, got.code)
	assert.Contains(t, got.err, "is a ResyncNode")
	assert.Contains(t, got.err, contract.ClusterWorkflowID(s.cluster))
	close(s.release)
	_, err := runs.Close(t.Context(), server.client, runs.Ref{WorkflowID: contract.ClusterWorkflowID(s.cluster)})
	require.NoError(t, err)
}
