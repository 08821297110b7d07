package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// oneServerTwice would let a run erase a node through one name while it feeds from the other.
var oneServerTwice = Check{
	Code:   "one-server-twice",
	Wanted: "every name is a server of its own",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		seen := o.Seen()
		for i, n := range seen {
			for _, earlier := range seen[:i] {
				switch {
				case strings.EqualFold(n.Identity.UUID, earlier.Identity.UUID):
					all = append(all, fails(n.Node, fmt.Sprintf("server_uuid %s, the same as %s", n.Identity.UUID, earlier.Node), "",
						"if both names lead to one server, take one out of the inventory; if its data directory was copied, "+
							"stop that mysqld, delete auto.cnf from the data directory and start it again"))
				case n.Identity.ServerID == earlier.Identity.ServerID:
					all = append(all, fails(n.Node, fmt.Sprintf("server_id %d, the same as %s", n.Identity.ServerID, earlier.Node), "",
						"SET PERSIST server_id = <a number that no other server has>;"))
				}
			}
		}
		return all
	},
}
