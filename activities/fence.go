package activities

import (
	"context"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// FenceInput is the node to fence.
type FenceInput struct {
	Target Target `json:"target"`
}

// Fence keeps clients, events and replication away from the node until it is proven; persisted, so that no restart lifts it (I3).
func (a *Activities) Fence(ctx context.Context, in FenceInput) (Done, error) {
	return Done{Attempts: attempt(ctx)}, asTemporal(ctx, a.fence(ctx, in))
}

func (a *Activities) fence(ctx context.Context, in FenceInput) error {
	pulse := startPulse(ctx, contract.StepFence)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return err
	}
	defer site.close()
	claim, err := site.claim(ctx, a.stillCurrent(ctx, pulse))
	if err != nil {
		return err
	}
	defer claim.Close()
	_, err = fence.Raise(ctx, claim)
	return err
}
