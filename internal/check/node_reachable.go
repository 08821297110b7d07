package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var nodeReachable = Check{
	Code:   "node-reachable",
	Wanted: "every node answers",
	Judge: func(o *Observations) []contract.Finding {
		return eachUnseen(o, unreachable)
	},
}

// eachUnseen collects what one judgement has to say of the nodes that could not be observed.
func eachUnseen(o *Observations, judge func(*Observations, *Observation) (contract.Finding, bool)) []contract.Finding {
	var all []contract.Finding
	for i := range o.Nodes {
		if n := &o.Nodes[i]; !n.Seen() {
			if finding, amiss := judge(o, n); amiss {
				all = append(all, finding)
			}
		}
	}
	return all
}

func unreachable(o *Observations, n *Observation) (contract.Finding, bool) {
	switch {
	case refusesAccess(n):
		return contract.Finding{}, false // a server that answers: node-access has it
	case n.Problem.Class != node.ClassUnreachable:
		return fails(n.Node, n.Problem.Text, "", fmt.Sprintf("look at what answers at %s", n.Address)), true
	case n.Node == o.Cluster.Primary:
		return fails(n.Node, n.Problem.Text, "the declared primary answers", fmt.Sprintf(
			"start mysqld there, or correct the node's address (%s) in the inventory", n.Address)), true
	case o.Request.OnUnreachable == contract.UnreachableSkip:
		return warns(n.Node, n.Problem.Text+"; it is left out as asked", "", fmt.Sprintf(
			"start mysqld there and run again for this node: \"nodes\": [%q]", n.Node)), true
	}
	return fails(n.Node, n.Problem.Text, "", fmt.Sprintf(
		`start mysqld there, or correct the node's address (%s) in the inventory; to leave it out: "onUnreachable": "skip"`, n.Address)), true
}
