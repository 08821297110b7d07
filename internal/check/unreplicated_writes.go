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
			default:
				all = append(all, fails(n.Node, observed, "", unreplicatedRemedy(n, c.Errant)))
			}
		}
		return all
	},
}

func unreplicatedRemedy(n *Observation, errant string) string {
	return fmt.Sprintf(`look at them: SHOW BINARY LOGS on %s, then mysqlbinlog --include-gtids=%s; bring over to the primary what is needed; `+
		`then destroy them with "unreplicatedWrites": "discard"`, n.Node, quoted(shortened(errant)))
}
