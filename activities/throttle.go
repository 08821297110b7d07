package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/pressure"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// ThrottleInput is a node that is being refilled, and its new limit.
type ThrottleInput struct {
	Target Target `json:"target"`
	// MiBps is the limit in MiB/s; 0 means no limit.
	MiBps int `json:"mibps"`
}

// Throttle changes the limit of a copy under way; it takes effect within a second or two. An adaptive throttle stays below it from
// then on.
func (a *Activities) Throttle(ctx context.Context, in ThrottleInput) (Done, error) {
	site, err := a.openSite(in.Target)
	if err != nil {
		return Done{}, asTemporal(ctx, err)
	}
	defer site.close()
	return Done{Attempts: attempt(ctx)}, asTemporal(ctx, clone.SetThrottle(ctx, site.recipient, in.MiBps))
}

// askTimeout bounds a question to the parent.
const askTimeout = 10 * time.Second

// newestThrottle is the limit that was asked for last. The input is as old as the step's first attempt; the parent knows what came since.
// Where it does not answer, the last attempt's knowledge is the best there is.
func (a *Activities) newestThrottle(ctx context.Context, in CloneInput, pulse *pulse) int {
	if in.Parent != nil {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		var progress contract.Progress
		answer, err := a.config.Temporal.QueryWorkflow(asking, in.Parent.WorkflowID, in.Parent.RunID, contract.QueryProgress)
		if err == nil && answer.Get(&progress) == nil {
			return progress.ThrottleMiBps
		}
	}
	if known := pulse.snapshot().Ceiling; known != nil {
		return *known
	}
	return in.ThrottleMiBps
}

// confirmThrottle notes the limit in the heartbeats, and asks for it once more when the copy has begun: a change that was applied
// between the question and the clone's own setting would be lost.
func (a *Activities) confirmThrottle(ctx context.Context, in CloneInput, site *site, pulse *pulse, asked int,
	next func(clone.Progress)) func(clone.Progress) {
	confirmed := false
	return func(p clone.Progress) {
		pulse.tell(func(h *heartbeat) { h.Ceiling = &p.CeilingMiBps })
		next(p)
		if confirmed {
			return
		}
		confirmed = true
		if newest := a.newestThrottle(ctx, in, pulse); newest != asked {
			// A server that does not answer now is judged by the watch, not here.
			_ = clone.SetThrottle(ctx, site.recipient, newest)
		}
	}
}

// adaptTo prepares the adaptive throttle; nil without one. It learns how hard the servers work without the copy, unless an earlier
// attempt has. It never fails for a server that does not answer: that is what it is careful about.
func (a *Activities) adaptTo(ctx context.Context, in CloneInput, site *site, donor *donor, pulse *pulse) (func(context.Context, clone.Progress) int, error) {
	if !in.AdaptiveThrottle {
		return nil, nil
	}
	servers := []node.Reader{site.primary}
	if in.Donor != in.Target.Primary {
		servers = append(servers, donor.node)
	}
	var limiter pressure.Limiter
	if learnt := pulse.snapshot().Limiter; learnt != nil && len(learnt.Gauges) == len(servers) {
		limiter = *learnt
	}
	watch := pressure.NewWatch(limiter, servers...)
	running, err := clone.ReadStatus(ctx, site.recipient)
	if err != nil {
		return nil, err
	}
	// Beside a copy that runs there is no baseline to be learnt.
	if len(limiter.Gauges) == 0 && !running.Running() {
		pulse.waiting(fmt.Sprintf("a few seconds of the load on %s without the copy", strings.Join(names(servers), " and ")))
		if err := watch.Learn(ctx); err != nil {
			return nil, err
		}
		pulse.waiting("")
	}
	return func(ctx context.Context, p clone.Progress) int {
		limit := watch.Next(ctx, p.CeilingMiBps, p.MiBps)
		limiter := watch.Limiter()
		pulse.tell(func(h *heartbeat) { h.Limiter = &limiter })
		return limit
	}, nil
}

func names(servers []node.Reader) []string {
	all := make([]string, len(servers))
	for i, server := range servers {
		all[i] = server.Name()
	}
	return all
}
