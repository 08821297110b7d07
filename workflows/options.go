package workflows

import (
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	lockTries = 4
	lockPause = time.Second

	// heartbeatTimeout is how long a silent worker is waited for. Activities heartbeat every few seconds, so a longer silence means a
	// worker that is dead, frozen or cut off; the next attempt asks the servers what was done.
	heartbeatTimeout = 20 * time.Second
	// planning bounds the making of a plan, whose parts end by themselves long before.
	planning = 30 * time.Minute
	// longest bounds a single attempt of work that lasts as long as the data is large.
	longest = 7 * 24 * time.Hour
)

// unmendable are the errors that no further attempt can mend without a person. While nothing is destroyed they end the attempts. Behind
// the point of no return a person is waited for instead: a password that was changed in mid-run must not strand an erased node.
var unmendable = []string{
	string(contract.ErrorInventory), string(contract.ErrorInventoryChanged), string(contract.ErrorAccessDenied),
}

// endless is the number of attempts of what is tried until it succeeds or says itself that it is hopeless.
const endless = 0

// policy is how all activities are tried again: after a second, and then after twice as long each time, up to a bound.
func policy(maxInterval time.Duration, attempts int32, giveUp []string) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: maxInterval,
		MaximumAttempts: attempts, NonRetryableErrorTypes: giveUp,
	}
}

// looking is for activities that only read: quick, tried a few times, because a run that has changed nothing should end rather than
// wait for a server that stays away.
func looking(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		Summary:             summary,
		RetryPolicy:         policy(10*time.Second, 4, unmendable),
	})
}

// changing is for activities before the point of no return: tried for about a minute, so that a server's restart passes, and waited for
// when cancelled, so that the fence is never lifted beside an attempt that still raises it.
func changing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		Summary:             summary,
		RetryPolicy:         policy(20*time.Second, 8, unmendable),
	})
}

// finishing is for activities behind the point of no return: an erased node is worth any number of attempts, and a server that is
// down is waited for until somebody starts it or aborts the node. The activities themselves say when to give up, by an error that is
// not retryable.
func finishing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: longest,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		Summary:             summary,
		RetryPolicy:         policy(30*time.Second, endless, nil),
	})
}

// proving is for the row comparison outside a resync: long, and tried a few times.
func proving(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: longest,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		Summary:             summary,
		RetryPolicy:         policy(30*time.Second, 10, unmendable),
	})
}

// mailing is for the one mail of a run: tried for a day, because a mail provider's bad hour is no reason to leave a person untold.
func mailing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Minute,
		ScheduleToCloseTimeout: 24 * time.Hour,
		Summary:                summary,
		RetryPolicy:            policy(10*time.Minute, endless, nil),
	})
}

// nodeChild is for ResyncNode: it is cancelled, never terminated, with its parent, because a node past its erase must be finished;
// its ID is free again once it has closed.
func nodeChild(ctx workflow.Context, id, summary string) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WaitForCancellation:   true,
		StaticSummary:         summary,
	})
}
