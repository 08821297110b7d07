package check

import (
	"fmt"
	"slices"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var nodesKnown = Check{
	Code:   "nodes-known",
	Wanted: "the nodes asked for are secondaries of this cluster, and at least one can be worked on",
	Judge: func(o *Observations) []contract.Finding {
		var known []string
		for i := range o.Nodes {
			known = append(known, o.Nodes[i].Node)
		}
		var all []contract.Finding
		for _, name := range o.Request.Nodes {
			switch {
			case !slices.Contains(known, name):
				all = append(all, fails("", fmt.Sprintf("the cluster has no node %q", name), "one of "+enumerated(known),
					`correct "nodes", or add the node to the inventory`))
			case name == o.Roles.Primary:
				all = append(all, fails(name, "it is the primary, which is never erased", "a secondary",
					fmt.Sprintf(`take %q out of "nodes"`, name)))
			}
		}
		if len(all) == 0 && o.Roles.Primary != "" && len(o.Nodes) >= 2 && len(o.Chosen()) == 0 {
			all = append(all, fails("", "no secondary can be reached", "", `see node-reachable`))
		}
		return all
	},
}
