package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
)

// Probing says for whom the paths are probed.
type Probing struct {
	// Run is shown to others in the claims' attributes.
	Run string
	// StillCurrent is as in node.ClaimOptions.
	StillCurrent func(context.Context) error
}

const (
	// claimAgain is how often, and how long, the end of an earlier attempt's probe is waited for. The server ends one after 10 s.
	claimAgain    = time.Second
	claimAgainFor = 20 * time.Second
	errnoRefused  = node.ErrnoAccessDenied
)

// ProbeAll proves the path from every chosen secondary to the primary (clone.Probe), all at once, and adds what it saw to the observations.
// It claims each secondary for the time of its probe, so the caller must hold the cluster's lock. The error is the context's, nothing else:
// a path that could not be probed is part of what was observed.
//
// That a MySQL server refused the login does not say which. So the primary is asked how many logins it refused: fewer than there were
// probes means that somebody else answered one of them.
func (o *Observations) ProbeAll(ctx context.Context, servers map[string]*node.Node, p Probing) error {
	primary := o.Primary()
	if primary == nil || !o.Erases() || servers[primary.Node] == nil {
		return nil
	}
	chosen := o.Chosen()
	paths := make([]clone.Path, len(chosen))
	before, counted := refusedLogins(ctx, servers[primary.Node])
	var group errgroup.Group
	group.SetLimit(observedAtOnce)
	for i, n := range chosen {
		group.Go(func() error {
			paths[i] = o.probe(ctx, n, servers[n.Node], p)
			return nil
		})
	}
	_ = group.Wait() // no probe fails
	after, countedAgain := refusedLogins(ctx, servers[primary.Node])
	if counted && countedAgain && after-before < refusals(paths) {
		for i, n := range chosen {
			if paths[i].Number == errnoRefused {
				paths[i] = o.probeForCertain(ctx, n, servers, p)
			}
		}
	}
	o.Paths = map[string]clone.Path{}
	for i, n := range chosen {
		o.Paths[n.Node] = paths[i]
	}
	return ctx.Err()
}

// probeForCertain probes one path while no other probe runs, and makes sure that it was the primary who answered.
func (o *Observations) probeForCertain(ctx context.Context, n *Observation, servers map[string]*node.Node, p Probing) clone.Path {
	primary := servers[o.Primary().Node]
	before, counted := refusedLogins(ctx, primary)
	path := o.probe(ctx, n, servers[n.Node], p)
	after, countedAgain := refusedLogins(ctx, primary)
	if path.Number == errnoRefused && counted && countedAgain && after == before {
		return clone.Path{Broken: true, What: "another server than the primary answers there: the primary counted no refused login"}
	}
	return path
}

func (o *Observations) probe(ctx context.Context, n *Observation, server *node.Node, p Probing) clone.Path {
	if n.Cloning != 0 {
		return clone.Path{What: fmt.Sprintf("a clone runs into it (process %d)", n.Cloning)}
	}
	primary := o.Primary()
	options := node.ClaimOptions{
		ExpectUUID: n.Identity.UUID, ExpectPrimaryUUID: primary.Identity.UUID,
		StillCurrent: p.StillCurrent, Cluster: o.Cluster.Name, Run: p.Run,
	}
	claim, err := claimForProbe(ctx, server, options)
	if err != nil {
		return clone.Path{What: err.Error()}
	}
	defer claim.Close()
	path, err := clone.Probe(ctx, claim, server, primary.PeerAddress, clone.Options{RequireSSL: o.Cluster.PeerTLS.Required()})
	if err != nil {
		return clone.Path{What: err.Error()}
	}
	return path
}

// claimForProbe waits for a probe of an earlier attempt, which looks like a clone that is to be joined: the node was seen without one.
func claimForProbe(ctx context.Context, server *node.Node, options node.ClaimOptions) (*node.Claim, error) {
	begin := time.Now()
	for {
		claim, err := server.Claim(ctx, options)
		var running *node.CloneRunningError
		if !errors.As(err, &running) || time.Since(begin) > claimAgainFor {
			return claim, err
		}
		if err := node.Sleep(ctx, claimAgain); err != nil {
			return nil, err
		}
	}
}

// refusals counts the probes that ended in a refused login.
func refusals(paths []clone.Path) int64 {
	count := int64(0)
	for _, path := range paths {
		if path.Number == errnoRefused {
			count++
		}
	}
	return count
}

// refusedLogins counts the logins that the server refused since its start.
func refusedLogins(ctx context.Context, server *node.Node) (int64, bool) {
	const query = "SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Aborted_connects'"
	var count int64
	err := node.One(ctx, server, "count refused logins", query, nil, &count)
	return count, err == nil
}
