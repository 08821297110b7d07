package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// adminGrants is judged on every node that the run touches: each account a run uses has to do its work before the clone has
// replaced the node's accounts, and after.
var adminGrants = Check{
	Code:   "admin-grants",
	Wanted: "the worker's account holds every privilege that a run needs, on *.*",
	Judge: func(o *Observations) []contract.Finding {
		primaryLacks := map[string]bool{}
		if p := o.PrimaryWith(partGrants); p != nil {
			for _, name := range missingAdmin(p) {
				primaryLacks[name] = true
			}
		}
		var all []contract.Finding
		for _, n := range o.Participants(partGrants) {
			if missing := missingAdmin(n); len(missing) > 0 {
				onlyHere := o.Primary() != nil && n.Node != o.Roles.Primary && !slices.ContainsFunc(missing, func(m string) bool { return primaryLacks[m] })
				all = append(all, fails(n.Node, n.Account+" lacks "+enumerated(missing), "", grantAdmin(n, missing, onlyHere)))
			}
			if len(n.Grants.Revoked) > 0 {
				all = append(all, fails(n.Node, n.Account+" is restricted: "+shortened(enumerated(n.Grants.Revoked)), "no partial revokes",
					"give the privileges back with GRANT for each schema named"))
			}
		}
		return all
	},
}

func missingAdmin(n *Observation) []string {
	return n.Grants.Missing(inventory.RoleAdmin, n.Identity.Version)
}

// grantAdmin writes the GRANT down. On a secondary alone it has to stay out of the binary log, or it would be an errant
// transaction; what the primary lacks too is granted there and arrives by replication.
func grantAdmin(n *Observation, missing []string, onlyHere bool) string {
	user, host, _ := cutLast(n.Account, "@")
	grant := fmt.Sprintf("GRANT %s ON *.* TO %s;", strings.Join(missing, ", "), account(user, host))
	if !onlyHere {
		return grant + " (on the primary)"
	}
	if n.On("super_read_only") {
		return "SET GLOBAL super_read_only = OFF; SET SESSION sql_log_bin = 0; " + grant + " SET GLOBAL super_read_only = ON;"
	}
	return "SET SESSION sql_log_bin = 0; " + grant
}

// cutLast cuts at the last separator: a user's name may hold an @, a host cannot.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
