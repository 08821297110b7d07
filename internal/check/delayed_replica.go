package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// delayedReplica: a run waits until the node has caught up, which a delayed one never has.
var delayedReplica = Check{
	Code:   "delayed-replica",
	Wanted: "no secondary is delayed on purpose",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Recipients(partChannels) {
			for _, c := range n.ReplicationChannels() {
				if c.DelaySeconds > 0 {
					all = append(all, fails(n.Node, fmt.Sprintf("its applier is delayed by %d s", c.DelaySeconds), "SOURCE_DELAY = 0", fmt.Sprintf(
						"STOP REPLICA SQL_THREAD FOR CHANNEL %[1]s; CHANGE REPLICATION SOURCE TO SOURCE_DELAY=0 FOR CHANNEL %[1]s; START REPLICA SQL_THREAD FOR CHANNEL %[1]s;",
						quoted(c.Name))))
				}
			}
		}
		return all
	},
}
