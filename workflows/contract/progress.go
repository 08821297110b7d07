package contract

import "time"

// Phase is where a run is.
type Phase string

// The phases of a run.
const (
	PhaseValidating    Phase = "validating"
	PhaseLocking       Phase = "locking"
	PhasePreconditions Phase = "preconditions"
	PhaseApproval      Phase = "awaiting approval"
	PhaseQuiet         Phase = "waiting for a quiet primary"
	PhaseNodes         Phase = "nodes"
	PhaseWatch         Phase = "watching"
	PhaseReport        Phase = "reporting"
	PhaseClosed        Phase = "closed"
)

// StepProgress is the heartbeat of every long activity and, for copies, what children tell their parent.
type StepProgress struct {
	Step Step `json:"step"`
	// Nodes are the secondaries that are worked on together; empty where it is the one of the workflow.
	Nodes []string `json:"nodes,omitempty"`
	// Stage is the finer position: a stage of the clone, a table of the proof.
	Stage string `json:"stage,omitempty"`
	// Bytes done of TotalBytes; a total of 0 means that it is not known yet.
	Bytes      int64 `json:"bytes,omitempty"`
	TotalBytes int64 `json:"totalBytes,omitempty"`
	// MiBps is the rate over the last seconds, in MiB/s.
	MiBps float64 `json:"mibps,omitempty"`
	// LimitMiBps is the limit that holds now, in MiB/s, where there is one: throttleMiBps, or less while adaptiveThrottle gives way.
	LimitMiBps int `json:"limitMiBps,omitempty"`
	// Rows and tables that the proof has compared.
	Rows        int64 `json:"rows,omitempty"`
	Tables      int   `json:"tables,omitempty"`
	TotalTables int   `json:"totalTables,omitempty"`
	// Waiting says what is waited for; empty while work goes on.
	Waiting string `json:"waiting,omitempty"`
}

// NodeProgress is one secondary in Progress.
type NodeProgress struct {
	Name  string `json:"name"`
	Donor string `json:"donor,omitempty"`
	// Step is empty before the node is begun.
	Step  Step      `json:"step,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Standing is set once the node is done.
	Standing Standing      `json:"standing,omitempty"`
	Detail   *StepProgress `json:"detail,omitempty"`
}

// Progress answers the query of the same name.
type Progress struct {
	RunID   string  `json:"runId"`
	Cluster string  `json:"cluster"`
	Mode    Mode    `json:"mode"`
	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome,omitempty"`
	// Plan is there from the preconditions on.
	Plan *Plan `json:"plan,omitempty"`
	// ApprovalUntil is when an awaited approval expires.
	ApprovalUntil time.Time      `json:"approvalUntil,omitzero"`
	Approval      *Approval      `json:"approval,omitempty"`
	Paused        bool           `json:"paused,omitempty"`
	Stopping      string         `json:"stopping,omitempty"`
	ThrottleMiBps int            `json:"throttleMiBps,omitempty"`
	Nodes         []NodeProgress `json:"nodes,omitempty"`
	// RefusedRequests are signals that were not accepted, newest last, at most 20.
	RefusedRequests []string `json:"refusedRequests,omitempty"`
}

// NodeSignal is what a child tells its parent, by the signal of the same name.
type NodeSignal struct {
	Node   string        `json:"node"`
	Step   Step          `json:"step"`
	At     time.Time     `json:"at"`
	Detail *StepProgress `json:"detail,omitempty"`
}

// SignalNode is the signal by which children tell the parent their step changes and, at most every 30 s, their bytes.
const SignalNode = "node-progress"
