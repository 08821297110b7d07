package activities

import (
	"cmp"
	"context"

	"github.com/clusterresync/clusterresync/internal/erasure"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// EraseInput is a fenced node and what its approval covers.
type EraseInput struct {
	Target   Target   `json:"target"`
	Approval Approval `json:"approval"`
	// Rescue says that nothing may be destroyed which only the node has and which is not kept; Rescued is what is kept, nil if there was
	// nothing to keep.
	Rescue  bool              `json:"rescue,omitempty"`
	Rescued *contract.Rescued `json:"rescued,omitempty"`
}

// EraseResult is what was destroyed, over all attempts.
type EraseResult struct {
	Done
	Destroyed contract.Destroyed `json:"destroyed"`
}

// Erase is the point of no return: it forgets replication, resets the GTIDs and then drops the schemas, on a claim. It looks once
// more at what would be lost, unless an earlier attempt has passed that point already: an empty GTID set says so.
func (a *Activities) Erase(ctx context.Context, in EraseInput) (EraseResult, error) {
	result, err := a.erase(ctx, in)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) erase(ctx context.Context, in EraseInput) (EraseResult, error) {
	pulse := startPulse(ctx, contract.StepErase)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return EraseResult{}, err
	}
	defer site.close()
	claim, err := site.claim(ctx, a.stillCurrent(ctx, pulse))
	if err != nil {
		return EraseResult{}, err
	}
	defer claim.Close()
	begun, err := erasure.Begun(ctx, claim)
	if err != nil {
		return EraseResult{}, err
	}
	if !begun {
		if err := a.requireLock(ctx, in.Target); err != nil {
			return EraseResult{}, err
		}
		// The fence is made whole first: what is written after a look at the loss would be destroyed unseen.
		if err := fence.Hold(ctx, claim); err != nil {
			return EraseResult{}, err
		}
		if err := site.judge(ctx, in.Approval); err != nil {
			return EraseResult{}, err
		}
		if in.Rescue {
			if err := a.requireKept(ctx, site, in.Rescued, pulse); err != nil {
				return EraseResult{}, err
			}
		}
	}
	destroyed := pulse.snapshot().Destroyed
	gone, err := erasure.Erase(ctx, claim, erasure.Options{OnSchema: func(schema erasure.Schema) {
		destroyed.Schemas = append(destroyed.Schemas, schema.Name)
		destroyed.Tables += schema.Tables
		destroyed.Bytes += schema.Bytes
		pulse.tell(func(h *heartbeat) { h.Stage, h.Destroyed = "dropped "+schema.Name, destroyed })
	}})
	destroyed.GTIDs = cmp.Or(destroyed.GTIDs, gone.GTIDExecuted)
	destroyed.ErrantGTIDs = in.Approval.Errant
	pulse.tell(func(h *heartbeat) { h.Destroyed = destroyed })
	return EraseResult{Destroyed: destroyed}, err
}
