package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// signalRelease tells ClusterLock that its holder is done.
const signalRelease = "release"

// LockInput says for whom a lock is held, for those who look at it in the UI.
type LockInput struct {
	Cluster  string `json:"cluster"`
	HeldByID string `json:"heldById"`
}

// ClusterLock only waits. That it is open under its fixed workflow ID is the lock (I6): a second child of that ID is refused by the
// server whatever ID the run itself has, its parent names the holder, and the server ends it when the holder closes in any way, so
// that it cannot leak.
func ClusterLock(ctx workflow.Context, in LockInput) error {
	workflow.SetCurrentDetails(ctx, "Held by `"+in.HeldByID+"` for cluster **"+in.Cluster+"**.")
	released := workflow.GetSignalChannel(ctx, signalRelease)
	var err error
	workflow.NewSelector(ctx).
		AddReceive(released, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { err = ctx.Err() }).
		Select(ctx)
	return err
}

// clusterLock is a lock that a run holds.
type clusterLock struct {
	id       string
	future   workflow.ChildWorkflowFuture
	released bool
}

// errHeld says that another run holds a lock.
var errHeld = errors.New("the lock is held")

// acquire takes the lock of the given workflow ID. A holder that has just closed may still be refused for a moment, because the
// server ends its lock asynchronously, hence the few tries. The lock is begun on a disconnected context: a cancel of the run must not
// drop it while nodes are still being finished.
func acquire(ctx workflow.Context, id string, in LockInput) (*clusterLock, error) {
	apart, _ := workflow.NewDisconnectedContext(ctx)
	for try := 1; ; try++ {
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(apart, workflow.ChildWorkflowOptions{
			WorkflowID:    id,
			StaticSummary: "Lock " + id,
		}), ClusterLock, in)
		err := child.GetChildWorkflowExecution().Get(apart, nil)
		if err == nil {
			return &clusterLock{id: id, future: child}, nil
		}
		if !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
			return nil, err
		}
		if try == lockTries {
			return nil, errHeld
		}
		if err := workflow.Sleep(ctx, lockPause); err != nil {
			return nil, err
		}
	}
}

// lost reports that somebody ended the lock while it was held.
func (l *clusterLock) lost() bool { return !l.released && l.future.IsReady() }

// release ends the lock.
func (l *clusterLock) release(ctx workflow.Context) {
	if l.future.IsReady() {
		return
	}
	l.released = true
	// A lock that has closed by itself cannot be told; there is nothing left to do then.
	_ = l.future.SignalChildWorkflow(ctx, signalRelease, nil).Get(ctx, nil)
	_ = l.future.Get(ctx, nil)
}

// primaryLockID is the lock that two inventory names of one cluster share.
func primaryLockID(plan contract.Plan) string {
	return contract.PrimaryLockWorkflowID(plan.Primary.ServerUUID)
}
