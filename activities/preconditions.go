package activities

import (
	"context"
	"time"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/plan"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// PreconditionsInput is what the run was asked for.
type PreconditionsInput struct {
	Request       contract.Request `json:"request"`
	InventoryHash string           `json:"inventoryHash"`
	Run           string           `json:"run"`
	// Locked says that the run holds the cluster's lock, so that the paths between the nodes may be probed.
	Locked bool `json:"locked,omitempty"`
}

// Preconditions observes every node, judges every check and makes the plan. It changes nothing (a probe of a path sets
// the donor list of a secondary and puts it back); what forbids the run is a finding of the plan, not an error.
func (a *Activities) Preconditions(ctx context.Context, in PreconditionsInput) (contract.Plan, error) {
	result, err := a.preconditions(ctx, in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) preconditions(ctx context.Context, in PreconditionsInput) (contract.Plan, error) {
	pulse := startPulse(ctx, "preconditions")
	defer pulse.end()
	inventory, err := a.inventory()
	if err != nil {
		return contract.Plan{}, err
	}
	cluster, err := inventory.Pinned(in.Request.Cluster, in.InventoryHash)
	if err != nil {
		return contract.Plan{}, err
	}
	servers := map[string]*node.Node{}
	for _, declared := range cluster.Nodes {
		server, err := openNode(cluster, declared.Name, cluster.Accounts.Admin, in.Run)
		if err != nil {
			return contract.Plan{}, err
		}
		defer server.Close()
		servers[declared.Name] = server
	}
	seen, err := check.ObserveAll(ctx, *cluster, servers, in.Request)
	if err != nil {
		return contract.Plan{}, err
	}
	seen.Archive = a.lookAtArchive(ctx)
	if err := seen.PreviewAll(ctx, servers); err != nil {
		return contract.Plan{}, err
	}
	if err := seen.CompareAll(ctx, servers); err != nil {
		return contract.Plan{}, err
	}
	if err := alignAll(ctx, seen, servers); err != nil {
		return contract.Plan{}, err
	}
	if in.Locked {
		if err := seen.ProbeAll(ctx, servers, check.Probing{Run: in.Run, StillCurrent: a.stillCurrent(ctx, pulse)}); err != nil {
			return contract.Plan{}, err
		}
	}
	return plan.Build(seen, check.Judge(seen), time.Now().UTC()), nil
}

// lookAtArchive finds out whether this worker could keep a rescue.
func (a *Activities) lookAtArchive(ctx context.Context) check.Archive {
	if a.config.Archive == nil {
		return check.Archive{}
	}
	seen := check.Archive{Where: a.config.Archive.Store.Where() + " on " + a.config.Archive.Store.Host()}
	err := a.config.Archive.Store.Check(ctx)
	if err == nil {
		seen.Free, err = a.config.Archive.Store.Free(ctx)
	}
	if err != nil {
		seen.Problem = err.Error()
	}
	return seen
}
