// Package contract is everything a caller of the cluster resync needs: the names of its workflows, the inputs it takes, the
// requests it answers, the reports it returns, its outcomes and its error types. It imports nothing but the standard library, and
// every type has JSON tags, so that a start from the Temporal UI, tctl, the temporal CLI or another language is as good as one from
// Go. It knows nothing of how a resync is done.
package contract

// Names by which callers address the system. They are part of the contract and never change their meaning.
const (
	// DefaultTaskQueue is where workers listen unless configured otherwise.
	DefaultTaskQueue = "cluster-resync"

	// WorkflowResyncCluster resyncs every chosen secondary of one cluster. Input: Request. Result: Report.
	WorkflowResyncCluster = "ResyncCluster"
	// WorkflowResyncNode resyncs one secondary; only ResyncCluster starts it.
	WorkflowResyncNode = "ResyncNode"
	// WorkflowVerifyNodes proves several secondaries as they are with one reading of the primary; only ResyncCluster starts it.
	WorkflowVerifyNodes = "VerifyNodes"
	// WorkflowClusterLock is held by a run for as long as it may change a cluster; only ResyncCluster starts it.
	WorkflowClusterLock = "ClusterLock"

	// QueryProgress answers with a Progress.
	QueryProgress = "progress"
)

// Names of the requests a running resync answers. Each exists as an Update, which is validated before it is accepted, and as a
// Signal with the same payload for clients that know no updates (tctl); a refused signal shows in Progress.RefusedRequests.
const (
	// RequestApprove carries an Approve.
	RequestApprove = "approve"
	// RequestReject carries a Reject.
	RequestReject = "reject"
	// RequestPause carries a Pause: no new node is begun.
	RequestPause = "pause"
	// RequestResume carries a Resume.
	RequestResume = "resume"
	// RequestThrottle carries a Throttle.
	RequestThrottle = "throttle"
	// RequestAbort carries an Abort: one node's clone is killed and the node stays fenced; one not yet erased is released as it was.
	RequestAbort = "abort"
)

// ClusterWorkflowID is the workflow ID that the starter gives a run. Any other is as good: the lock does not depend on it.
func ClusterWorkflowID(cluster string) string { return "resync/" + cluster }

// NodeWorkflowID is the workflow ID of the child that works on one node; one that verifies several has that of the first.
func NodeWorkflowID(cluster, node string) string { return "resync/" + cluster + "/" + node }

// LockWorkflowID is the workflow ID whose holder alone may change the cluster.
func LockWorkflowID(cluster string) string { return "resync-lock/" + cluster }

// PrimaryLockWorkflowID is a second lock, on the primary's server_uuid: it makes two inventory names of one cluster exclude each
// other.
func PrimaryLockWorkflowID(serverUUID string) string { return "resync-lock/primary/" + serverUUID }
