package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var unreplicatedWrites = Check{
	Code:         "unreplicated-writes",
	Wanted:       "a secondary has executed nothing that the primary has not",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Chosen() {
			c := o.Against[n.Node]
			if c.Errant == "" {
				continue
			}
			observed := fmt.Sprintf("%s that the primary does not have: %s", plural(c.Transactions, "transaction"), shortened(c.Errant))
			switch {
			case !o.Erases():
				all = append(all, warns(n.Node, observed, "", ""))
			case o.Request.UnreplicatedWrites == contract.UnreplicatedDiscard:
				all = append(all, warns(n.Node, observed+"; they will be destroyed", "", ""))
			case o.Request.UnreplicatedWrites == contract.UnreplicatedRescue:
				all = append(all, rescuing(o, n, observed))
			default:
				all = append(all, fails(n.Node, observed, "", unreplicatedRemedy(n, c.Errant)))
			}
		}
		return all
	},
}

// rescuing judges whether everything that would be lost can be kept.
func rescuing(o *Observations, n *Observation, observed string) contract.Finding {
	preview, read := o.Previews[n.Node]
	switch {
	case !read:
		return fails(n.Node, observed+"; its binary logs were not read", "", "start again")
	case preview.Unreadable != "":
		return fails(n.Node, observed+"; they cannot be rescued: "+preview.Unreadable, "", unreplicatedRemedy(n, o.Against[n.Node].Errant))
	}
	return warns(n.Node, observed+"; they will be rescued to the archive, and destroyed on the node", "", "")
}

func unreplicatedRemedy(n *Observation, errant string) string {
	return fmt.Sprintf(`look at them: SHOW BINARY LOGS on %s, then mysqlbinlog --include-gtids=%s; bring over to the primary what is needed; `+
		`then destroy them with "unreplicatedWrites": "discard", or "rescue" to keep them in the archive first`, n.Node, quoted(shortened(errant)))
}
