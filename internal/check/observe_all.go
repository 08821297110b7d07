package check

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// observedAtOnce bounds the nodes that are read at a time; one connection each.
const observedAtOnce = 64

// ObserveAll reads every node of the cluster, all at once, and compares each secondary with the primary. servers are the
// opened nodes by name; one that is not there counts as unreachable. The error is the context's, nothing else: whatever is
// wrong with a node is part of what was observed.
func ObserveAll(ctx context.Context, cluster inventory.Cluster, servers map[string]*node.Node, request contract.Request) (*Observations, error) {
	o := &Observations{
		Request: request.WithDefaults(), Cluster: cluster,
		Nodes: make([]Observation, len(cluster.Nodes)), Against: map[string]Comparison{},
		Limits: DefaultLimits(),
	}
	var group errgroup.Group
	group.SetLimit(observedAtOnce)
	for i, declared := range cluster.Nodes {
		server := servers[declared.Name]
		if server == nil {
			o.Nodes[i] = declaredOnly(declared)
			o.Nodes[i].Problem = &Problem{Class: node.ClassUnreachable, Text: "node " + declared.Name + ": it was not opened"}
			continue
		}
		group.Go(func() error {
			o.Nodes[i] = Observe(ctx, Target{Declared: declared, Accounts: cluster.Accounts, Server: server})
			return nil
		})
	}
	_ = group.Wait() // no observation fails
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o.Roles = rolesOf(cluster.Primary, o.Seen())
	secrets := o.resolveSecrets()
	if primary := o.Primary(); primary != nil {
		if err := o.askPrimary(ctx, servers[primary.Node], primary, secrets); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			o.NotCompared = err.Error()
		}
	}
	return o, nil
}

// askPrimary asks the primary once more, now that it is known. An error means that there is no comparison to trust.
func (o *Observations) askPrimary(ctx context.Context, server *node.Node, primary *Observation, secrets map[inventory.Role]inventory.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, observeLimit)
	defer cancel()
	conn, err := server.DB().Conn(ctx)
	if err != nil {
		return node.Wrap(primary.Node, "connect", err)
	}
	defer conn.Close()
	s := node.Pinned{Node: primary.Node, Conn: conn}
	if err := o.compare(ctx, s, primary); err != nil {
		return err
	}
	var look Look
	if err := look.read(ctx, s, primary, o.Limits, o.Cluster.Accounts.Admin.User); err != nil {
		return err
	}
	look.Logins = logins(ctx, server.Endpoint(), o.Cluster.Accounts, secrets)
	o.Look = &look
	return ctx.Err()
}

// compare reads the primary's GTIDs once more, after every secondary's: a transaction that a secondary has executed is then
// among them, unless the primary never had it.
func (o *Observations) compare(ctx context.Context, s node.Reader, primary *Observation) error {
	now, err := node.ReadIdentity(ctx, s)
	if err != nil {
		return err
	}
	if now.UUID != primary.Identity.UUID {
		return fmt.Errorf("node %s: it answered as server %s a moment ago and as %s now; its address leads to more than one server",
			primary.Node, primary.Identity.UUID, now.UUID)
	}
	var executed []string
	for _, n := range o.Seen() {
		if n.Node != primary.Node {
			executed = append(executed, n.GTIDs.Executed)
		}
	}
	gtids, err := settledGTIDs(ctx, s, executed)
	if err != nil {
		return err
	}
	var names []string
	var sets [][2]string
	for _, secondary := range o.Seen() {
		if secondary.Node == primary.Node || secondary.Unread(partGTIDs) {
			continue
		}
		theirs := secondary.GTIDs.Executed
		names = append(names, secondary.Node)
		sets = append(sets, [2]string{theirs, gtids.Executed}, [2]string{gtids.Executed, theirs}, [2]string{gtids.Purged, theirs})
	}
	// One question for all secondaries: the server alone knows every form of a GTID, tags included.
	rests, err := node.SubtractAll(ctx, s, sets)
	if err != nil {
		return err
	}
	for i, name := range names {
		if o.Against[name], err = comparison(sets[3*i][0], rests[3*i], rests[3*i+1], rests[3*i+2]); err != nil {
			return node.Wrap(name, "count its transactions", err)
		}
	}
	return nil
}

// comparison is what the sets say of a secondary: what it executed, and of that what only it has; what it lacks, and what of that the
// primary has purged.
func comparison(executed, errant, missing, purged string) (Comparison, error) {
	c := Comparison{Errant: errant, Purged: purged != ""}
	var err error
	if c.Transactions, err = node.CountGTIDs(errant); err != nil {
		return c, err
	}
	if c.Missing, err = node.CountGTIDs(missing); err != nil {
		return c, err
	}
	all, err := node.CountGTIDs(executed)
	c.Shared = all > c.Transactions
	return c, err
}
