package contract

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mailPattern takes plain addresses; whether one can be delivered to is for the mail's transport to find out.
var mailPattern = regexp.MustCompile(`^[^\s@<>,;:"()]+@[^\s@<>,;:"()]+$`)

var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

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
	oneOf(add, "unreplicatedWrites", string(r.UnreplicatedWrites), "refuse", "rescue", "discard")
	oneOf(add, "delayedReplicas", string(r.DelayedReplicas), "refuse", "resync")
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
	oneOf(add, "proof.where", string(r.Proof.Where), "client", "server")
	between(add, "proof.throttleMiBps", r.Proof.ThrottleMiBps, 0, maxThrottleMiBps)
	if r.AlignSettings && r.Mode == ModeVerify {
		add("alignSettings: a run with mode verify changes nothing; leave it out, or use resync or repair")
	}
	if r.Quiet != nil {
		quiet := r.Quiet.WithDefaults()
		between(add, "quiet.sessions", quiet.Sessions, 1, 10000)
		within(add, "quiet.for", quiet.For, time.Second, time.Hour)
		within(add, "quiet.within", quiet.Within, time.Second, 7*24*time.Hour)
	}
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
