package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// hooksSet: a proxy or a failover manager that is not told takes a node in the middle of its resync for one that has failed.
var hooksSet = Check{
	Code:        "hooks",
	Wanted:      "hooks tell the proxy and the failover manager, if there are any, of nodes that go and come back",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		if len(o.Cluster.Hooks.Places()) > 0 {
			return nil
		}
		return []contract.Finding{warns("", "the inventory sets no hooks for this cluster", "",
			"clusters."+o.Cluster.Name+".hooks: {beforeFence: {command: [/path/to/drain]}, afterReturn: {command: [/path/to/undrain]}} (docs/hooks.md)")}
	},
}
