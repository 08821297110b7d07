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
	// A clone that runs already is that of an earlier run which was terminated: this run has the cluster's lock, no node child is open,
	// and no clone of its own can have begun. What it fills is erased next.
	claim, err := site.claimOverClone(ctx, site.claim, a.stillCurrent(ctx, pulse), pulse)
	if err != nil {
		return err
	}
	defer claim.Close()
	_, err = fence.Raise(ctx, claim)
	return err
}

// claimFunc is site.claim or site.claimToRelease.
type claimFunc func(context.Context, func(context.Context) error) (*node.Claim, error)

// claimOverClone claims the recipient and, where a clone of ours holds it, kills that clone first.
func (s *site) claimOverClone(ctx context.Context, claimIt claimFunc, stillCurrent func(context.Context) error, pulse *pulse) (*node.Claim, error) {
	claim, err := claimIt(ctx, stillCurrent)
	var running *node.CloneRunningError
	if !errors.As(err, &running) {
		return claim, err
	}
	if err := stillCurrent(ctx); err != nil {
		return nil, err
	}
	pulse.waiting("its clone to end")
	if _, err := clone.Kill(ctx, s.recipient); err != nil {
		return nil, err
	}
	pulse.waiting("")
	return claimIt(ctx, stillCurrent)
}
