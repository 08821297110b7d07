package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// dataWithoutGTIDs: a node with data and no history may hold anything. The rest of a wreck's data was consented to when its
// GTIDs were reset, which happens before anything is dropped.
var dataWithoutGTIDs = Check{
	Code:         "data-without-gtids",
	Wanted:       "a secondary that holds data says by its GTIDs which",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Chosen() {
			unknown := o.Loss(n.Node).Unknown
			switch {
			case unknown == "" || o.NotCompared != "" || len(n.Gaps) > 0: // the latter two are failures of their own
			case o.Request.UnreplicatedWrites == contract.UnreplicatedDiscard:
				all = append(all, warns(n.Node, unknown+"; it will be destroyed", "", ""))
			default:
				all = append(all, fails(n.Node, unknown, "", fmt.Sprintf(
					`look at what %s holds; then destroy it with "unreplicatedWrites": "discard"`, n.Node)))
			}
		}
		return all
	},
}

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
	if n.GTIDs.Executed == "" && !n.Wreck() {
		loss.Unknown = heldWithoutGTIDs(len(n.Schemas), n.Tables())
	}
	return loss
}

// heldWithoutGTIDs says what a node with an empty GTID set holds; empty if it holds nothing.
func heldWithoutGTIDs(schemas, tables int) string {
	if schemas == 0 {
		return ""
	}
	return fmt.Sprintf("it holds %s with %s under an empty GTID set: what it has and nobody else cannot be known",
		plural(int64(schemas), "schema"), plural(int64(tables), "table"))
}
