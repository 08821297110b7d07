package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// delayedReplica: a delay is deliberate, and the node perhaps somebody's last copy of an older state. With consent it is proven without
// its delay, which it gets back. A verification, that of a repair as well, changes no channel and would wait for a delayed node for ever.
var delayedReplica = Check{
	Code:   "delayed-replica",
	Wanted: "no secondary is delayed on purpose",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Recipients(partChannels) {
			for _, c := range n.ReplicationChannels() {
				if c.DelaySeconds > 0 {
					all = append(all, judgeDelay(o, n, c.Name, c.DelaySeconds))
				}
			}
		}
		return all
	},
}

func judgeDelay(o *Observations, n *Observation, channel string, seconds int) contract.Finding {
	observed := fmt.Sprintf("its applier is delayed by %d s", seconds)
	provenFirst := o.Request.Mode == contract.ModeVerify || o.Request.Mode == contract.ModeRepair
	if !provenFirst && o.Request.DelayedReplicas == contract.DelayedResync {
		return warns(n.Node, observed+"; the older state that it holds is erased, and it is delayed again once it is proven", "", "")
	}
	remedy := fmt.Sprintf("STOP REPLICA SQL_THREAD FOR CHANNEL %[1]s; CHANGE REPLICATION SOURCE TO SOURCE_DELAY=0 FOR CHANNEL %[1]s; START REPLICA SQL_THREAD FOR CHANNEL %[1]s;",
		quoted(channel))
	if !provenFirst {
		remedy += ` or "delayedReplicas": "resync", which gives the delay back at the end`
	}
	return fails(n.Node, observed, "SOURCE_DELAY = 0", remedy)
}
