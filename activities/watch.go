package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// watchEvery is how often the watch period looks.
const watchEvery = 5 * time.Second

// WatchInput is which returned nodes to watch, and for how long.
type WatchInput struct {
	Targets  []Target      `json:"targets"`
	Duration time.Duration `json:"duration"`
}

// Watch looks at the returned nodes for a while: do they follow, how far are they behind, has anybody written to them. A worker that
// dies makes the period begin again; it changes nothing.
func (a *Activities) Watch(ctx context.Context, in WatchInput) (contract.WatchReport, error) {
	result, err := a.watch(ctx, in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) watch(ctx context.Context, in WatchInput) (contract.WatchReport, error) {
	pulse := startPulse(ctx, "watch")
	defer pulse.end()
	result := contract.WatchReport{Duration: contract.Duration(in.Duration)}
	for _, target := range in.Targets {
		result.Nodes = append(result.Nodes, contract.WatchNode{Name: target.Node, MaxLagSeconds: -1})
	}
	until := time.Now().Add(in.Duration)
	for {
		for i, target := range in.Targets {
			a.watchOnce(ctx, target, &result.Nodes[i])
		}
		result.Looks++
		if time.Now().After(until) {
			return result, nil
		}
		if err := node.Sleep(ctx, watchEvery); err != nil {
			return result, err
		}
	}
}

// watchOnce keeps the first problem seen: later ones are often its consequences.
func (a *Activities) watchOnce(ctx context.Context, target Target, seen *contract.WatchNode) {
	problem := func(format string, args ...any) {
		if seen.Problem == "" {
			seen.Problem = time.Now().UTC().Format(time.TimeOnly) + " UTC: " + fmt.Sprintf(format, args...)
		}
	}
	site, err := a.openSite(target)
	if err != nil {
		problem("%v", err)
		return
	}
	defer site.close()
	channels, err := site.recipient.Replication(ctx)
	switch {
	case err != nil:
		problem("%v", err)
		return
	case len(channels) == 0:
		problem("it has no replication channel any more")
		return
	case channels[0].Trouble() != "":
		problem("replication: %s", channels[0].Trouble())
	case !channels[0].IORunning():
		problem("its receiver is not connected")
	case channels[0].LagSeconds != nil:
		seen.MaxLagSeconds = max(seen.MaxLagSeconds, *channels[0].LagSeconds)
	}
	errant, count, err := check.Errant(ctx, site.recipient, site.primary)
	switch {
	case err != nil:
		problem("%v", err)
	case count > 0:
		problem("%d transactions were written on it that the primary does not have: %s", count, errant)
	}
}
