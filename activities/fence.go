package activities

import (
	"context"
	"errors"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
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
	claim, err := site.claimWreck(ctx, a.stillCurrent(ctx, pulse), pulse)
	if err != nil {
		return err
	}
	defer claim.Close()
	_, err = fence.Raise(ctx, claim)
	return err
}

// claimWreck is claim for the first step of a node. A clone that runs already is that of an earlier run which was terminated: this run
// has the cluster's lock, no node child is open, and no clone of its own can have begun. It is killed, because what it fills is erased
// next.
func (s *site) claimWreck(ctx context.Context, stillCurrent func(context.Context) error, pulse *pulse) (*node.Claim, error) {
	claim, err := s.claim(ctx, stillCurrent)
	var running *node.CloneRunningError
	if !errors.As(err, &running) {
		return claim, err
	}
	if err := stillCurrent(ctx); err != nil {
		return nil, err
	}
	pulse.waiting("the clone of a terminated run to end")
	if _, err := clone.Kill(ctx, s.recipient); err != nil {
		return nil, err
	}
	pulse.waiting("")
	return s.claim(ctx, stillCurrent)
}
