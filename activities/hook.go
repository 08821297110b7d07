package activities

import (
	"context"
	"strings"

	"github.com/clusterresync/clusterresync/internal/hook"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// HookInput is what the hooks of a place are told.
type HookInput struct {
	InventoryHash string     `json:"inventoryHash"`
	Event         hook.Event `json:"event"`
}

// HookResult is what the hooks answered, one note each.
type HookResult struct {
	Notes []string `json:"notes,omitempty"`
}

// Hook calls the operator's hooks of one place, each as often as the inventory says. A worker that dies makes all of them be called again:
// the event's ID tells a hook that it has been called for it before. It fails for good with Hook when one fails whose failure means stop.
func (a *Activities) Hook(ctx context.Context, in HookInput) (HookResult, error) {
	result, err := a.callHooks(ctx, in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) callHooks(ctx context.Context, in HookInput) (HookResult, error) {
	pulse := startPulse(ctx, contract.Step(in.Event.Place))
	defer pulse.end()
	clusters, err := a.inventory()
	if err != nil {
		return HookResult{}, err
	}
	cluster, err := clusters.Pinned(in.Event.Cluster, in.InventoryHash)
	if err != nil {
		return HookResult{}, err
	}
	notes, err := hook.All(ctx, cluster.Hooks[in.Event.Place], in.Event, pulse.waiting)
	if err != nil && ctx.Err() == nil {
		// What the hooks before it said would be lost with the result.
		return HookResult{}, final(contract.ErrorHook, "%s", strings.Join(append([]string{err.Error()}, notes...), "; before that: "))
	}
	return HookResult{Notes: notes}, err
}
