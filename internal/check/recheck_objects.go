package check

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// judgeObjects finds schemas and tables that the primary lacks and that nobody approved to destroy, by their names alone.
//
// Behind the fence a node stands still while the primary goes on, so what the primary drops from then on looks as if only the node had it.
// Such a thing was there when the node was last judged, and then the primary had it too, or it would have been approved or refused. So
// what was made before that moment is explained; its time of creation is the statement's, which for a local statement is the node's own clock.
// A table that was made since, and that the primary has dropped again, is not explained while the node cannot catch up: that is why the
// judgement before the fence, where it can, renews the moment. The error is on the safe side: the node is released as it was.
func judgeObjects(ctx context.Context, secondary, primary node.Reader, approved Approved) error {
	if approved.SeenAt.IsZero() {
		return nil
	}
	channels, err := node.ReadReplication(ctx, secondary)
	if err != nil {
		return err
	}
	follows := len(channels) == 1 && channels[0].Running()
	d, err := tablesOnlyHere(ctx, secondary, primary, nil, follows, false)
	if err != nil {
		return err
	}
	if more := d.beyond(approved); len(more) > 0 {
		return &LossGrewError{Node: secondary.Name(), Objects: more}
	}
	return nil
}

// beyond are the differences that are neither approved nor explained.
func (d *tableDifferences) beyond(approved Approved) []contract.OnlyHere {
	allowed := func(kind contract.ObjectKind, name string) bool {
		return slices.ContainsFunc(approved.Data, func(o contract.OnlyHere) bool { return o.Kind == kind && o.Name == name })
	}
	explained := func(made time.Time) bool { return made.Before(approved.SeenAt.Truncate(time.Second)) }
	var more []contract.OnlyHere
	add := func(name tableName) {
		more = append(more, contract.OnlyHere{Kind: contract.ObjectTable, Name: name.String(), Behind: d.behind})
	}
	// A schema that was approved was approved with the tables that it had, so each is judged by its own time. An empty one is no loss.
	for _, schema := range slices.Sorted(maps.Keys(d.schemas)) {
		for _, name := range slices.Sorted(maps.Keys(d.schemas[schema])) {
			if t := (tableName{schema, name}); !explained(d.schemas[schema][name]) && !allowed(contract.ObjectTable, t.String()) {
				add(t)
			}
		}
	}
	for _, name := range d.names() {
		if !explained(d.tables[name].created) && !allowed(contract.ObjectTable, name.String()) {
			add(name)
		}
	}
	return more
}
