package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var fenceState = Check{
	Code:   "fence",
	Wanted: "nobody else has taken a secondary out of service",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Seen() {
			if n.Node == o.Roles.Primary || n.Unread(partSettings) {
				continue
			}
			switch {
			case n.Wreck() && (o.Chooses(n.Node) || o.Roles.Primary == ""):
				all = append(all, warns(n.Node, "an earlier run left it fenced; it is out of service until it is proven", "", ""))
			case n.Wreck():
				all = append(all, warns(n.Node, "an earlier run left it fenced, and this run leaves it as it is", "",
					fmt.Sprintf(`add %q to "nodes"`, n.Node)))
			case n.Fence.Owner == fence.Other:
				by := "an option file"
				if n.Fence.By != "" {
					by = n.Fence.By
				}
				all = append(all, found(severity(o.Chooses(n.Node)), n.Node, "offline_mode = ON, set by "+by+" and not by a run", "",
					"ask who took it out of service and why; then: SET GLOBAL offline_mode = OFF; RESET PERSIST IF EXISTS offline_mode;"))
			}
		}
		return all
	},
}
