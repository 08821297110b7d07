package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var nodeReadable = Check{
	Code:   "node-readable",
	Wanted: "everything that the checks judge can be read",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Seen() {
			for _, gap := range n.Gaps {
				all = append(all, fails(n.Node, gap.Text, "the worker can read "+gap.Part,
					"grant what admin-grants names; if it names nothing, look at what the server says"))
			}
		}
		return all
	},
}
