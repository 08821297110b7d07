package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var oneChannel = Check{
	Code:   "one-channel",
	Wanted: "a secondary has one replication channel at most",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Recipients(partChannels) {
			if channels := n.ReplicationChannels(); len(channels) > 1 {
				all = append(all, fails(n.Node, plural(int64(len(channels)), "channel")+": "+channelNames(channels), "",
					"for the channel that is not needed: STOP REPLICA FOR CHANNEL '<name>'; RESET REPLICA ALL FOR CHANNEL '<name>';"))
			}
		}
		return all
	},
}

func channelNames(channels []node.Channel) string {
	var names []string
	for _, c := range channels {
		names = append(names, fmt.Sprintf("%q from %s:%d", c.Name, c.SourceHost, c.SourcePort))
	}
	return strings.Join(names, ", ")
}
