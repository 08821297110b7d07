package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/clusterresync/clusterresync/internal/sandbox/temporalcli"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// output is a buffer that may be read while it is written.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// line waits for the log record of a message and reads it.
func (o *output) line(t *testing.T, message string) map[string]any {
	t.Helper()
	var record map[string]any
	require.Eventually(t, func() bool {
		for _, line := range strings.Split(o.String(), "\n") {
			record = nil
			if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == message {
				return true
			}
		}
		return false
	}, time.Minute, 20*time.Millisecond, "the log never said %q", message)
	return record
}

// startTemporal is a real Temporal on an address; it ends with the test.
func startTemporal(t *testing.T, address string) *testsuite.DevServer {
	t.Helper()
	path, err := temporalcli.Find(t.Context(), t.Logf)
	require.NoError(t, err)
	started, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "error", Stdout: io.Discard, Stderr: io.Discard,
		ClientOptions: &client.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = started.Stop() })
	return started
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func TestAWorkerWaitsForTemporalWorksAndStops(t *testing.T) {
	const secret = "a-password-that-nobody-may-see"
	t.Setenv("NOBODY_SET_THIS_ADMIN", secret)
	address := freeAddress(t)
	env := good(t).with("TEMPORAL_ADDRESS", address, varTaskQueue, "mine", varUI, "http://127.0.0.1:8233")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var logs output
	code := make(chan int, 1)
	go func() { code <- run(ctx, nil, env, io.Discard, &logs) }()
	logs.line(t, "Temporal cannot be reached yet, trying on")

	temporalServer := startTemporal(t, address)
	ready := logs.line(t, "ready")
	assert.Equal(t, "mine", ready["taskQueue"])
	assert.Equal(t, "default", ready["namespace"])
	assert.Equal(t, env[varInventory], ready["inventory"])
	assert.Equal(t, []any{"shop"}, ready["clusters"])
	assert.Contains(t, logs.line(t, "runs of these clusters will be refused until their passwords are there")["error"], "NOBODY_SET_THIS_DONOR")

	// Every workflow and the activities that such a run needs are registered: it ends refused, and its mail is in the outbox.
	run, err := temporalServer.Client().ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "any", TaskQueue: "mine"},
		contract.WorkflowResyncCluster, contract.Request{Cluster: "nobodys"})
	require.NoError(t, err)
	var closed *temporal.ApplicationError
	require.ErrorAs(t, run.Get(ctx, nil), &closed)
	var report contract.Report
	require.NoError(t, closed.Details(&report))
	assert.Equal(t, contract.OutcomeRefused, report.Outcome)
	assert.Equal(t, contract.ErrorUnknownCluster, report.ErrorType)
	mails, err := os.ReadDir(env[varOutbox])
	require.NoError(t, err)
	assert.Len(t, mails, 1)

	stop()
	assert.Equal(t, exitOK, <-code)
	logs.line(t, "stopped")
	assert.NotContains(t, logs.String(), secret)
}

func TestAWorkerThatIsStoppedBeforeTemporalAnswersEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var logs output
	code := make(chan int, 1)
	env := good(t).with("TEMPORAL_ADDRESS", freeAddress(t))
	go func() { code <- run(ctx, nil, env, io.Discard, &logs) }()
	logs.line(t, "Temporal cannot be reached yet, trying on")
	stop()
	assert.Equal(t, exitOK, <-code)
}

func TestAWorkerOfAnUnknownNamespaceDoesNotStart(t *testing.T) {
	server := startTemporal(t, freeAddress(t))
	var logs output
	env := good(t).with("TEMPORAL_ADDRESS", server.FrontendHostPort(), "TEMPORAL_NAMESPACE", "nowhere")
	assert.Equal(t, exitUnavailable, run(t.Context(), nil, env, io.Discard, &logs))
	assert.Contains(t, logs.String(), "nowhere")
}
