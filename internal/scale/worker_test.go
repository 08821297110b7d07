package scale

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// The worker is a process of its own, this program started again, so that its memory is that of a worker and of nothing else.

// workerVariable tells the program to be a worker; its value is a workerOptions as JSON.
const workerVariable = "SCALE_WORKER"

type workerOptions struct {
	Address string
	// Activities is how many activities it runs at a time, as the product's worker is configured.
	Activities int
	Load       load
}

func TestMain(m *testing.M) {
	if text := os.Getenv(workerVariable); text != "" {
		if err := beWorker(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// beWorker works until its standard input ends, then writes what it took as JSON.
func beWorker(text string) error {
	var options workerOptions
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return err
	}
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	temporal, err := client.Dial(client.Options{HostPort: options.Address, Logger: sdklog.NewStructuredLogger(logger)})
	if err != nil {
		return err
	}
	defer temporal.Close()
	// The options and names are those of the product's worker, which is a program and cannot be imported.
	w := worker.New(temporal, contract.DefaultTaskQueue, worker.Options{
		WorkerStopTimeout:                  8 * time.Second,
		MaxConcurrentActivityExecutionSize: options.Activities,
		MaxHeartbeatThrottleInterval:       2 * time.Second,
	})
	registerWorkflows(w)
	w.RegisterActivity(&standins{load: options.Load, temporal: temporal})
	if err := w.Start(); err != nil {
		return err
	}
	fmt.Println("ready")
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	taken := watchSelf(ended)
	w.Stop()
	return json.NewEncoder(os.Stdout).Encode(taken)
}

func registerWorkflows(w worker.WorkflowRegistry) {
	w.RegisterWorkflowWithOptions(workflows.ResyncCluster, workflow.RegisterOptions{Name: contract.WorkflowResyncCluster})
	w.RegisterWorkflowWithOptions(workflows.ResyncNode, workflow.RegisterOptions{Name: contract.WorkflowResyncNode})
	w.RegisterWorkflowWithOptions(workflows.VerifyNodes, workflow.RegisterOptions{Name: contract.WorkflowVerifyNodes})
	w.RegisterWorkflowWithOptions(workflows.ClusterLock, workflow.RegisterOptions{Name: contract.WorkflowClusterLock})
}

// taken is what a worker took, all at their peak but for CPU.
type taken struct {
	// HeapBytes are live and not yet collected objects, RSSBytes what the system has given (VmHWM).
	HeapBytes, RSSBytes uint64
	Goroutines          uint64
	CPU                 time.Duration
}

func watchSelf(until <-chan struct{}) taken {
	var peak taken
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		metrics.Read(samples)
		peak.HeapBytes = max(peak.HeapBytes, samples[0].Value.Uint64())
		peak.Goroutines = max(peak.Goroutines, samples[1].Value.Uint64())
		select {
		case <-ticker.C:
		case <-until:
			peak.RSSBytes = rssPeak()
			peak.CPU = cpu()
			return peak
		}
	}
}

// cpu is what this process has used of the processors; 0 where the system does not tell.
func cpu() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// rssPeak is the most memory this process had resident; 0 where the system does not tell.
func rssPeak() uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, _ := strconv.ParseUint(string(found[1]), 10, 64)
	return kib << 10
}

// workerProcess is a running worker.
type workerProcess struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Scanner
	log     string
}

func startWorker(b *testing.B, options workerOptions) *workerProcess {
	text, err := json.Marshal(options)
	require.NoError(b, err)
	program, err := os.Executable()
	require.NoError(b, err)
	p := &workerProcess{command: exec.Command(program), log: filepath.Join(b.TempDir(), "worker.log")}
	log, err := os.Create(p.log)
	require.NoError(b, err)
	defer log.Close()
	p.command.Env = append(os.Environ(), workerVariable+"="+string(text))
	p.command.Stderr = log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.input, err = p.command.StdinPipe()
	require.NoError(b, err)
	output, err := p.command.StdoutPipe()
	require.NoError(b, err)
	p.output = bufio.NewScanner(output)
	require.NoError(b, p.command.Start())
	b.Cleanup(func() { _ = p.command.Process.Kill(); _ = p.command.Wait() })
	require.True(b, p.output.Scan(), "the worker did not start; see %s", p.log)
	return p
}

// stop ends the worker and tells what it took.
func (p *workerProcess) stop(b *testing.B) taken {
	require.NoError(b, p.input.Close())
	require.True(b, p.output.Scan(), "the worker ended without its figures")
	var t taken
	require.NoError(b, json.Unmarshal(p.output.Bytes(), &t))
	return t
}

// particular are the IDs in what a worker says: of a run, of an event, of a goroutine.
var particular = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}(:[0-9]+)*|"[0-9]+"`)

// complaints counts the worker's warnings and errors by their text.
func (p *workerProcess) complaints(b *testing.B) map[string]int {
	text, err := os.ReadFile(p.log)
	require.NoError(b, err)
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var entry struct{ Level, Msg, Error string }
		if json.Unmarshal([]byte(line), &entry) != nil {
			entry.Level, entry.Msg = "RAW", strings.TrimSpace(line)
		}
		said := entry.Level + " " + entry.Msg
		if entry.Error != "" {
			said += ": " + entry.Error
		}
		said = particular.ReplaceAllString(said, "...")
		counts[said[:min(len(said), 200)]]++
	}
	return counts
}
