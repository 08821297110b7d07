package check

import (
	"fmt"
	"strconv"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// minAttributes is what the server must keep of a connection's attributes, in bytes: its default, into which the worker's fit.
const minAttributes = 512

// sessionAttributes: by them an attempt knows the session of an earlier one, which holds the node's named lock. Cut off, its own would
// look like a stranger's, and a worker that died would block the node until somebody ends that session.
var sessionAttributes = Check{
	Code:   "session-attributes",
	Wanted: fmt.Sprintf("performance_schema_session_connect_attrs_size >= %d", minAttributes),
	Judge: func(o *Observations) []contract.Finding {
		const setting = "performance_schema_session_connect_attrs_size"
		var all []contract.Finding
		for _, n := range o.Recipients(partSettings) {
			if size, err := strconv.Atoi(n.Value(setting)); err == nil && size >= 0 && size < minAttributes {
				all = append(all, fails(n.Node, fmt.Sprintf("%s = %d", setting, size), "",
					fmt.Sprintf("take %s out of the option file, or put %s=%d there; restart mysqld", setting, setting, minAttributes)))
			}
		}
		return all
	},
}
