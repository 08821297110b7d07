package check

import (
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// unlistedReplicas is a hint and no more: what else reads the primary, such as a change data capture, is none of the run's business. But
// a replica that was forgotten in the inventory is never resynced, and nobody would notice.
var unlistedReplicas = Check{
	Code:         "unlisted-replicas",
	Wanted:       "every server that replicates from the primary is in the inventory",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partDownstreams)
		if p == nil || len(o.Seen()) < len(o.Nodes) {
			return nil // a node that was not seen may be the one
		}
		var strangers []string
		for _, d := range p.Downstreams {
			if memberOf(o, d.UUID) == "" {
				strangers = append(strangers, d.String())
			}
		}
		if len(strangers) == 0 {
			return nil
		}
		return []contract.Finding{warns(p.Node, "it also feeds "+strings.Join(strangers, ", ")+", which the inventory does not name", "",
			"add what belongs to the cluster to clusters."+o.Cluster.Name+".nodes")}
	},
}
