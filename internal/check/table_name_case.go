package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// tableNameCase is ours to check: the server does not, and a recipient with another value never starts again after the clone
// (measured on 9.7: MY-011087).
var tableNameCase = Check{
	Code:         "table-name-case",
	Wanted:       "lower_case_table_names is equal on every node",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		const setting = "lower_case_table_names"
		p := o.PrimaryWith(partSettings)
		if p == nil {
			return nil
		}
		var all []contract.Finding
		for _, n := range o.Recipients(partSettings) {
			if n.Value(setting) != p.Value(setting) {
				all = append(all, fails(n.Node, setting+" = "+n.Value(setting), setting+" = "+p.Value(setting)+", as on "+p.Node, fmt.Sprintf(
					"it is fixed when the data directory is made: stop mysqld, empty the data directory, put %s=%s into the option file and initialise it anew", setting, p.Value(setting))))
			}
		}
		return all
	},
}
