package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// forcedRecovery passes the clone plugin's own checks, and fails after the data are gone.
var forcedRecovery = Check{
	Code:        "forced-recovery",
	Wanted:      "innodb_force_recovery = 0",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Participants(partSettings) {
			if value := n.Value("innodb_force_recovery"); value != "0" {
				all = append(all, fails(n.Node, "innodb_force_recovery = "+value, "", "take innodb_force_recovery out of the option file and restart the server"))
			}
		}
		return all
	},
}
