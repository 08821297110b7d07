package activities

import (
	"context"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

// BeginInput names the cluster of a run.
type BeginInput struct {
	Cluster string `json:"cluster"`
}

// BeginResult is what the run keeps of the inventory it began with; it holds no secret.
type BeginResult struct {
	InventoryHash string   `json:"inventoryHash"`
	Nodes         []string `json:"nodes"`
	// Hooks are the places at which the inventory names hooks.
	Hooks []inventory.HookPlace `json:"hooks,omitempty"`
	// Audit says that an audit is kept.
	Audit bool `json:"audit,omitempty"`
}

// Begin reads the inventory and pins it. It fails for good with UnknownCluster or Inventory.
func (a *Activities) Begin(ctx context.Context, in BeginInput) (BeginResult, error) {
	result, err := a.begin(in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) begin(in BeginInput) (BeginResult, error) {
	clusters, err := a.inventory()
	if err != nil {
		return BeginResult{}, err
	}
	cluster, err := clusters.Cluster(in.Cluster)
	if err != nil {
		return BeginResult{}, err
	}
	if err := cluster.CheckSecrets(); err != nil {
		return BeginResult{}, err
	}
	result := BeginResult{InventoryHash: cluster.Hash(), Hooks: cluster.Hooks.Places(), Audit: a.config.Archive != nil}
	for _, node := range cluster.Nodes {
		result.Nodes = append(result.Nodes, node.Name)
	}
	return result, nil
}
