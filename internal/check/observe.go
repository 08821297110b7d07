package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
)

// observeLimit bounds the observation of one node. It is generous: a server with hundreds of thousands of tables answers in
// seconds, one that takes longer than this is no server to erase others for.
const observeLimit = 60 * time.Second

// The parts of an observation, as a Gap names them.
const (
	partGTIDs       = "its GTID sets"
	partGrants      = "the worker's own grants"
	partSettings    = "its settings"
	partPlugins     = "its plugins"
	partChannels    = "its replication channels"
	partFilters     = "its replication filters"
	partDownstreams = "which servers it feeds"
	partGroup       = "its state in Group Replication"
	partSchemas     = "its schemas"
	partSize        = "the size of its data"
	partEngines     = "its tables that are not InnoDB"
	partClone       = "the state of its last clone"
	partAccounts    = "the accounts of the run"
	partUptime      = "how long it has been up"
)

// Target is one node to observe.
type Target struct {
	Declared inventory.Node
	Accounts inventory.Accounts
	Server   *node.Node
}

// Observe reads everything of one node over one connection, by questions alone. It never fails: a node that cannot be
// observed is an observation with a Problem, a part that cannot be read is a Gap.
func Observe(ctx context.Context, target Target) Observation {
	o := declaredOnly(target.Declared)
	limited, cancel := context.WithTimeout(ctx, observeLimit)
	defer cancel()
	err := o.read(limited, target)
	if err == nil {
		return o
	}
	problem := &Problem{Class: node.Classify(err), Text: err.Error()}
	if problem.Class == node.ClassCancelled && ctx.Err() == nil || problem.Class == node.ClassConnectionLost {
		problem.Class = node.ClassUnreachable
	}
	if limited.Err() != nil && ctx.Err() == nil {
		problem.Text = fmt.Sprintf("node %s: it did not answer every question within %s: %v", o.Node, observeLimit, err)
	}
	o = declaredOnly(target.Declared)
	o.Problem = problem
	return o
}

// declaredOnly is a node of which nothing was seen yet.
func declaredOnly(declared inventory.Node) Observation {
	return Observation{
		Node: declared.Name, Address: declared.Address.String(), PeerAddress: declared.PeerAddress.String(),
		Supervised: declared.Supervised, Adopt: declared.Adopt, DiskBytes: declared.DiskBytes,
	}
}

// read returns an error only if the node is not observed at all: nothing can be judged of a server whose identity is
// unknown, or that goes away.
func (o *Observation) read(ctx context.Context, target Target) error {
	conn, err := target.Server.DB().Conn(ctx)
	if err != nil {
		return node.Wrap(o.Node, "connect", err)
	}
	defer conn.Close()
	s := node.Pinned{Node: o.Node, Conn: conn}
	if o.Identity, err = node.ReadIdentity(ctx, s); err != nil {
		return err
	}
	// The GTIDs come first: what replication brings while the rest is read must not look like something the primary lacks.
	parts := []struct {
		name string
		read func() error
	}{
		{partGTIDs, func() error { o.GTIDs, err = node.ReadGTIDs(ctx, s); return err }},
		{partUptime, func() error { return o.readUptime(ctx, s) }},
		{partGrants, func() error { return o.readOwnGrants(ctx, s) }},
		{partSettings, func() error { return o.readSettings(ctx, s) }},
		{partPlugins, func() error { return o.readPlugins(ctx, s) }},
		{partChannels, func() error { o.Channels, err = node.ReadReplication(ctx, s); return err }},
		{partFilters, func() error { return o.readFilters(ctx, s) }},
		{partDownstreams, func() error { return o.readDownstreams(ctx, s) }},
		{partGroup, func() error { return o.readGroup(ctx, s) }},
		{partSchemas, func() error { return o.readSchemas(ctx, s) }},
		{partSize, func() error { return o.readSize(ctx, s) }},
		{partEngines, func() error { return o.readEngines(ctx, s) }},
		{partClone, func() error { return o.readClone(ctx, s) }},
		{partAccounts, func() error { return o.readAccounts(ctx, s, target.Accounts) }},
	}
	for _, part := range parts {
		gap, err := gapOf(part.name, part.read())
		if err != nil {
			return err
		}
		o.Gaps = append(o.Gaps, gap...)
	}
	return nil
}

// gapOf makes the failure to read a part a gap, unless the server went away: then the error is given back.
func gapOf(part string, err error) ([]Gap, error) {
	if err == nil {
		return nil, nil
	}
	switch node.Classify(err) {
	case node.ClassUnreachable, node.ClassConnectionLost, node.ClassCancelled:
		return nil, err
	}
	return []Gap{{Part: part, Text: err.Error()}}, nil
}

// noSuchTable reports that a table is there only while a plugin is.
func noSuchTable(err error) bool {
	var known *node.Error
	return errors.As(err, &known) && known.Number == node.ErrnoNoSuchTable
}
