package contract

import "time"

// Standing is where one secondary stood when the run ended.
type Standing string

// The standings of a secondary.
const (
	// StandingProven: erased, refilled, proven equal and in service.
	StandingProven Standing = "proven"
	// StandingVerified: proven equal as it was; nothing was changed.
	StandingVerified Standing = "verified"
	// StandingDiverged: found to differ; nothing was changed.
	StandingDiverged Standing = "diverged"
	// StandingUntouched: begun or not, it was left with data, GTIDs, channel and settings as before.
	StandingUntouched Standing = "untouched"
	// StandingSkipped: left out, because it was unreachable or not needed.
	StandingSkipped Standing = "skipped"
	// StandingFenced: past its erase and not proven; it is fenced and must not be used.
	StandingFenced Standing = "fenced"
	// StandingUnknown: the run could not find out; treat it as fenced.
	StandingUnknown Standing = "unknown"
)

// Step names one step of a node's resync, in the order of the run.
type Step string

// The steps of a node's resync.
const (
	StepRecheck  Step = "recheck"
	StepNote     Step = "note"
	StepFence    Step = "fence"
	StepJudge    Step = "judge"
	StepRehearse Step = "rehearse"
	// StepRescue keeps the writes that only this node has.
	StepRescue Step = "rescue"
	StepErase  Step = "erase"
	StepClone  Step = "clone"
	StepFollow Step = "follow"
	StepVerify Step = "verify"
	StepReturn Step = "return"
	// StepRelease lifts the fence of a node that was not erased.
	StepRelease Step = "release"
)

// StepReport is one step that was taken.
type StepReport struct {
	Step     Step      `json:"step"`
	Began    time.Time `json:"began"`
	Duration Duration  `json:"duration"`
	// Attempts is how often it was tried; 1 when nothing went wrong.
	Attempts int `json:"attempts"`
	// Error is the step's last error; empty when it succeeded.
	Error string `json:"error,omitempty"`
}

// Destroyed is what the erase of one node removed.
type Destroyed struct {
	// GTIDs is the node's executed set just before.
	GTIDs string `json:"gtids,omitempty"`
	// ErrantGTIDs are those of them that nobody else had.
	ErrantGTIDs string   `json:"errantGtids,omitempty"`
	Schemas     []string `json:"schemas,omitempty"`
	Tables      int      `json:"tables"`
	// Bytes is the size of the dropped tables.
	Bytes int64 `json:"bytes"`
}

// Rescued is where the writes of one node lie that only it had.
type Rescued struct {
	// Where is the folder on Host, with a manifest that says how to replay it. Other machines see it only if the archive is shared.
	Where string `json:"where"`
	Host  string `json:"host"`
	// Entry is its name in the archive.
	Entry string `json:"entry"`
	GTIDs string `json:"gtids"`
	// Transactions and Bytes count what was written and read back.
	Transactions int64 `json:"transactions"`
	Bytes        int64 `json:"bytes"`
	// ManifestSHA256 is that of the manifest, which holds those of all files.
	ManifestSHA256 string `json:"manifestSha256"`
}

// Copy is how one node was refilled.
type Copy struct {
	Donor    string   `json:"donor"`
	Bytes    int64    `json:"bytes"`
	Duration Duration `json:"duration"`
	// MiBps is the mean rate while copying, in MiB/s.
	MiBps float64 `json:"mibps"`
	// Joined is true when the clone outlived the worker that began it.
	Joined bool `json:"joined,omitempty"`
	// StartedByHand is true when the server had no supervisor and somebody started it (error 3707).
	StartedByHand bool `json:"startedByHand,omitempty"`
	// GTIDs is the set that the copy stood at.
	GTIDs string `json:"gtids,omitempty"`
}

// NodeReport is what became of one secondary.
type NodeReport struct {
	Name       string   `json:"name"`
	ServerUUID string   `json:"serverUuid,omitempty"`
	Standing   Standing `json:"standing"`
	// State says in a sentence what state the node is in now.
	State string `json:"state"`
	// Aligned are the statements that brought its settings in line with the primary's.
	Aligned []string `json:"aligned,omitempty"`
	// Next says what to do; empty when there is nothing to do.
	Next      string    `json:"next,omitempty"`
	ErrorType ErrorType `json:"errorType,omitempty"`
	Error     string    `json:"error,omitempty"`
	// DonorFailed says that the error is the donor's: with another donor the node may be resynced.
	DonorFailed bool         `json:"donorFailed,omitempty"`
	Steps       []StepReport `json:"steps,omitempty"`
	Rescued     *Rescued     `json:"rescued,omitempty"`
	Destroyed   *Destroyed   `json:"destroyed,omitempty"`
	Copy        *Copy        `json:"copy,omitempty"`
	Proof       *Proof       `json:"proof,omitempty"`
	// Notes are things worth knowing that are no errors.
	Notes []string `json:"notes,omitempty"`
}

// WatchNode is what the watch period saw on one secondary.
type WatchNode struct {
	Name string `json:"name"`
	// MaxLagSeconds is the greatest lag seen; -1 when it never followed.
	MaxLagSeconds int64 `json:"maxLagSeconds"`
	// Problem is empty when nothing was wrong.
	Problem string `json:"problem,omitempty"`
}

// WatchReport is what the watch period after the last return saw.
type WatchReport struct {
	Duration Duration    `json:"duration"`
	Looks    int         `json:"looks"`
	Nodes    []WatchNode `json:"nodes"`
}

// Report is the result of a run. A run whose outcome is not good closes as failed (or cancelled) and carries it as the typed details
// of its error.
type Report struct {
	RunID      string    `json:"runId"`
	WorkflowID string    `json:"workflowId"`
	Cluster    string    `json:"cluster"`
	Mode       Mode      `json:"mode"`
	Outcome    Outcome   `json:"outcome"`
	ErrorType  ErrorType `json:"errorType,omitempty"`
	// Reason says why the outcome is what it is, and what to do.
	Reason      string       `json:"reason"`
	RequestedBy string       `json:"requestedBy,omitempty"`
	Began       time.Time    `json:"began"`
	Ended       time.Time    `json:"ended"`
	Plan        *Plan        `json:"plan,omitempty"`
	Approval    *Approval    `json:"approval,omitempty"`
	Nodes       []NodeReport `json:"nodes,omitempty"`
	Watch       *WatchReport `json:"watch,omitempty"`
	// Notes are things worth knowing of the run as a whole that are no errors, such as what a hook answered.
	Notes []string `json:"notes,omitempty"`
	// Audit says where the run's audit record is; empty when the worker keeps none.
	Audit string `json:"audit,omitempty"`
	// Mail says where the mail went, or why it could not be sent; it is filled in after the mail itself was written.
	Mail string `json:"mail,omitempty"`
}
