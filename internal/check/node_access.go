package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// nodeAccess is apart from node-reachable, because a server that answers is no server that is down: nobody may skip what was
// declared wrongly.
var nodeAccess = Check{
	Code:   "node-access",
	Wanted: "every node lets the worker's account in",
	Judge: func(o *Observations) []contract.Finding {
		return eachUnseen(o, denied)
	},
}

func refusesAccess(n *Observation) bool {
	return n.Problem.Class == node.ClassAccessDenied || n.Problem.Class == node.ClassOffline
}

func denied(o *Observations, n *Observation) (contract.Finding, bool) {
	admin := o.Cluster.Accounts.Admin
	switch n.Problem.Class {
	case node.ClassAccessDenied:
		return fails(n.Node, n.Problem.Text, "", fmt.Sprintf(
			"put the account's password where the inventory says (accounts.admin.secret: %s), or on the primary: ALTER USER %s IDENTIFIED BY '<password>';",
			admin.Secret, account(admin.User, "%"))), true
	case node.ClassOffline:
		return fails(n.Node, n.Problem.Text, "", fmt.Sprintf(
			"GRANT CONNECTION_ADMIN ON *.* TO %s; (on the primary; it passes offline_mode)", account(admin.User, "%"))), true
	}
	return contract.Finding{}, false
}
