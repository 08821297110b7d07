package scale

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	internalreport "github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var (
	nodes    = flag.Int("scale.nodes", 1000, "secondaries of the one large cluster")
	parallel = flag.Int("scale.parallel", 50, "maxParallel of the one large run")
	clusters = flag.Int("scale.clusters", 1000, "clusters of the many, with three secondaries each")
	slots    = flag.Int("scale.activities", 100, "activities of the worker at a time (CLUSTERRESYNC_MAX_ACTIVITIES)")
	patience = flag.Duration("scale.patience", 30*time.Minute, "how long a run may take before it counts as stuck")
)

// A copy of half an hour tells its parent every 30 seconds.
const halfAnHour = 60

// BenchmarkOneRun is one run with many secondaries, fed as a tree, whose copies are short: each tells of itself once.
func BenchmarkOneRun(b *testing.B) {
	oneRun(b, contract.ModeResync, load{Secondaries: *nodes, Signals: 1, Pace: 20 * time.Millisecond, Step: 10 * time.Millisecond})
}

// BenchmarkOneRunOfLongCopies is the same with as many signals of progress as copies of half an hour give; only their waits are shortened.
func BenchmarkOneRunOfLongCopies(b *testing.B) {
	oneRun(b, contract.ModeResync, load{Secondaries: *nodes, Signals: halfAnHour, Pace: 100 * time.Millisecond, Step: 10 * time.Millisecond})
}

// BenchmarkOneVerification is one run that proves as many secondaries as they are.
func BenchmarkOneVerification(b *testing.B) {
	oneRun(b, contract.ModeVerify, load{Secondaries: *nodes, Step: 100 * time.Millisecond})
}

var errStuck = fmt.Errorf("stuck: no history in %s", standstill)

func oneRun(b *testing.B, mode contract.Mode, load load) {
	wanted := contract.OutcomeSucceeded
	if mode == contract.ModeVerify {
		wanted = contract.OutcomeVerified
	}
	temporal, address := startTemporal(b)
	for b.Loop() {
		p := startWorker(b, workerOptions{Address: address, Activities: *slots, Load: load})
		ctx, cancel := context.WithTimeout(b.Context(), *patience)
		began := time.Now()
		run, err := start(ctx, temporal, "large", mode, *parallel)
		require.NoError(b, err)
		seen := accompany(ctx, b, temporal, run)
		var report contract.Report
		failed := errStuck
		if !seen.stuck {
			failed = run.Get(ctx, &report)
		}
		wall := time.Since(began)
		cancel()
		w := weigh(b.Context(), b, temporal, run.GetID(), run.GetRunID())
		child := weigh(b.Context(), b, temporal, contract.NodeWorkflowID("large", secondary(1)), "")
		t := p.stop(b)

		fmt.Printf("\nOne %s, %d secondaries, %d at a time, %d signals of progress in each copy\n", mode, load.Secondaries, *parallel, load.Signals)
		row("ended", endOf(failed, report), string(wanted))
		row("wall time", wall.Round(time.Second), "")
		printWeight(w, load.Secondaries)
		row("progress, as queried", bytesText(seen.progress), "2 MiB")
		row("   not answered", seen.unanswered, "none")
		row("   slowest answer", seen.slowest.Round(time.Millisecond), "10 s")
		row("current details", bytesText(seen.details), "2 MiB")
		mail := internalreport.Mail(report, "")
		row("mail", fmt.Sprintf("text %s, HTML %s", bytesText(len(mail.Text)), bytesText(len(mail.HTML))), "30 MB, SendGrid")
		row("children at a time", seen.children, "2,000")
		row("history of one node", fmt.Sprintf("%d events, %s", child.events, bytesText(child.bytes)), "51,200; 50 MiB")
		printTaken(t)
		printComplaints(p.complaints(b))
		b.ReportMetric(float64(w.events)/float64(load.Secondaries), "events/node")
		b.ReportMetric(float64(w.bytes)/float64(load.Secondaries), "history-B/node")
		b.ReportMetric(float64(t.RSSBytes)/(1<<20), "worker-MiB")
		b.ReportMetric(0, "ns/op")
		if failed != nil || report.Outcome != wanted {
			b.Errorf("the run did not succeed: %v %s", failed, report.Reason)
		}
	}
}

// BenchmarkManyClusters is many small clusters, all started at once, on one worker.
func BenchmarkManyClusters(b *testing.B) {
	load := load{Secondaries: 3, Signals: 1, Pace: 20 * time.Millisecond, Step: 10 * time.Millisecond}
	temporal, address := startTemporal(b)
	for b.Loop() {
		p := startWorker(b, workerOptions{Address: address, Activities: *slots, Load: load})
		ctx, cancel := context.WithTimeout(b.Context(), *patience)
		began := time.Now()
		runs := make([]client.WorkflowRun, *clusters)
		var group errgroup.Group
		group.SetLimit(32)
		for i := range runs {
			group.Go(func() (err error) {
				runs[i], err = start(ctx, temporal, fmt.Sprintf("shop-%04d", i), contract.ModeResync, 1)
				return err
			})
		}
		require.NoError(b, group.Wait())
		started := time.Since(began)
		failures := map[string]int{}
		for _, run := range runs {
			var report contract.Report
			if err := run.Get(ctx, &report); err != nil || report.Outcome != contract.OutcomeSucceeded {
				failures[endOf(err, report)]++
			}
		}
		wall := time.Since(began)
		cancel()
		w := weigh(b.Context(), b, temporal, runs[0].GetID(), runs[0].GetRunID())
		t := p.stop(b)

		fmt.Printf("\n%d clusters with %d secondaries each on one worker, all started within %s\n", *clusters, load.Secondaries, started.Round(time.Second))
		row("not succeeded", failures, "none")
		row("wall time", fmt.Sprintf("%s (%.1f nodes/s)", wall.Round(time.Second), float64(*clusters*load.Secondaries)/wall.Seconds()), "")
		printWeight(w, load.Secondaries)
		printTaken(t)
		row("   per cluster", bytesText(int(t.RSSBytes) / *clusters), "")
		printComplaints(p.complaints(b))
		b.ReportMetric(float64(*clusters*load.Secondaries)/wall.Seconds(), "nodes/s")
		b.ReportMetric(float64(t.RSSBytes)/(1<<20), "worker-MiB")
		b.ReportMetric(0, "ns/op")
		if len(failures) > 0 {
			b.Errorf("runs did not succeed: %v", failures)
		}
	}
}

func startTemporal(b *testing.B) (client.Client, string) {
	box := sandbox.ForTest(b, sandbox.Options{Name: "scale", Temporal: &sandbox.TemporalOptions{InMemory: true}})
	temporal, err := client.Dial(client.Options{HostPort: box.Temporal.Address(), Logger: quiet{}})
	require.NoError(b, err)
	b.Cleanup(temporal.Close)
	return temporal, box.Temporal.Address()
}

func start(ctx context.Context, temporal client.Client, cluster string, mode contract.Mode, parallel int) (client.WorkflowRun, error) {
	watch, confirm := contract.Duration(5*time.Minute), cluster
	if mode == contract.ModeVerify {
		confirm = "" // nothing is to be approved
	}
	return temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: contract.ClusterWorkflowID(cluster), TaskQueue: contract.DefaultTaskQueue,
	}, contract.WorkflowResyncCluster, contract.Request{
		Cluster: cluster, Mode: mode, Confirm: confirm, MaxParallel: parallel, Watch: &watch, RequestedBy: "the benchmark",
	})
}

func endOf(err error, report contract.Report) string {
	if err != nil {
		text := err.Error()
		return text[:min(len(text), 300)]
	}
	return string(report.Outcome)
}

func printWeight(w weight, nodes int) {
	row("events of the run", fmt.Sprintf("%d (%.1f a node)", w.events, float64(w.events)/float64(nodes)), "51,200")
	row("   if each woke it alone", fmt.Sprintf("%d (%.1f a node)", w.unbatched(), float64(w.unbatched())/float64(nodes)), "51,200")
	row("   signals", w.signals(), "10,000")
	row("   workflow tasks", w.tasks(), "")
	row("   longest workflow task", w.longestTask.Round(time.Millisecond), "10 s")
	row("   workflow tasks failed", w.failedTasks, "none")
	row("   last event", w.last, "")
	row("   replay of all of it", fmt.Sprintf("%s (%s of CPU)", w.replay.Round(time.Millisecond), w.replayCPU.Round(time.Millisecond)), "10 s")
	row("history of the run", fmt.Sprintf("%s (%s a node)", bytesText(w.bytes), bytesText(w.bytes/nodes)), "50 MiB")
	row("largest payload", fmt.Sprintf("%s (%s)", bytesText(w.largest), w.largestOf), "2 MiB")
	row("result", bytesText(w.result), "2 MiB")
}

func printTaken(t taken) {
	row("worker: memory", bytesText(int(t.RSSBytes)), "")
	row("   Go heap", bytesText(int(t.HeapBytes)), "")
	row("   goroutines", t.Goroutines, "")
	row("   CPU", t.CPU.Round(time.Second), "")
}

func printComplaints(counts map[string]int) {
	for _, text := range slices.Sorted(maps.Keys(counts)) {
		fmt.Printf("  the worker said %d times: %s\n", counts[text], text)
	}
}

func row(what string, value any, limit string) {
	if limit != "" {
		limit = "[" + limit + "]"
	}
	fmt.Printf("  %-26s %v  %s\n", what, value, limit)
}

func bytesText(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.2f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// open reports whether a run has not closed yet.
func open(status enums.WorkflowExecutionStatus) bool {
	return status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// quiet keeps the SDK's log out of the figures.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
