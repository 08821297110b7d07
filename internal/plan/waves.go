package plan

import (
	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fanout"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// waves plays the run with the function that will later choose its pairs, as if every copy took equally long, a proof of rows as long as
// a copy, and nothing failed. Nodes that the floor keeps from ever being begun are in no wave. Under repair every chosen node is reckoned
// with: which of them differ is only known later. saved is how many waves fewer there would be if fenced nodes donated.
func waves(o *check.Observations, p contract.Plan) (waves []contract.Wave, saved int) {
	if !o.Erases() || p.Primary.Name == "" {
		return nil, 0
	}
	all := foretold(o, p, p.FencedDonors)
	return all, max(0, len(all)-len(foretold(o, p, true)))
}

func foretold(o *check.Observations, p contract.Plan, fencedDonors bool) []contract.Wave {
	state := fanout.State{
		Primary: p.Primary.Name, MinServing: p.MinServing, MaxParallel: o.Request.MaxParallel,
		PrimaryOnly: o.Request.Donors == contract.DonorsPrimary, FencedDonors: fencedDonors,
	}
	copies := copies{p.Primary.Name: true}
	for _, node := range p.Secondaries {
		copies[node.Name] = whole(node)
		switch {
		case node.Chosen:
			state.Nodes = append(state.Nodes, fanout.Node{Name: node.Name, Serving: node.Serving, Delayed: node.Delayed()})
		case node.Serving:
			state.OthersServing++
		}
	}
	proofs := o.Request.Proof.CompareRows()
	var all []contract.Wave
	var proven []string
	for {
		wave := begin(&state)
		if len(wave) > 0 {
			copies.set(wave, false)
			all = append(all, contract.Wave{Nodes: wave, CopiesLeft: copies.count(), Serving: state.Serving()})
			copies.set(wave, true)
		} else if len(proven) == 0 {
			return all
		}
		for _, name := range proven {
			state.Finish(name, true, false)
		}
		proven = nil
		for _, name := range wave {
			if state.Follows(name); proofs {
				proven = append(proven, name)
			} else {
				state.Finish(name, true, false)
			}
		}
	}
}

// begin begins every node that may be begun now.
func begin(state *fanout.State) []string {
	var wave []string
	for {
		recipient, donor, ok := state.Next()
		if !ok {
			return wave
		}
		state.Begin(recipient, donor)
		wave = append(wave, recipient)
	}
}

// whole reports whether a secondary counts as one more copy of the data before the run has touched it: it replicates, if late. One that
// stopped holds an older state, one that was fenced or cannot be reached perhaps nothing.
func whole(node contract.PlanNode) bool {
	return node.Reachable && !node.Wreck && (node.Serving || node.LagSeconds >= 0)
}

// copies says of each node whether it holds the data.
type copies map[string]bool

func (c copies) set(names []string, holds bool) {
	for _, name := range names {
		c[name] = holds
	}
}

func (c copies) count() int {
	count := 0
	for _, holds := range c {
		if holds {
			count++
		}
	}
	return count
}
