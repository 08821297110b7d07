package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var twoNodes = Check{
	Code:   "two-nodes",
	Wanted: "a primary and at least one secondary",
	Judge: func(o *Observations) []contract.Finding {
		if len(o.Nodes) >= 2 {
			return nil
		}
		return []contract.Finding{fails("", plural(int64(len(o.Nodes)), "node")+" in the inventory", "",
			fmt.Sprintf("add the secondaries to clusters.%s.nodes of the inventory", o.Cluster.Name))}
	},
}
