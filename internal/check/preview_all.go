package check

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// previewedAtOnce bounds the nodes whose binary logs are read at a time: each may cost the worker a decoder's memory (binlog.Limits).
const previewedAtOnce = 4

// PreviewAll reads, from the binary logs of every chosen secondary with errant transactions, what these did, and adds it to the
// observations. The error is the context's, nothing else: what cannot be read is part of what was observed.
func (o *Observations) PreviewAll(ctx context.Context, servers map[string]*node.Node) error {
	var nodes []*Observation
	for _, n := range o.Chosen() {
		if o.Erases() && o.Against[n.Node].Errant != "" && servers[n.Node] != nil {
			nodes = append(nodes, n)
		}
	}
	previews := make([]contract.LossPreview, len(nodes))
	var group errgroup.Group
	group.SetLimit(previewedAtOnce)
	for i, n := range nodes {
		group.Go(func() error {
			preview, err := binlog.Preview(ctx, servers[n.Node], o.Against[n.Node].Errant, binlog.Limits{})
			if err != nil {
				preview = contract.LossPreview{Unreadable: err.Error()}
			}
			previews[i] = preview
			return nil
		})
	}
	_ = group.Wait() // no preview fails
	o.Previews = map[string]contract.LossPreview{}
	for i, n := range nodes {
		o.Previews[n.Node] = previews[i]
	}
	return ctx.Err()
}
