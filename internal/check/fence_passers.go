package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// fencePassers are judged on the primary, whose accounts every node will have. Behind the fence they could read a node that is half
// filled, or write to it. The superuser of a machine, by whom such privileges are given, is not held against anybody, and the run's
// donor account may pass so that nodes can donate from behind their fence (DonorPassesFences).
var fencePassers = Check{
	Code:         "fence-passers",
	Wanted:       "no account but the run's own and root's on its own machine holds CONNECTION_ADMIN or SUPER",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		look := o.looked(partPassers)
		if look == nil {
			return nil
		}
		var names, revoke []string
		for _, p := range look.FencePassers {
			if p.User == "root" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, p.Host) {
				continue
			}
			if p.User == o.Cluster.Accounts.Donor.User {
				continue
			}
			name := account(p.User, p.Host)
			if p.Role != "" {
				names = append(names, name+" ("+p.By+" by the role "+p.Role+")")
				revoke = append(revoke, fmt.Sprintf("REVOKE %s FROM %s;", p.Role, name))
				continue
			}
			names = append(names, name+" ("+p.By+")")
			revoke = append(revoke, fmt.Sprintf("REVOKE %s ON *.* FROM %s;", p.By, name))
		}
		if len(names) == 0 {
			return nil
		}
		return []contract.Finding{warns(o.Primary().Node, "a fence does not keep out "+shortened(strings.Join(names, ", ")), "",
			"keep these accounts away from the nodes meanwhile; or, where applications use them: "+shortened(strings.Join(revoke, " ")))}
	},
}
