package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var groupReplication = Check{
	Code:   "group-replication",
	Wanted: "no node runs Group Replication",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Seen() {
			if n.Group != "" {
				all = append(all, fails(n.Node, "it is a member of a group: "+n.Group, "", "resync a group member by the group's own means; else: STOP GROUP_REPLICATION;"))
			}
		}
		return all
	},
}
