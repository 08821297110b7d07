package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// restoredPrimary recognises a primary whose history went back, and says so: what looks like errant transactions of the secondaries is then
// what the primary lost, and the right thing may be to promote one of them.
//
// Under the same server_uuid the secondaries have transactions of the primary's own that it has no more. Replication stops (13114), until
// the primary has written as many again: then it goes on, over numbers that stand for two contents, and only rows show it. Under a new
// server_uuid the secondaries have more of a former primary's transactions than the primary has; replication does not even object
// (measured on 9.7). A failover that lost transactions looks the same.
var restoredPrimary = Check{
	Code:         "restored-primary",
	Wanted:       "the primary has executed all that it, or its predecessor, ever sent to the secondaries",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		primary := o.Primary()
		if o.NotCompared != "" {
			return nil
		}
		var all []contract.Finding
		if own := o.lost(func(uuid string) bool { return strings.EqualFold(uuid, primary.Identity.UUID) }); own != "" {
			all = append(all, o.wentBack(own+" that the primary once wrote itself and no longer has: it was restored from an older backup, or lost its last "+
				"transactions in a crash; what it has written since bears numbers that stand for other transactions there", false))
		}
		former := o.lost(func(uuid string) bool {
			return memberOf(o, uuid) == "" && ofServer(primary.GTIDs.Executed, uuid) != ""
		})
		if former != "" {
			all = append(all, o.wentBack(former+" of a former primary, of whose transactions the primary has only the earlier ones: it was restored from an "+
				"older backup as a new server, or was promoted without its predecessor's last transactions", true))
		}
		return all
	},
}

// lost says which secondaries have executed which transactions, of the servers that are meant, beyond the primary's; empty if none has.
func (o *Observations) lost(meant func(uuid string) bool) string {
	var some []string
	for _, n := range o.Seen() {
		var beyond []string
		for _, part := range strings.Split(o.Against[n.Node].Errant, ",") {
			if uuid, _, _ := strings.Cut(part, ":"); part != "" && meant(uuid) {
				beyond = append(beyond, part)
			}
		}
		if len(beyond) > 0 {
			some = append(some, n.Node+" has executed "+shortened(strings.Join(beyond, ",")))
		}
	}
	return strings.Join(some, ", ")
}

func (o *Observations) wentBack(observed string, logged bool) contract.Finding {
	primary := o.Roles.Primary
	writes := o.Request.UnreplicatedWrites
	switch {
	case !o.Erases():
		return warns(primary, observed, "", "")
	case writes == contract.UnreplicatedDiscard, writes == contract.UnreplicatedRescue && logged:
		return warns(primary, observed+"; the secondaries will be made equal to it", "", "")
	}
	remedy := `if the secondaries have the better data, do not resync: promote one of them, and resync this node instead. ` +
		`If the primary's state is the one that is wanted: "unreplicatedWrites": "discard"`
	if logged {
		remedy += `, or "rescue" to keep in the archive what it lost`
	}
	return fails(primary, observed, "", remedy)
}

// numbersTakenAgain says why the loss of a node cannot be known whose transactions of the primary's own the primary has no more.
func (o *Observations) numbersTakenAgain(n *Observation) []string {
	primary := o.Primary()
	own := ofServer(o.Against[n.Node].Errant, primary.Identity.UUID)
	if own == "" {
		return nil
	}
	return []string{fmt.Sprintf("the primary's own history went back: it no longer has %s, and what it has written since bears numbers that stand for other "+
		"transactions here", shortened(own))}
}

// ofServer is that part of a GTID set which one server wrote, its tagged transactions included.
func ofServer(set, uuid string) string {
	var some []string
	for part := range strings.SplitSeq(set, ",") {
		if from, _, _ := strings.Cut(part, ":"); strings.EqualFold(from, uuid) {
			some = append(some, part)
		}
	}
	return strings.Join(some, ",")
}
