// Package plan computes what a run would do and destroy, from what was observed and from nothing else: the same observations
// give the same plan, and making one changes nothing.
//
// It knows what an approval is bound to (the plan's ID). It does not know how anything is done, nor whether the run is
// allowed: the findings say that.
package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Build makes the plan of what was observed. findings are what the checks said of the same observations (check.Judge).
func Build(o *check.Observations, findings []contract.Finding, now time.Time) contract.Plan {
	p := contract.Plan{
		Cluster:            o.Cluster.Name,
		Mode:               o.Request.Mode,
		MadeAt:             now,
		InventoryHash:      o.Cluster.Hash(),
		Findings:           ordered(findings),
		MinServing:         o.Floor(),
		UnreplicatedWrites: o.Request.UnreplicatedWrites,
		Hooks:              []string{},
		FencedDonors:       o.DonorPassesFences(),
	}
	for _, place := range o.Cluster.Hooks.Places() {
		p.Hooks = append(p.Hooks, string(place))
	}
	for i := range o.Nodes {
		n := &o.Nodes[i]
		if n.Node == o.Roles.Primary {
			p.Primary = planNode(o, n)
		} else {
			p.Secondaries = append(p.Secondaries, planNode(o, n))
		}
	}
	p.Waves, p.WavesSaved = waves(o, p)
	p.Estimate = check.Estimate(o, len(p.Waves))
	p.ID = id(p)
	return p
}

// ordered puts failures first and passes last, and keeps the order of the checks within each.
func ordered(findings []contract.Finding) []contract.Finding {
	rank := map[contract.Verdict]int{contract.VerdictFail: 0, contract.VerdictWarn: 1, contract.VerdictPass: 2}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b contract.Finding) int { return cmp.Compare(rank[a.Verdict], rank[b.Verdict]) })
	return sorted
}

func planNode(o *check.Observations, n *check.Observation) contract.PlanNode {
	p := contract.PlanNode{Name: n.Node, Address: n.Address, PeerAddress: n.PeerAddress, LagSeconds: -1, State: state(o, n)}
	if !n.Seen() {
		return p
	}
	p.Reachable = true
	p.ServerUUID = n.Identity.UUID
	p.Version = n.Identity.Version.String()
	p.Chosen = o.Chooses(n.Node)
	p.Serving = o.Serving(n)
	p.Wreck = n.Wreck()
	p.DataBytes = n.DataBytes
	for _, s := range n.Schemas {
		p.Schemas = append(p.Schemas, s.Name)
	}
	if channels := n.ReplicationChannels(); len(channels) == 1 && channels[0].LagSeconds != nil {
		p.LagSeconds = *channels[0].LagSeconds
	}
	for _, c := range n.ReplicationChannels() {
		p.DelaySeconds = max(p.DelaySeconds, c.DelaySeconds)
	}
	p.Loss = o.Loss(n.Node)
	if p.Chosen {
		p.Settings = o.Alignments[n.Node]
	}
	return p
}

// state says in a few words how the node stands now.
func state(o *check.Observations, n *check.Observation) string {
	channels := n.ReplicationChannels()
	switch {
	case !n.Seen():
		return n.Problem.Class.String()
	case n.Node == o.Roles.Primary:
		return "primary"
	case n.Wreck() && n.GTIDs.Executed == "":
		return "fenced by an earlier run, erased"
	case n.Wreck():
		return "fenced by an earlier run"
	case n.Fence.Owner == fence.Other:
		return "offline, not by a run"
	case len(channels) == 0:
		return "replicates from nobody"
	case len(channels) > 1:
		return fmt.Sprintf("replicates over %d channels", len(channels))
	}
	return channelState(channels[0])
}

func channelState(c node.Channel) string {
	if trouble := c.Trouble(); trouble != "" {
		return firstLine(trouble)
	}
	switch {
	case !c.IORunning():
		return "not connected to its source"
	case c.LagSeconds == nil:
		return "following, lag unknown"
	case *c.LagSeconds == 0:
		return "following"
	}
	return fmt.Sprintf("following, %s behind", (time.Duration(*c.LagSeconds) * time.Second).String())
}

// firstLine keeps a text with a server's message in it, which may be long, to what fits into a table.
func firstLine(text string) string {
	const limit = 160
	text, _, _ = strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "..."
	}
	return text
}
