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
	// UnreplicatedRescue writes them to the archive before they are destroyed; what cannot be rescued refuses the run.
	UnreplicatedRescue UnreplicatedWrites = "rescue"
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

// DelayedReplicas says what happens to a secondary that is deliberately behind its source (SOURCE_DELAY).
type DelayedReplicas string

// The choices for delayed replicas.
const (
	// DelayedRefuse refuses the run: a delayed replica may be somebody's last copy of an older state.
	DelayedRefuse DelayedReplicas = "refuse"
	// DelayedResync resyncs it as well: it is proven without its delay, which it gets back when it returns.
	DelayedResync DelayedReplicas = "resync"
)

// Quiet is the low-traffic gate: after the approval and before the first node is touched, the run waits for a quiet primary.
type Quiet struct {
	// Sessions is the most sessions of clients that may be at work on the primary at a look, 1 to 10000; default 5. Replicas do not count.
	Sessions int `json:"sessions,omitempty"`
	// For is how long it has to stay so, 1s to 1h; default 30s.
	For Duration `json:"for,omitempty"`
	// Within is how long is waited for that before the run is refused, up to 7 days; default 1h.
	Within Duration `json:"within,omitempty"`
}

// WithDefaults fills in what was left out.
func (q Quiet) WithDefaults() Quiet {
	if q.Sessions == 0 {
		q.Sessions = 5
	}
	if q.For == 0 {
		q.For = Duration(30 * time.Second)
	}
	if q.Within == 0 {
		q.Within = Duration(time.Hour)
	}
	return q
}

// Donors says who may feed a copy.
type Donors string

// The choices of donors.
const (
	// DonorsAny lets a secondary that was proven in this run feed the next.
	DonorsAny Donors = "any"
	// DonorsPrimary keeps the primary as the only donor.
	DonorsPrimary Donors = "primary"
)

// ProofWhere says who hashes the rows that are compared.
type ProofWhere string

// The choices of where rows are hashed.
const (
	// ProofWhereClient streams the rows to the worker: the least work for the servers.
	ProofWhereClient ProofWhere = "client"
	// ProofWhereServer lets each server hash its own rows and streams digests: for slow links, at about 2.4 times the servers' work.
	ProofWhereServer ProofWhere = "server"
)

// ProofOptions says how thorough the proof is.
type ProofOptions struct {
	// Rows compares every row of every table; default true. Without it a report never says more than that definitions, accounts
	// and GTIDs agree, and says so.
	Rows *bool `json:"rows,omitempty"`
	// Parallel is the number of streams per server, 1 to 16; default 2.
	Parallel int `json:"parallel,omitempty"`
	// Where says who hashes the rows; default client.
	Where ProofWhere `json:"where,omitempty"`
	// ThrottleMiBps limits what is read from the primary, in MiB/s, 0 to 1048576; 0 means no limit.
	ThrottleMiBps int `json:"throttleMiBps,omitempty"`
	// LockFallback allows a read lock on the primary for a moment where no moment without a commit in flight could be caught.
	LockFallback bool `json:"lockFallback,omitempty"`
	// Values shows the values of differing columns, which are data, in the report and the mail.
	Values bool `json:"values,omitempty"`
	// HideKeys withholds the keys of differing rows, which may be data as well.
	HideKeys bool `json:"hideKeys,omitempty"`
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
	// DelayedReplicas defaults to refuse.
	DelayedReplicas DelayedReplicas `json:"delayedReplicas,omitempty"`
	// OnUnreachable defaults to refuse.
	OnUnreachable OnUnreachable `json:"onUnreachable,omitempty"`
	// Donors defaults to any.
	Donors Donors `json:"donors,omitempty"`
	// MaxParallel is how many secondaries may be worked on at a time, 1 to 1000; default 1, and as many as are proven together where
	// nothing is taken out of service.
	MaxParallel int `json:"maxParallel,omitempty"`
	// MinServing is how many secondaries stay in service while others are down; default 1 where there are two or more, else 0.
	MinServing *int `json:"minServing,omitempty"`
	// ThrottleMiBps limits each copy, in MiB/s, 0 to 1048576; 0 means no limit.
	ThrottleMiBps int `json:"throttleMiBps,omitempty"`
	// AdaptiveThrottle gives way to load: each copy's limit is lowered while the primary, or a donor that is another node, works
	// harder than before the copy, and raised again up to ThrottleMiBps when it does not.
	AdaptiveThrottle bool `json:"adaptiveThrottle,omitempty"`
	// Quiet is the low-traffic gate; none is waited at when it is left out.
	Quiet *Quiet `json:"quiet,omitempty"`
	// AlignSettings brings a resynced node's settings in line with the primary's, as the plan shows it.
	AlignSettings bool `json:"alignSettings,omitempty"`
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
	// maxTogether is how many secondaries are proven with one reading of the primary. Each keeps old row versions for as long as the
	// slowest of them takes.
	maxTogether      = 8
	maxThrottleMiBps = 1 << 20
)

// ExampleRequest is a valid input to begin from.
const ExampleRequest = `{"cluster":"shop","mode":"plan"}`

// ProvenTogether is how many secondaries are proven as they are with one reading of the primary, 1 to 8. It is asked of a request as it
// came: the default of MaxParallel is for nodes that are taken out of service.
func (r Request) ProvenTogether() int {
	if r.MaxParallel == 0 {
		return maxTogether
	}
	return min(r.MaxParallel, maxTogether)
}

// WithDefaults fills in what was left out.
func (r Request) WithDefaults() Request {
	if r.Mode == "" {
		r.Mode = ModeResync
	}
	if r.UnreplicatedWrites == "" {
		r.UnreplicatedWrites = UnreplicatedRefuse
	}
	if r.DelayedReplicas == "" {
		r.DelayedReplicas = DelayedRefuse
	}
	if r.Quiet != nil {
		quiet := r.Quiet.WithDefaults()
		r.Quiet = &quiet
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
	if r.Proof.Where == "" {
		r.Proof.Where = ProofWhereClient
	}
	return r
}
