package activities

import (
	"context"
	"slices"
	"time"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// RecheckInput is a node and what its approval covers.
type RecheckInput struct {
	Target   Target   `json:"target"`
	Approval Approval `json:"approval"`
	// Floor is how many other secondaries have to serve, 0 for none; those in Out do not count: the run takes them out as well. WasOut says
	// that the node did not serve when the plan was made: it needs no others unless it serves now.
	Floor  int      `json:"floor,omitempty"`
	Out    []string `json:"out,omitempty"`
	WasOut bool     `json:"wasOut,omitempty"`
}

// RecheckResult is the recipient's own UTC clock right before it was looked at: a clone that began before it is not ours, and a table made
// after it has not been seen.
type RecheckResult struct {
	Done
	Clock time.Time `json:"clock"`
}

// Recheck makes sure, right before a node is touched, that it is the approved one, that the primary is the approved one, that the loss
// has not grown and that enough other secondaries serve.
func (a *Activities) Recheck(ctx context.Context, in RecheckInput) (RecheckResult, error) {
	result, err := a.recheck(ctx, in)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) recheck(ctx context.Context, in RecheckInput) (RecheckResult, error) {
	pulse := startPulse(ctx, contract.StepRecheck)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return RecheckResult{}, err
	}
	defer site.close()
	if err := a.requireLock(ctx, in.Target); err != nil {
		return RecheckResult{}, err
	}
	if err := site.keepsFloor(ctx, in); err != nil {
		return RecheckResult{}, err
	}
	// Before the look: what is made after it has not been seen.
	clock, err := clone.UTCNow(ctx, site.recipient)
	if err != nil {
		return RecheckResult{}, err
	}
	return RecheckResult{Clock: clock}, site.judge(ctx, in.Approval)
}

// keepsFloor looks at the other secondaries: one may have dropped out since the plan (I9).
func (s *site) keepsFloor(ctx context.Context, in RecheckInput) error {
	if in.Floor == 0 {
		return nil
	}
	if in.WasOut {
		if serves, err := check.ServesNow(ctx, in.Target.Node, in.Target.PrimaryUUID, s.open); !serves {
			return err
		}
	}
	var others []string
	for _, other := range s.cluster.Nodes {
		if other.Name != in.Target.Node && other.Name != in.Target.Primary && !slices.Contains(in.Out, other.Name) {
			others = append(others, other.Name)
		}
	}
	return check.KeepsFloor(ctx, in.Target.Node, in.Target.PrimaryUUID, in.Floor, others, s.open)
}
