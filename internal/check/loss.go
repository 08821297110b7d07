package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Loss is what the erase of the node would destroy and nobody else has. A run that erases nothing loses nothing.
func (o *Observations) Loss(name string) contract.Loss {
	n := o.node(name)
	if n == nil || !o.Chooses(name) || !o.Erases() {
		return contract.Loss{}
	}
	if o.NotCompared != "" || n.Unread(partGTIDs) || n.Unread(partSchemas) {
		return contract.Loss{Unknown: "its GTIDs could not be compared with the primary's"}
	}
	c := o.Against[name]
	loss := contract.Loss{ErrantGTIDs: c.Errant, Transactions: c.Transactions}
	if preview, read := o.Previews[name]; read {
		loss.Preview = &preview
	}
	if b, compared := o.Belongings[name]; compared {
		loss.OnlyHere, loss.OnlyHereInAll, loss.SeenAt = slices.Clone(b.Objects), b.InAll, b.SeenAt
		markLogged(loss.OnlyHere, loss.Preview, b.There, b.Made)
	}
	loss.Unknown = strings.Join(append(o.unknowable(n), o.numbersTakenAgain(n)...), "; and ")
	return loss
}

// unknowable says of the node's data what cannot be known of them.
func (o *Observations) unknowable(n *Observation) []string {
	var all []string
	if n.GTIDs.Executed == "" && !n.Wreck() {
		if held := heldWithoutGTIDs(len(n.Schemas), n.Tables()); held != "" {
			all = append(all, held)
		}
	}
	b := o.Belongings[n.Node]
	if b.Problem != "" {
		all = append(all, "what it holds could not be compared with what the primary holds: "+b.Problem)
	}
	if b.Data > contract.MaxOnlyHere {
		all = append(all, fmt.Sprintf("it has %d schemas and tables that the primary lacks or has otherwise, more than a plan can name", b.Data))
	}
	return all
}

// heldWithoutGTIDs says what a node with an empty GTID set holds; empty if it holds nothing.
func heldWithoutGTIDs(schemas, tables int) string {
	if schemas == 0 {
		return ""
	}
	return fmt.Sprintf("it holds %s with %s under an empty GTID set: what it has and nobody else cannot be known",
		plural(int64(schemas), "schema"), plural(int64(tables), "table"))
}
