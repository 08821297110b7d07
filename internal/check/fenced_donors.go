package check

import (
	"slices"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

// DonorPassesFences reports whether the donor account gets into a node that is in offline_mode. It is seen on the primary, whose
// accounts every copied node has. Which of several hosts will match is known only when the account logs in, so every usable row has to
// hold the privilege; SUPER stands for it (MySQL manual: offline_mode).
func (o *Observations) DonorPassesFences() bool {
	p := o.PrimaryWith(partAccounts)
	if p == nil {
		return false
	}
	passes := false
	for _, a := range p.Accounts {
		if a.User != o.Cluster.Accounts.Donor.User || a.Locked {
			continue
		}
		if !slices.Contains(a.Grants.Privileges, inventory.PassesFences) && !slices.Contains(a.Grants.Privileges, "SUPER") {
			return false
		}
		passes = true
	}
	return passes
}
