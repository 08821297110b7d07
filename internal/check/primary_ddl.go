package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// primaryDDL: a clone copes with DDL on its donor (clone_block_ddl = OFF), but whoever follows waits behind a long one, so that catching
// up takes as long as it does once more.
var primaryDDL = Check{
	Code:         "primary-ddl",
	Wanted:       "no DDL runs on the primary",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		look := o.looked(partDDL)
		if look == nil || len(look.DDL) == 0 {
			return nil
		}
		var running []string
		for _, w := range look.DDL {
			running = append(running, fmt.Sprintf("%s by %s for %s (process %d)", w.What, w.User, w.For, w.Process))
		}
		return []contract.Finding{warns(o.Primary().Node, strings.Join(running, ", "), "",
			"wait until it has ended: SELECT * FROM performance_schema.processlist WHERE ID = "+fmt.Sprint(look.DDL[0].Process)+";")}
	},
}
