package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var nodeReachable = Check{
	Code:   "node-reachable",
	Wanted: "every node answers the worker's account",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for i := range o.Nodes {
			if n := &o.Nodes[i]; !n.Seen() {
				all = append(all, unreachable(o, n))
			}
		}
		return all
	},
}

func unreachable(o *Observations, n *Observation) contract.Finding {
	admin := o.Cluster.Accounts.Admin
	switch {
	case n.Problem.Class == node.ClassAccessDenied:
		// A server that answers is no server that is down: nobody may skip what was declared wrongly.
		return fails(n.Node, n.Problem.Text, "", fmt.Sprintf(
			"put the account's password where the inventory says (accounts.admin.secret: %s), or on the primary: ALTER USER %s IDENTIFIED BY '<password>';",
			admin.Secret, account(admin.User, "%")))
	case n.Problem.Class == node.ClassOffline:
		return fails(n.Node, n.Problem.Text, "", fmt.Sprintf(
			"GRANT CONNECTION_ADMIN ON *.* TO %s; (on the primary; it passes offline_mode)", account(admin.User, "%")))
	case n.Problem.Class != node.ClassUnreachable:
		return fails(n.Node, n.Problem.Text, "", fmt.Sprintf("look at what answers at %s", n.Address))
	case n.Node == o.Cluster.Primary:
		return fails(n.Node, n.Problem.Text, "the declared primary answers", fmt.Sprintf(
			"start mysqld there, or correct the node's address (%s) in the inventory", n.Address))
	case o.Request.OnUnreachable == contract.UnreachableSkip:
		return warns(n.Node, n.Problem.Text+"; it is left out as asked", "", fmt.Sprintf(
			"start mysqld there and run again for this node: \"nodes\": [%q]", n.Node))
	}
	return fails(n.Node, n.Problem.Text, "", fmt.Sprintf(
		`start mysqld there, or correct the node's address (%s) in the inventory; to leave it out: "onUnreachable": "skip"`, n.Address))
}
