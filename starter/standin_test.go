package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// standIn answers as the contract says, on a real Temporal, and touches no MySQL server: what is tested here is what the starter
// makes of the contract.
type standIn struct {
	cluster string
	queue   string
	outcome contract.Outcome
	// findings are those of its plans besides a warning.
	findings []contract.Finding
	// unplanned runs end before they have a plan.
	unplanned bool
	// failures is how many attempts of each node's copy fail first.
	failures int32
	// release lets the copies finish.
	release chan struct{}
	copying atomic.Int32
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// newStandIn is a cluster of the test's own, all of whose runs end with an outcome.
func newStandIn(t *testing.T, outcome contract.Outcome) *standIn {
	name := notInNames.ReplaceAllString(strings.ToLower(t.Name()), "-")
	if len(name) > 55 {
		name = name[len(name)-55:]
	}
	name = strings.Trim(name, "-")
	return &standIn{cluster: name, queue: "queue-" + name, outcome: outcome, release: make(chan struct{})}
}

// work starts a worker and ends it with the test.
func (s *standIn) work(t *testing.T) (stop func()) {
	w := worker.New(server.client, s.queue, worker.Options{MaxHeartbeatThrottleInterval: 50 * time.Millisecond})
	w.RegisterWorkflowWithOptions(s.resyncCluster, workflow.RegisterOptions{Name: contract.WorkflowResyncCluster})
	w.RegisterWorkflowWithOptions(s.resyncNode, workflow.RegisterOptions{Name: contract.WorkflowResyncNode})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		return workflow.Await(ctx, func() bool { return false })
	}, workflow.RegisterOptions{Name: contract.WorkflowClusterLock})
	w.RegisterActivityWithOptions(s.copy, activity.RegisterOptions{Name: "Clone"})
	require.NoError(t, w.Start())
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			w.Stop()
		}
	}
	t.Cleanup(stop)
	return stop
}

// run is the starter with the stand-in's task queue.
func (s *standIn) run(t *testing.T, args ...string) starter {
	return runStarter(t, append([]string{"--task-queue", s.queue}, args...)...)
}

func (s *standIn) inBackground(t *testing.T, args ...string) *background {
	return inBackground(t, append([]string{"--task-queue", s.queue}, args...)...)
}

// begin starts a run as a program would.
func (s *standIn) begin(t *testing.T, id string, request contract.Request) client.WorkflowRun {
	request.Cluster = s.cluster
	run, err := server.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: s.queue},
		contract.WorkflowResyncCluster, request)
	require.NoError(t, err)
	return run
}

// planID is the ID of the plan that every run of the stand-in makes.
const planID = "plan-7f3a"

func (s *standIn) plan(mode contract.Mode) *contract.Plan {
	node := func(name string) contract.PlanNode {
		return contract.PlanNode{
			Name: name, ServerUUID: "uuid-of-" + name, Address: name + ".example:3306", PeerAddress: name + ".example:3306",
			Chosen: name != "db1", Reachable: true, Serving: true, DataBytes: 150 << 20, Schemas: []string{"shop"}, State: "follows db1",
		}
	}
	lossy := node("db2")
	lossy.Loss = contract.Loss{ErrantGTIDs: "uuid-of-db2:1-3", Transactions: 3}
	return &contract.Plan{
		ID: planID, Cluster: s.cluster, Mode: mode, Primary: node("db1"), Secondaries: []contract.PlanNode{lossy, node("db3")},
		Findings: append(slices.Clip(s.findings), contract.Finding{Code: "errant", Node: "db2", Verdict: contract.VerdictWarn, Observed: "3 transactions only here"}),
	}
}

func (s *standIn) resyncCluster(ctx workflow.Context, request contract.Request) (*contract.Report, error) {
	info := workflow.GetInfo(ctx)
	request = request.WithDefaults()
	p := contract.Progress{RunID: info.WorkflowExecution.RunID, Cluster: request.Cluster, Mode: request.Mode, Phase: contract.PhasePreconditions}
	report := contract.Report{
		RunID: p.RunID, WorkflowID: info.WorkflowExecution.ID, Cluster: request.Cluster, Mode: request.Mode, Began: workflow.Now(ctx),
		Outcome: s.outcome, Reason: "so the test wanted it", RequestedBy: request.RequestedBy,
	}
	if err := workflow.SetQueryHandler(ctx, contract.QueryProgress, func() (contract.Progress, error) { return p, nil }); err != nil {
		return nil, err
	}
	if err := s.answer(ctx, &p); err != nil {
		return nil, err
	}
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	if s.unplanned {
		return s.end(&report)
	}
	p.Plan, report.Plan = s.plan(request.Mode), s.plan(request.Mode)
	if request.Mode == contract.ModePlan {
		return s.end(&report)
	}
	lock := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(apart, workflow.ChildWorkflowOptions{
		WorkflowID: contract.LockWorkflowID(request.Cluster)}), contract.WorkflowClusterLock)
	if err := lock.GetChildWorkflowExecution().Get(apart, nil); err != nil {
		report.Outcome, report.ErrorType = contract.OutcomeAlreadyRunning, contract.ErrorAlreadyRunning
		return s.end(&report)
	}
	if request.Mode != contract.ModeVerify && request.Confirm != request.Cluster {
		p.Phase, p.ApprovalUntil = contract.PhaseApproval, workflow.Now(ctx).Add(time.Hour)
		if err := workflow.Await(ctx, func() bool { return p.Approval != nil }); err != nil {
			report.Outcome = contract.OutcomeCancelled
			return s.end(&report)
		}
		report.Approval = p.Approval
		if !p.Approval.Approved {
			report.Outcome, report.ErrorType = contract.OutcomeRejected, contract.ErrorRejected
			return s.end(&report)
		}
	}
	p.Phase = contract.PhaseNodes
	for _, node := range p.Plan.Chosen() {
		p.Nodes = append(p.Nodes, contract.NodeProgress{Name: node.Name})
	}
	for i, node := range p.Plan.Chosen() {
		p.Nodes[i].Step, p.Nodes[i].Donor = contract.StepClone, "db1"
		err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: contract.NodeWorkflowID(request.Cluster, node.Name), WaitForCancellation: true}), contract.WorkflowResyncNode).Get(ctx, nil)
		if ctx.Err() != nil {
			report.Outcome = contract.OutcomeCancelled
			return s.end(&report)
		}
		if err != nil {
			return nil, err
		}
		p.Nodes[i].Standing = contract.StandingProven
		report.Nodes = append(report.Nodes, contract.NodeReport{Name: node.Name, Standing: contract.StandingProven, State: "proven"})
	}
	return s.end(&report)
}

func (s *standIn) answer(ctx workflow.Context, p *contract.Progress) error {
	may := func(plan string) error {
		if p.Phase != contract.PhaseApproval || p.Approval != nil {
			return errors.New("no approval is awaited")
		}
		if plan != "" && plan != planID {
			return fmt.Errorf("the plan is %s", planID)
		}
		return nil
	}
	return errors.Join(
		workflow.SetUpdateHandlerWithOptions(ctx, contract.RequestApprove, func(_ workflow.Context, r contract.Approve) error {
			p.Approval = &contract.Approval{Plan: r.Plan, Approved: true, By: r.By, Comment: r.Comment}
			return nil
		}, workflow.UpdateHandlerOptions{Validator: func(r contract.Approve) error {
			if r.Cluster != p.Cluster {
				return errors.New("that is not the cluster's name")
			}
			return may(r.Plan)
		}}),
		workflow.SetUpdateHandlerWithOptions(ctx, contract.RequestReject, func(_ workflow.Context, r contract.Reject) error {
			p.Approval = &contract.Approval{Plan: planID, By: r.By, Comment: r.Reason}
			return nil
		}, workflow.UpdateHandlerOptions{Validator: func(r contract.Reject) error { return may(r.Plan) }}),
		workflow.SetUpdateHandlerWithOptions(ctx, contract.RequestPause, func(workflow.Context, contract.Pause) error {
			p.Paused = true
			return nil
		}, workflow.UpdateHandlerOptions{Validator: func(contract.Pause) error {
			if p.Paused {
				return errors.New("paused already")
			}
			return nil
		}}),
		workflow.SetUpdateHandler(ctx, contract.RequestResume, func(workflow.Context, contract.Resume) error {
			p.Paused = false
			return nil
		}),
		workflow.SetUpdateHandler(ctx, contract.RequestThrottle, func(_ workflow.Context, r contract.Throttle) error {
			p.ThrottleMiBps = r.MiBps
			return nil
		}),
		workflow.SetUpdateHandler(ctx, contract.RequestAbort, func(_ workflow.Context, r contract.Abort) error {
			p.Stopping = "abort of " + r.Node
			return nil
		}),
	)
}

// end closes a run as the contract says: completed, cancelled, or failed with the reason as the error's type.
func (s *standIn) end(report *contract.Report) (*contract.Report, error) {
	switch {
	case report.Outcome.Good():
		return report, nil
	case report.Outcome == contract.OutcomeCancelled:
		return nil, temporal.NewCanceledError(*report)
	}
	typ := report.ErrorType
	if typ == "" {
		typ = contract.ErrorRun
	}
	return nil, temporal.NewNonRetryableApplicationError(string(report.Outcome), string(typ), nil, *report)
}

func (s *standIn) resyncNode(ctx workflow.Context) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour, HeartbeatTimeout: 20 * time.Second, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 50 * time.Millisecond, BackoffCoefficient: 1},
	}), "Clone").Get(ctx, nil)
}

func (s *standIn) copy(ctx context.Context) error {
	if activity.GetInfo(ctx).Attempt <= s.failures {
		return temporal.NewApplicationError("db1 refused the connection", string(contract.ErrorUnreachable))
	}
	s.copying.Add(1)
	for {
		activity.RecordHeartbeat(ctx, contract.StepProgress{
			Step: contract.StepClone, Stage: "FILE COPY", Bytes: 75 << 20, TotalBytes: 150 << 20, MiBps: 25,
		})
		select {
		case <-s.release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			return errors.New("the worker stops")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// begun waits until a copy is under way, and so until the run holds the cluster.
func (s *standIn) begun(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return s.copying.Load() > 0 }, time.Minute, 10*time.Millisecond, "no copy was begun")
}

// released lets every copy end at once.
func (s *standIn) released() *standIn {
	close(s.release)
	return s
}

// never shows that no workflow of the ID exists.
func never(t *testing.T, id string) {
	t.Helper()
	_, err := server.client.DescribeWorkflowExecution(t.Context(), id, "")
	require.Error(t, err, "workflow %s exists", id)
}
