package activities

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/rescue"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// RescueInput is a fenced node and what its approval covers.
type RescueInput struct {
	Target   Target   `json:"target"`
	Approval Approval `json:"approval"`
}

// RescueResult is where the writes lie that only the node has.
type RescueResult struct {
	Done
	// Rescued is nil when there is nothing left to keep: the primary has everything by now.
	Rescued *contract.Rescued `json:"rescued,omitempty"`
	// Queue is the task queue of the workers that can read the archive; empty when all can.
	Queue string `json:"queue,omitempty"`
}

// Rescue keeps the node's errant transactions in this worker's archive, behind the fence, where none is added any more. It returns when
// they are on the disk and were read back. It fails with Rescue.
func (a *Activities) Rescue(ctx context.Context, in RescueInput) (RescueResult, error) {
	result, err := a.rescue(ctx, in)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) rescue(ctx context.Context, in RescueInput) (RescueResult, error) {
	pulse := startPulse(ctx, contract.StepRescue)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return RescueResult{}, err
	}
	defer site.close()
	if a.config.Archive == nil {
		return RescueResult{}, failed(contract.ErrorRescue,
			"node %s: this worker has no archive to rescue into: set CLUSTERRESYNC_ARCHIVE_DIR for every worker of the task queue", in.Target.Node)
	}
	if err := fence.Require(ctx, site.recipient); err != nil {
		return RescueResult{}, err
	}
	errant, count, err := check.Errant(ctx, site.recipient, site.primary)
	if err != nil || count == 0 {
		return RescueResult{}, err
	}
	job := rescue.Job{
		Cluster: in.Target.Cluster, Run: in.Target.Run, Node: in.Target.Node, NodeUUID: in.Target.NodeUUID,
		Primary: in.Target.Primary, PrimaryUUID: in.Target.PrimaryUUID, Errant: errant,
	}
	kept, err := rescue.Write(ctx, a.config.Archive.Store, site.recipient, job, pulse.rescuing)
	if err != nil {
		return RescueResult{}, err
	}
	rescued := contract.Rescued(kept)
	return RescueResult{Rescued: &rescued, Queue: a.config.Archive.Queue}, nil
}

// rescuing shows how far a rescue is.
func (p *pulse) rescuing(progress rescue.Progress) {
	p.tell(func(h *heartbeat) {
		h.Stage = fmt.Sprintf("%s transaction %d of %d", progress.Phase, progress.Transactions, progress.Wanted)
		h.Bytes = progress.Bytes
	})
}

// requireKept makes sure, right before the erase, that everything only the node has is whole in the archive.
func (a *Activities) requireKept(ctx context.Context, site *site, kept *contract.Rescued, pulse *pulse) error {
	errant, count, err := check.Errant(ctx, site.recipient, site.primary)
	if err != nil {
		return err
	}
	gtids := ""
	if kept != nil {
		gtids = kept.GTIDs
	}
	all, err := node.Subset(ctx, site.recipient, errant, gtids)
	switch {
	case err != nil:
		return err
	case count > 0 && !all:
		return final(contract.ErrorRescue, "node %s: it has %s that the primary does not, and %q was rescued; nothing was erased: start a new run",
			site.target.Node, errant, gtids)
	case kept == nil:
		return nil
	case a.config.Archive == nil:
		return failed(contract.ErrorRescue, "node %s: this worker has no archive and cannot see what was rescued to %s on %s",
			site.target.Node, kept.Where, kept.Host)
	}
	return rescue.Verify(ctx, a.config.Archive.Store, rescue.Kept(*kept), pulse.rescuing)
}
