package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// primaryErrors reads the log over SQL (performance_schema.error_log, MySQL 8.0.22 and later). A healthy primary writes no row of
// priority Error, restarts included (measured on 9.7).
var primaryErrors = Check{
	Code:         "primary-errors",
	Wanted:       "the primary's error log has no recent row of priority Error",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		look := o.looked(partErrors)
		if look == nil || look.ErrorCount == 0 {
			return nil
		}
		var kinds []string
		for _, e := range look.Errors {
			kinds = append(kinds, fmt.Sprintf("%s of %s (%d, last at %s UTC)", e.Code, e.Subsystem, e.Count, e.Last.UTC().Format(time.DateTime)))
		}
		within := lasting(o.Limits.ErrorsWithin)
		return []contract.Finding{warns(o.Primary().Node, fmt.Sprintf("%s within %s: %s", plural(look.ErrorCount, "error"), within, strings.Join(kinds, ", ")),
			"none within "+within, "SELECT LOGGED, ERROR_CODE, SUBSYSTEM, DATA FROM performance_schema.error_log WHERE PRIO = 'Error' ORDER BY LOGGED DESC LIMIT 20;")}
	},
}
