package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/proof"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// VerifyTogetherInput are secondaries of one primary to prove as they are, and how thoroughly.
type VerifyTogetherInput struct {
	Targets []Target              `json:"targets"`
	Options contract.ProofOptions `json:"options"`
	// CheapFirst leaves the rows of a node uncompared that differs already in what is cheap to look at.
	CheapFirst bool `json:"cheapFirst,omitempty"`
	// Again says that an earlier activity of the run may have left appliers stopped.
	Again bool `json:"again,omitempty"`
}

// VerifyTogetherResult has one entry per node, in the order asked for.
type VerifyTogetherResult struct {
	Done
	Nodes []VerifiedNode `json:"nodes"`
}

// VerifiedNode is the proof of one node, or why it dropped out of the common one.
type VerifiedNode struct {
	Proof *contract.Proof `json:"proof,omitempty"`
	Lost  *Lost           `json:"lost,omitempty"`
}

// Lost is a secondary that dropped out of a common proof.
type Lost struct {
	Node    string             `json:"node"`
	Type    contract.ErrorType `json:"type"`
	Message string             `json:"message"`
	// Final says that another attempt is pointless.
	Final bool `json:"final,omitempty"`
}

// VerifyTogether proves several secondaries as they are with one reading of the primary. One that fails drops out and is named; the
// others go on. It fails as a whole only where no secondary is to blame. What an earlier attempt has finished is not read again, and who
// dropped out of it stays out.
func (a *Activities) VerifyTogether(ctx context.Context, in VerifyTogetherInput) (VerifyTogetherResult, error) {
	result, err := a.verifyTogether(ctx, in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) verifyTogether(ctx context.Context, in VerifyTogetherInput) (VerifyTogetherResult, error) {
	g := &together{in: in, failures: make([]error, len(in.Targets))}
	var names []string
	for _, target := range in.Targets {
		names = append(names, target.Node)
	}
	g.pulse = startPulse(ctx, contract.StepVerify, names...)
	defer g.pulse.end()
	defer g.close()
	if err := g.open(a); err != nil {
		return VerifyTogetherResult{}, err
	}
	if err := g.sites[0].confirmPrimary(ctx); err != nil {
		return VerifyTogetherResult{}, err
	}
	if err := g.makeReady(ctx); err != nil {
		return VerifyTogetherResult{}, err
	}
	found, err := g.prove(ctx)
	if err != nil && (ctx.Err() != nil || !g.settled(found)) {
		return VerifyTogetherResult{}, asProofError(err, true)
	}
	return VerifyTogetherResult{Done: Done{Attempts: attempt(ctx)}, Nodes: shortened(g.results(found), maxTogether)}, nil
}

// together is one attempt at a common proof. Its slices have a place for each target.
type together struct {
	in       VerifyTogetherInput
	pulse    *pulse
	sites    []*site
	failures []error
}

func (g *together) open(a *Activities) error {
	for _, target := range g.in.Targets {
		site, err := a.openSite(target)
		if err != nil {
			return err
		}
		g.sites = append(g.sites, site)
	}
	return nil
}

func (g *together) close() {
	for _, site := range g.sites {
		site.close()
	}
}

// lost is what is known of a node that dropped out, in this attempt or an earlier one; nil if it did not.
func (g *together) lost(place int) *Lost {
	name := g.in.Targets[place].Node
	for _, lost := range g.pulse.snapshot().Lost {
		if lost.Node == name {
			return &lost
		}
	}
	return nil
}

// lose notes why a node drops out, with the heartbeats as well: the next attempt must not wait for it once more, and what was finished
// without it holds for the others alone.
func (g *together) lose(ctx context.Context, place int, why error) {
	if g.lost(place) != nil {
		return
	}
	typ, final := classify(ctx, asProofError(why, true))
	lost := Lost{Node: g.in.Targets[place].Node, Type: typ, Message: why.Error(), Final: final}
	g.pulse.tell(func(h *heartbeat) { h.Lost = append(slices.Clone(h.Lost), lost) })
}

// makeReady looks at every secondary at the same time: that it is the approved server, and that its applier runs.
func (g *together) makeReady(ctx context.Context) error {
	var looks errgroup.Group
	for place, site := range g.sites {
		if g.lost(place) != nil {
			continue
		}
		looks.Go(func() error {
			g.failures[place] = g.look(ctx, site)
			return nil
		})
	}
	_ = looks.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for place, err := range g.failures {
		if err != nil {
			g.lose(ctx, place, err)
		}
	}
	return nil
}

func (g *together) look(ctx context.Context, site *site) error {
	if err := site.confirmRecipient(ctx); err != nil {
		return err
	}
	side, err := site.side()
	if err != nil {
		return err
	}
	return proof.EnsureApplier(ctx, side, g.in.Again || attempt(ctx) > 1)
}

// prove gives what was found of each target; nil of those that dropped out.
func (g *together) prove(ctx context.Context) ([]*contract.Proof, error) {
	found := make([]*contract.Proof, len(g.sites))
	var places []int
	var sides []proof.Side
	for place, site := range g.sites {
		if g.lost(place) != nil {
			continue
		}
		side, err := site.side()
		if err != nil {
			return found, err
		}
		places, sides = append(places, place), append(sides, side)
	}
	if len(sides) == 0 {
		return found, nil
	}
	options := optionsOf(g.in.Options)
	options.Lost = func(i int, why error) { g.lose(ctx, places[i], why) }
	some, err := prover{primary: g.sites[0].primarySide(), options: options, pulse: g.pulse}.prove(ctx, sides, g.in.CheapFirst)
	for i, one := range some {
		found[places[i]] = one
	}
	return found, err
}

// settled reports that each target has its proof or dropped out.
func (g *together) settled(found []*contract.Proof) bool {
	for place := range g.sites {
		if found[place] == nil && g.lost(place) == nil {
			return false
		}
	}
	return true
}

func (g *together) results(found []*contract.Proof) []VerifiedNode {
	var nodes []VerifiedNode
	for place := range g.sites {
		one := VerifiedNode{Proof: found[place]}
		if one.Proof == nil {
			one.Lost = g.lost(place)
		}
		nodes = append(nodes, one)
	}
	return nodes
}

// maxTogether bounds the proofs of a group, in bytes of JSON. They travel as one payload, of which Temporal takes 2 MiB, and a run of a
// thousand nodes has them all in its history, which may have 50 MiB.
const maxTogether = 256 << 10

// shortened makes the lists of proofs shorter until all of them fit; counts stay exact.
func shortened(nodes []VerifiedNode, limit int) []VerifiedNode {
	short := slices.Clone(nodes)
	for room := 64; room > 0 && sizeOf(short) > limit; room /= 2 {
		for i := range nodes {
			if nodes[i].Proof != nil {
				short[i].Proof = shorter(*nodes[i].Proof, room)
			}
		}
	}
	return short
}

func sizeOf(nodes []VerifiedNode) int {
	text, err := json.Marshal(nodes)
	if err != nil {
		return 0 // what cannot be encoded fails where it is sent
	}
	return len(text)
}

// shorter cuts the lists of a proof to so many entries and says so.
func shorter(p contract.Proof, room int) *contract.Proof {
	p.Layers = slices.Clone(p.Layers)
	for i := range p.Layers {
		layer := &p.Layers[i]
		if len(layer.Listed) <= room && len(layer.Notes) <= room {
			continue
		}
		layer.Listed = layer.Listed[:min(len(layer.Listed), room)]
		layer.Notes = append(slices.Clone(layer.Notes[:min(len(layer.Notes), room-1)]),
			fmt.Sprintf("no more than %d are listed: the proofs of secondaries that are proven together travel together", room))
	}
	p.Spans = p.Spans[:min(len(p.Spans), room)]
	return &p
}
