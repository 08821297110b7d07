package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// comparable guards everything that is judged by GTIDs: without the comparison nobody knows what would be lost.
var comparable = Check{
	Code:         "gtids-compared",
	Wanted:       "the primary's GTID set can be read after every secondary's",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		if o.NotCompared == "" {
			return nil
		}
		return []contract.Finding{fails(o.Roles.Primary, o.NotCompared, "", "run again once the primary answers")}
	},
}
