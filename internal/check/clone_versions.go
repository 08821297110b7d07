package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var cloneVersions = Check{
	Code:         "clone-versions",
	Wanted:       "donor and recipient are of one release series, MySQL 8.0.27 or later",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.Primary()
		donor := p.Identity.Version
		var all []contract.Finding
		for _, n := range o.Participants("") {
			v := n.Identity.Version
			if !v.AtLeast(8, 0, 27) {
				all = append(all, fails(n.Node, "version "+v.String(), "8.0.27 or later", "upgrade the server"))
				continue
			}
			switch {
			case n.Node == p.Node:
			case !cloneable(donor, v):
				all = append(all, fails(n.Node, fmt.Sprintf("version %s, while the primary has %s", v, donor), "",
					fmt.Sprintf("bring both to one version; MySQL clones within a series, in 8.0 below 8.0.37 only between equal versions: %s", donor)))
			case donor.Text != v.Text:
				all = append(all, warns(n.Node, fmt.Sprintf("version %s, while the primary has %s", v, donor), "the same version",
					"nothing is needed; the rehearsal before the erase shows whether the servers agree"))
			}
		}
		return all
	},
}

// cloneable is the clone plugin's rule (MySQL manual: Cloning Remote Data): the same version always; within 8.0 other patch
// levels from 8.0.37 on; within a later series any; from one LTS series to the next from 9.7 on.
func cloneable(donor, recipient node.Version) bool {
	switch {
	case donor.Major == recipient.Major && donor.Minor == recipient.Minor && donor.Patch == recipient.Patch:
		return true
	case donor.Major == 8 && donor.Minor == 0 && recipient.Major == 8 && recipient.Minor == 0:
		return donor.Patch >= 37 && recipient.Patch >= 37
	case donor.Major == recipient.Major && donor.Minor == recipient.Minor:
		return true
	case donor.Major == 8 && donor.Minor == 4:
		return recipient.Major == 9 && recipient.Minor == 7
	}
	return false
}
