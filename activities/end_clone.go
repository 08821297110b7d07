package activities

import (
	"context"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// EndCloneInput is a node whose clone is to end.
type EndCloneInput struct {
	Target Target `json:"target"`
}

// EndClone ends whatever clone of ours runs on the node, and any earlier session that is about to begin one: it takes the server's named
// lock, which both would hold.
func (a *Activities) EndClone(ctx context.Context, in EndCloneInput) (Done, error) {
	return Done{Attempts: attempt(ctx)}, asTemporal(ctx, a.endClone(ctx, in))
}

func (a *Activities) endClone(ctx context.Context, in EndCloneInput) error {
	pulse := startPulse(ctx, contract.StepClone)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return err
	}
	defer site.close()
	claim, err := site.claimOverClone(ctx, site.claimToRelease, a.stillCurrent(ctx, pulse), pulse)
	if err != nil {
		return err
	}
	claim.Close()
	return nil
}
