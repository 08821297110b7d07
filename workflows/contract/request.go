package contract

import "time"

// Mode says what a run does.
type Mode string

// The modes of a run.
const (
	// ModeResync erases, refills and proves every chosen secondary.
	ModeResync Mode = "resync"
	// ModeRepair proves every chosen secondary and resyncs only those that fail.
	ModeRepair Mode = "repair"
	// ModeVerify proves every chosen secondary and changes nothing but the applier's short pause.
	ModeVerify Mode = "verify"
	// ModePlan computes the plan and ends.
	ModePlan Mode = "plan"
)

// UnreplicatedWrites says what happens to writes that a secondary has and the primary does not.
type UnreplicatedWrites string

// The choices for unreplicated writes.
const (
	// UnreplicatedRefuse refuses a run that would destroy any.
	UnreplicatedRefuse UnreplicatedWrites = "refuse"
	// UnreplicatedDiscard destroys them; it needs approval of the very plan that shows them.
	UnreplicatedDiscard UnreplicatedWrites = "discard"
)

// OnUnreachable says what a secondary means that cannot be reached.
type OnUnreachable string

// The choices for an unreachable secondary.
const (
	// UnreachableRefuse refuses the run.
	UnreachableRefuse OnUnreachable = "refuse"
	// UnreachableSkip leaves the secondary out and names it in the report.
	UnreachableSkip OnUnreachable = "skip"
)

// Donors says who may feed a copy.
type Donors string

// The choices of donors.
const (
	// DonorsAny lets a secondary that was proven in this run feed the next.
	DonorsAny Donors = "any"
	// DonorsPrimary keeps the primary as the only donor.
	DonorsPrimary Donors = "primary"
)

// ProofOptions says how thorough the proof is.
type ProofOptions struct {
	// Rows compares every row of every table; default true. Without it a report never says more than that definitions, accounts
	// and GTIDs agree, and says so.
	Rows *bool `json:"rows,omitempty"`
	// Parallel is the number of streams per server, 1 to 16; default 2.
	Parallel int `json:"parallel,omitempty"`
}

// CompareRows reports whether rows are compared.
func (p ProofOptions) CompareRows() bool { return p.Rows == nil || *p.Rows }

// Request is the input of ResyncCluster. Decoding it never fails: whatever is wrong with it is collected and named at once by
// Problems.
type Request struct {
	// Cluster is the cluster's name in the worker's inventory.
	Cluster string `json:"cluster"`
	// Mode defaults to resync.
	Mode Mode `json:"mode,omitempty"`
	// Plan binds the run to a plan seen before: another plan is refused.
	Plan string `json:"plan,omitempty"`
	// Confirm is the cluster's name again: approval in advance. It is good for a plan that destroys nothing that is not rescued, or
	// for the plan named by Plan.
	Confirm string `json:"confirm,omitempty"`
	// Nodes chooses secondaries; empty means all.
	Nodes []string `json:"nodes,omitempty"`
	// UnreplicatedWrites defaults to refuse.
	UnreplicatedWrites UnreplicatedWrites `json:"unreplicatedWrites,omitempty"`
	// OnUnreachable defaults to refuse.
	OnUnreachable OnUnreachable `json:"onUnreachable,omitempty"`
	// Donors defaults to any.
	Donors Donors `json:"donors,omitempty"`
	// MaxParallel is how many secondaries may be worked on at a time, 1 to 1000; default 1.
	MaxParallel int `json:"maxParallel,omitempty"`
	// MinServing is how many secondaries stay in service while others are down; default 1 where there are two or more, else 0.
	MinServing *int `json:"minServing,omitempty"`
	// ThrottleMiBps limits each copy, in MiB/s, 0 to 1048576; 0 means no limit.
	ThrottleMiBps int `json:"throttleMiBps,omitempty"`
	// Proof says how thorough the proof is.
	Proof ProofOptions `json:"proof,omitempty"`
	// Watch is how long the cluster is watched after the last return; default 5m, "0s" for not at all.
	Watch *Duration `json:"watch,omitempty"`
	// ApprovalTimeout is how long an approval is awaited; default 24h.
	ApprovalTimeout Duration `json:"approvalTimeout,omitempty"`
	// Notify are mail addresses besides those of the inventory.
	Notify []string `json:"notify,omitempty"`
	// RequestedBy names the person or program that asked, for the report.
	RequestedBy string `json:"requestedBy,omitempty"`

	problems []string
}

// Defaults and limits of a Request.
const (
	DefaultWatch           = 5 * time.Minute
	DefaultApprovalTimeout = 24 * time.Hour
	maxParallelLimit       = 1000
	maxThrottleMiBps       = 1 << 20
)

// ExampleRequest is a valid input to begin from.
const ExampleRequest = `{"cluster":"shop","mode":"plan"}`

// WithDefaults fills in what was left out.
func (r Request) WithDefaults() Request {
	if r.Mode == "" {
		r.Mode = ModeResync
	}
	if r.UnreplicatedWrites == "" {
		r.UnreplicatedWrites = UnreplicatedRefuse
	}
	if r.OnUnreachable == "" {
		r.OnUnreachable = UnreachableRefuse
	}
	if r.Donors == "" {
		r.Donors = DonorsAny
	}
	if r.MaxParallel == 0 {
		r.MaxParallel = 1
	}
	if r.Watch == nil {
		watch := Duration(DefaultWatch)
		r.Watch = &watch
	}
	if r.ApprovalTimeout == 0 {
		r.ApprovalTimeout = Duration(DefaultApprovalTimeout)
	}
	if r.Proof.Parallel == 0 {
		r.Proof.Parallel = 2
	}
	return r
}
