package activities

import (
	"context"
	"errors"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// ReleaseInput is a node that was fenced, and how it was before.
type ReleaseInput struct {
	Target Target     `json:"target"`
	Noted  NoteResult `json:"noted"`
}

// ReleaseResult says, when the fence could not be lifted, why.
type ReleaseResult struct {
	Done
	// StillFenced is empty when the node is as it was.
	StillFenced string `json:"stillFenced,omitempty"`
	// Erased says that this run has destroyed something on the node.
	Erased bool `json:"erased,omitempty"`
}

// Release puts a node back as it was before the fence: settings, persisted settings, running threads. A node that has lost anything
// since, and one that was a wreck before, stays fenced.
func (a *Activities) Release(ctx context.Context, in ReleaseInput) (ReleaseResult, error) {
	result, err := a.release(ctx, in)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) release(ctx context.Context, in ReleaseInput) (ReleaseResult, error) {
	if in.Noted.Wreck {
		return ReleaseResult{StillFenced: "fenced as it was found: an earlier run had left it so; clients are refused and it must not be used"}, nil
	}
	if in.Noted.Fence == nil {
		return ReleaseResult{}, nil
	}
	pulse := startPulse(ctx, contract.StepRelease)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return ReleaseResult{}, err
	}
	defer site.close()
	claim, err := site.claimToRelease(ctx, a.stillCurrent(ctx, pulse))
	if err != nil {
		return ReleaseResult{}, err
	}
	defer claim.Close()
	err = fence.Restore(ctx, claim, *in.Noted.Fence)
	if errors.Is(err, fence.ErrErased) {
		return ReleaseResult{Erased: true, StillFenced: "erased, at least in part; it is fenced: clients are refused and it must not be used"}, nil
	}
	return ReleaseResult{}, err
}
