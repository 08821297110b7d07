package contract

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

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
	// Confirm is the cluster's name again: approval in advance. It is good for a plan that destroys no unreplicated writes, or for
	// the plan named by Plan.
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

// mailPattern takes plain addresses; whether one can be delivered to is for the mail's transport to find out.
var mailPattern = regexp.MustCompile(`^[^\s@<>,;:"()]+@[^\s@<>,;:"()]+$`)

var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// UnmarshalJSON decodes field by field and collects every problem instead of failing at the first: a Temporal workflow whose input
// does not decode never runs a line of its code, and nobody would be told.
func (r *Request) UnmarshalJSON(data []byte) error {
	*r = Request{}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		r.problems = append(r.problems, fmt.Sprintf("the input is not a JSON object: want for example %s", ExampleRequest))
		return nil
	}
	into := map[string]any{
		"cluster": &r.Cluster, "mode": &r.Mode, "plan": &r.Plan, "confirm": &r.Confirm, "nodes": &r.Nodes,
		"unreplicatedWrites": &r.UnreplicatedWrites, "onUnreachable": &r.OnUnreachable, "donors": &r.Donors,
		"maxParallel": &r.MaxParallel, "minServing": &r.MinServing, "throttleMiBps": &r.ThrottleMiBps,
		"watch": &r.Watch, "approvalTimeout": &r.ApprovalTimeout, "notify": &r.Notify, "requestedBy": &r.RequestedBy,
		"problems": &r.problems,
	}
	proof := map[string]any{"rows": &r.Proof.Rows, "parallel": &r.Proof.Parallel}
	r.decode("", fields, into, func(name string, raw json.RawMessage) bool {
		if name != "proof" {
			return false
		}
		var inner map[string]json.RawMessage
		if err := json.Unmarshal(raw, &inner); err != nil {
			r.problems = append(r.problems, fmt.Sprintf("proof: want an object, got %s", short(raw)))
			return true
		}
		r.decode("proof.", inner, proof, func(string, json.RawMessage) bool { return false })
		return true
	})
	return nil
}

// MarshalJSON writes the fields, and the problems found while decoding, so that a Request passed on to a continued run keeps them.
func (r Request) MarshalJSON() ([]byte, error) {
	type plain Request
	return json.Marshal(struct {
		plain
		Problems []string `json:"problems,omitempty"`
	}{plain(r), r.problems})
}

func (r *Request) decode(prefix string, fields map[string]json.RawMessage, into map[string]any,
	nested func(string, json.RawMessage) bool) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		raw := fields[name]
		if nested(name, raw) {
			continue
		}
		target, known := into[name]
		if !known {
			r.problems = append(r.problems, fmt.Sprintf("%s%s: unknown field%s", prefix, name, nearest(name, into)))
			continue
		}
		if err := json.Unmarshal(raw, target); err != nil {
			r.problems = append(r.problems, fmt.Sprintf("%s%s: %s", prefix, name, wrongType(err, raw)))
		}
	}
}

func wrongType(err error, raw json.RawMessage) string {
	if typed, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Sprintf("want %s, got %s", jsonType(typed.Type.Kind().String()), short(raw))
	}
	return err.Error()
}

func jsonType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case kind == "slice":
		return "a list"
	case kind == "bool":
		return "true or false"
	default:
		return "a " + kind
	}
}

func short(raw json.RawMessage) string {
	const limit = 60
	if len(raw) > limit {
		return strings.ToValidUTF8(string(raw[:limit]), "") + "..."
	}
	return string(raw)
}

// nearest suggests a field that differs only in case or separators.
func nearest(name string, into map[string]any) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
	}
	for known := range into {
		if known != "problems" && plain(known) == plain(name) {
			return fmt.Sprintf(" (did you mean %s?)", known)
		}
	}
	return ""
}

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

// Problems names everything that is wrong with the input, in a fixed order; empty means that it can be used.
func (r Request) Problems() []string {
	problems := slices.Clone(r.problems)
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if r.Cluster == "" {
		add("cluster: missing; name the cluster to resync, for example %s", ExampleRequest)
	} else if !namePattern.MatchString(r.Cluster) {
		add("cluster: %q is not a name; want lower-case letters, digits and hyphens", r.Cluster)
	}
	oneOf(add, "mode", string(r.Mode), "resync", "repair", "verify", "plan")
	oneOf(add, "unreplicatedWrites", string(r.UnreplicatedWrites), "refuse", "discard")
	oneOf(add, "onUnreachable", string(r.OnUnreachable), "refuse", "skip")
	oneOf(add, "donors", string(r.Donors), "any", "primary")
	seen := map[string]bool{}
	for _, node := range r.Nodes {
		if !namePattern.MatchString(node) {
			add("nodes: %q is not a name; want lower-case letters, digits and hyphens", node)
		} else if seen[node] {
			add("nodes: %s is named twice", node)
		}
		seen[node] = true
	}
	between(add, "maxParallel", r.MaxParallel, 0, maxParallelLimit)
	if r.MinServing != nil {
		between(add, "minServing", *r.MinServing, 0, maxParallelLimit)
	}
	between(add, "throttleMiBps", r.ThrottleMiBps, 0, maxThrottleMiBps)
	between(add, "proof.parallel", r.Proof.Parallel, 0, 16)
	if r.Watch != nil {
		within(add, "watch", *r.Watch, 0, 24*time.Hour)
	}
	within(add, "approvalTimeout", r.ApprovalTimeout, 0, 30*24*time.Hour)
	for _, address := range r.Notify {
		if !mailPattern.MatchString(address) {
			add("notify: %q is not a mail address such as ann@example.com", address)
		}
	}
	return problems
}

// ReachableNotify are those addresses of Notify that can be mailed, whatever else is wrong with the input.
func (r Request) ReachableNotify() []string {
	var good []string
	for _, address := range r.Notify {
		if mailPattern.MatchString(address) {
			good = append(good, address)
		}
	}
	return good
}

func oneOf(add func(string, ...any), field, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		add("%s: %q is not one of %s", field, value, strings.Join(allowed, ", "))
	}
}

func between(add func(string, ...any), field string, value, low, high int) {
	if value < low || value > high {
		add("%s: %d is not between %d and %d", field, value, low, high)
	}
}

func within(add func(string, ...any), field string, value Duration, low, high time.Duration) {
	if value.Std() < low || value.Std() > high {
		add("%s: %s is not between %s and %s", field, value, low, high)
	}
}
