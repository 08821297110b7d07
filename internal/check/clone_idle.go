package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var cloneIdle = Check{
	Code:        "clone-idle",
	Wanted:      "no other clone runs into a node",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Participants(partClone) {
			if n.Cloning == 0 {
				continue
			}
			observed := fmt.Sprintf("a clone runs into it (process %d)", n.Cloning)
			remedy := fmt.Sprintf("wait until it has ended; or: KILL QUERY %d;", n.Cloning)
			// A run that was ended leaves its clone to the server; that one is joined.
			all = append(all, found(severity(!n.Wreck()), n.Node, observed, "", remedy))
		}
		return all
	},
}
