package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var gtidMode = Check{
	Code:   "gtid-mode",
	Wanted: "gtid_mode = ON and enforce_gtid_consistency = ON",
	Judge: func(o *Observations) []contract.Finding {
		nodes := o.Participants(partSettings)
		return append(
			switchedOn(nodes, "enforce_gtid_consistency", "SET PERSIST enforce_gtid_consistency = WARN; and after the error log stayed quiet: SET PERSIST enforce_gtid_consistency = ON;"),
			switchedOn(nodes, "gtid_mode", "SET PERSIST gtid_mode = OFF_PERMISSIVE; SET PERSIST gtid_mode = ON_PERMISSIVE; "+
				"and once Ongoing_anonymous_transaction_count is 0 on every node: SET PERSIST gtid_mode = ON;")...)
	},
}
