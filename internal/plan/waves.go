package plan

import (
	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fanout"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// waves plays the run with the function that will later choose its pairs, as if every copy took equally long and were proven at once. Nodes
// that the floor keeps from ever being begun are in no wave. Under repair every chosen node is reckoned with: which of them differ is
// only known later.
func waves(o *check.Observations, p contract.Plan) []contract.Wave {
	if !o.Erases() || p.Primary.Name == "" {
		return nil
	}
	state := fanout.State{
		Primary: p.Primary.Name, MinServing: p.MinServing, MaxParallel: o.Request.MaxParallel,
		PrimaryOnly: o.Request.Donors == contract.DonorsPrimary,
	}
	copies := copies{p.Primary.Name: true}
	for _, node := range p.Secondaries {
		copies[node.Name] = whole(node)
		switch {
		case node.Chosen:
			state.Nodes = append(state.Nodes, fanout.Node{Name: node.Name, Serving: node.Serving})
		case node.Serving:
			state.OthersServing++
		}
	}
	var all []contract.Wave
	for {
		wave := begin(&state)
		if len(wave) == 0 {
			return all
		}
		copies.set(wave, false)
		all = append(all, contract.Wave{Nodes: wave, CopiesLeft: copies.count(), Serving: state.Serving()})
		copies.set(wave, true)
		for _, name := range wave {
			state.Finish(name, true, false)
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
