package workflows_test

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	require.TestingT
	Helper()
	Logf(format string, args ...any)
}

const (
	lockID        = "resync-lock/shop"
	primaryLockID = "resync-lock/primary/uuid-of-p"
)

// story is one run of ResyncCluster on a small cluster in memory, and what people do to it on the way.
//
// The SDK's test environment knows no server, so a few things are the end-to-end tests' to show: an activity that is cancelled is
// given up at once here, whatever WaitForCancellation says (the script's claims stand in for it); activities that are tried for ever
// are given up after ten attempts; a lock's holder cannot be looked up; nothing is replayed.
type story struct {
	*script
	t       tester
	env     *testsuite.TestWorkflowEnvironment
	request contract.Request
	report  contract.Report
	err     error
	// pending counts what has not happened yet; a run must not end before, unless it mayEndEarly.
	pending     int
	mayEndEarly bool
	// ended closes with the run, so that nothing waits for a main loop that is gone.
	ended chan struct{}
	// closing is what happens when a child closes, by its workflow ID.
	closing map[string]func()
	// terminated are nodes whose child somebody ended from outside, terminates those to come and after which step.
	terminated map[string]bool
	terminates map[string]string
	// deaf keeps children from reaching the run with anything but their progress, as if it were gone.
	deaf bool
}

// tell begins a story of a cluster "shop" with these secondaries, all in service, and a request that is approved in advance.
func tell(t tester, names ...string) *story {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	s := &story{
		script: newScript(newServers(names...)), t: t, env: suite.NewTestWorkflowEnvironment(), ended: make(chan struct{}),
		request:    contract.Request{Cluster: "shop", Confirm: "shop", RequestedBy: "ann"},
		terminated: map[string]bool{}, terminates: map[string]string{}, closing: map[string]func(){},
	}
	// How long the machine takes is no matter of these tests.
	s.env.SetTestTimeout(5 * time.Minute).SetWorkerOptions(worker.Options{
		DeadlockDetectionTimeout: 5 * time.Minute, Interceptors: []interceptor.WorkerInterceptor{&terminator{story: s}},
	})
	s.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "started-by-hand"})
	s.env.RegisterActivity(s.script)
	s.env.RegisterWorkflowWithOptions(workflows.ResyncCluster, workflow.RegisterOptions{Name: contract.WorkflowResyncCluster})
	s.env.RegisterWorkflowWithOptions(s.node, workflow.RegisterOptions{Name: contract.WorkflowResyncNode})
	s.env.RegisterWorkflowWithOptions(workflows.VerifyNodes, workflow.RegisterOptions{Name: contract.WorkflowVerifyNodes})
	s.env.RegisterWorkflowWithOptions(workflows.ClusterLock, workflow.RegisterOptions{Name: contract.WorkflowClusterLock})
	// Only a lock that is gone already is looked for outside the environment.
	s.env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, mock.Anything).Return(errors.New("no such workflow"))
	s.listen()
	return s
}

// node is ResyncNode, and can be terminated, which the test environment cannot do to a child.
func (s *story) node(ctx workflow.Context, in workflows.NodeInput) (contract.NodeReport, error) {
	var (
		report contract.NodeReport
		err    error
		closed bool
	)
	workflow.Go(ctx, func(ctx workflow.Context) {
		report, err = workflows.ResyncNode(ctx, in)
		closed = true
	})
	apart, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(apart, func() bool { return closed || s.terminated[in.Target.Node] })
	if !closed {
		return report, &temporal.TerminatedError{}
	}
	return report, err
}

// terminator keeps the coroutines of a child that is being terminated from beginning anything more.
type terminator struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
	story *story
}

func (i *terminator) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	own := &terminator{story: i.story}
	own.WorkflowInboundInterceptorBase.Next = next
	return own
}

func (i *terminator) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	i.WorkflowOutboundInterceptorBase.Next = outbound
	return i.WorkflowInboundInterceptorBase.Init(i)
}

func (i *terminator) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if i.story.terminated[nodeOf(workflow.GetInfo(ctx).WorkflowExecution.ID)] {
		never, _ := workflow.NewFuture(ctx)
		return never
	}
	return i.WorkflowOutboundInterceptorBase.ExecuteActivity(ctx, name, args...)
}

func (i *terminator) SignalExternalWorkflow(ctx workflow.Context, id, run, signal string, arg any) workflow.Future {
	if i.story.deaf && nodeOf(workflow.GetInfo(ctx).WorkflowExecution.ID) != "" && signal != contract.SignalNode {
		failed, set := workflow.NewFuture(ctx)
		set.SetError(errors.New("no such workflow"))
		return failed
	}
	return i.WorkflowOutboundInterceptorBase.SignalExternalWorkflow(ctx, id, run, signal, arg)
}

// nodeOf is the node of a child's workflow ID; empty for other workflows.
func nodeOf(id string) string {
	if node, is := strings.CutPrefix(id, "resync/shop/"); is {
		return node
	}
	return ""
}

// listen keeps the record of what the workflows see: results, and children that begin and close.
func (s *story) listen() {
	s.env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, err error) {
		node := nodeOf(info.WorkflowExecution.ID)
		s.write(event{kind: "heard", step: info.ActivityType.Name, node: node, attempt: info.Attempt, err: err})
		if s.terminates[node] == info.ActivityType.Name && s.idle(node) {
			s.terminated[node] = true
		}
	})
	s.env.SetOnActivityCanceledListener(func(info *activity.Info) {
		s.write(event{kind: "heard", step: info.ActivityType.Name, node: nodeOf(info.WorkflowExecution.ID), err: temporal.NewCanceledError()})
	})
	s.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		s.write(event{kind: "begun", step: info.WorkflowExecution.ID, node: nodeOf(info.WorkflowExecution.ID)})
	})
	s.env.SetOnChildWorkflowCompletedListener(func(info *workflow.Info, _ converter.EncodedValue, err error) {
		s.write(event{kind: "closed", step: info.WorkflowExecution.ID, node: nodeOf(info.WorkflowExecution.ID), err: err})
		if happens := s.closing[info.WorkflowExecution.ID]; happens != nil {
			happens()
		}
	})
}

// run plays the story to its end and holds it to the laws.
func (s *story) run() contract.Report {
	s.t.Helper()
	return s.runWith(s.request)
}

// runWith starts the run with any input, as a caller of another language might.
func (s *story) runWith(input ...any) contract.Report {
	s.t.Helper()
	s.env.ExecuteWorkflow(contract.WorkflowResyncCluster, input...)
	close(s.ended)
	require.True(s.t, s.env.IsWorkflowCompleted())
	if !s.mayEndEarly {
		require.Zero(s.t, s.pending+len(s.hooks), "the run ended before everything had happened to it: %v, %v", s.record, s.env.GetWorkflowError())
	}
	s.err = s.env.GetWorkflowError()
	require.NoError(s.t, s.readReport(), "whatever the outcome, the report comes with it")
	s.requireLaws()
	return s.report
}

// runBeside runs as the child of a workflow that first does something of its own and at the end takes it back.
func (s *story) runBeside(first func(workflow.Context) (atTheEnd func())) contract.Report {
	s.t.Helper()
	s.env.ExecuteWorkflow(func(ctx workflow.Context) error {
		atTheEnd := first(ctx)
		run := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "beside"}),
			contract.WorkflowResyncCluster, s.request)
		var report contract.Report
		s.err = run.Get(ctx, &report)
		atTheEnd()
		if s.err == nil {
			s.report = report
			return nil
		}
		return s.readReport()
	})
	close(s.ended)
	require.NoError(s.t, s.env.GetWorkflowError())
	s.requireLaws()
	return s.report
}

// readReport finds the report where a caller finds it: the result, or the details of the failure or the cancel.
func (s *story) readReport() error {
	var (
		failed    *temporal.ApplicationError
		cancelled *temporal.CanceledError
	)
	switch {
	case s.err == nil:
		return s.env.GetWorkflowResult(&s.report)
	case errors.As(s.err, &failed):
		return failed.Details(&s.report)
	case errors.As(s.err, &cancelled):
		return cancelled.Details(&s.report)
	}
	return s.err
}

// index is where the first such line of the record is; there must be one.
func (s *story) index(kind, step, node string) int {
	s.t.Helper()
	at := slices.IndexFunc(s.record, func(e event) bool { return e.kind == kind && e.step == step && e.node == node })
	require.GreaterOrEqual(s.t, at, 0, "%s %s %s is not in the record", kind, step, node)
	return at
}

// standing is where the report says that a node stands.
func (s *story) standing(node string) contract.Standing { return s.nodeReport(node).Standing }

func (s *story) nodeReport(node string) contract.NodeReport {
	at := slices.IndexFunc(s.report.Nodes, func(n contract.NodeReport) bool { return n.Name == node })
	if at < 0 {
		return contract.NodeReport{}
	}
	return s.report.Nodes[at]
}
