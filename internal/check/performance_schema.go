package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// performanceSchema: switched off, its tables are there and empty (measured on 9.7), so that a running clone, an applier's error or the
// sessions to be ended would look like none.
var performanceSchema = Check{
	Code:   "performance-schema",
	Wanted: "performance_schema = ON",
	Judge: func(o *Observations) []contract.Finding {
		return switchedOn(o.Participants(partSettings), "performance_schema", "put performance_schema=ON into the option file and restart mysqld")
	},
}
