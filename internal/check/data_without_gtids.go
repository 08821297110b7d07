package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// dataWithoutGTIDs: a node with data and no history may hold anything, and so may a table that the primary lacks and that no errant
// transaction made. The rest of a wreck's data was consented to when its GTIDs were reset, which happens before anything is dropped.
var dataWithoutGTIDs = Check{
	Code:         "data-without-gtids",
	Wanted:       "a secondary that holds data says by its GTIDs which",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		if o.NotCompared != "" { // a failure of its own
			return nil
		}
		var all []contract.Finding
		for _, n := range o.Chosen() {
			if n.Unread(partGTIDs) || n.Unread(partSchemas) { // a failure of its own
				continue
			}
			observed := o.unknowable(n)
			if objects := o.Loss(n.Node).Unlogged(); len(objects) > 0 {
				observed = append(observed, "no transaction that the primary lacks tells of what it has more or otherwise: "+objectNames(objects))
			}
			if len(observed) > 0 {
				all = append(all, o.consented(n, strings.Join(observed, "; and ")))
			}
		}
		return all
	},
}

// consented is a failure, unless it was asked for that what no rescue can keep be destroyed.
func (o *Observations) consented(n *Observation, observed string) contract.Finding {
	if o.Request.UnreplicatedWrites == contract.UnreplicatedDiscard {
		return warns(n.Node, observed+"; it will be destroyed", "", "")
	}
	if o.Request.UnreplicatedWrites == contract.UnreplicatedRescue {
		observed += "; a rescue keeps what is in the binary log and nothing else"
	}
	return fails(n.Node, observed, "", fmt.Sprintf(
		`look at what %s holds, and save what is needed (mysqldump); then destroy it with "unreplicatedWrites": "discard"`, n.Node))
}

// objectNames names the first of the objects for a message; the plan has them all.
func objectNames(objects []contract.OnlyHere) string {
	const first = 10
	var names []string
	for _, object := range objects[:min(len(objects), first)] {
		name := fmt.Sprintf("%s %s", object.Kind, object.Name)
		var more []string
		if object.Bytes > 0 {
			more = append(more, bytesText(object.Bytes))
		}
		if object.Differs != "" {
			more = append(more, object.Differs)
		}
		if object.Behind {
			more = append(more, "the node is behind: the primary may have dropped it since")
		}
		if len(more) > 0 {
			name += " (" + strings.Join(more, ", ") + ")"
		}
		names = append(names, name)
	}
	if more := len(objects) - first; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
