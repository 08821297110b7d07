package check

import (
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// feedsOthers keeps a run from breaking servers that it does not heal.
var feedsOthers = Check{
	Code:        "feeds-others",
	Wanted:      "nobody reads the binary log of a node that is to be erased",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Recipients(partDownstreams) {
			if observed := feeds(o.present(n), n.DumpThreads, len(n.Downstreams)); observed != "" {
				all = append(all, fails(n.Node, observed, "",
					"let those servers follow the primary, end the readers, or take the node out of the run with \"nodes\""))
			}
		}
		return all
	},
}

// present leaves out replicas that are known to have gone: a server notices only at the next event or heartbeat that a
// replica has left it.
func (o *Observations) present(n *Observation) []node.Downstream {
	return slices.DeleteFunc(slices.Clone(n.Downstreams), func(d node.Downstream) bool {
		member := o.node(memberOf(o, d.UUID))
		return member != nil && !member.Unread(partChannels) &&
			!slices.ContainsFunc(member.ReplicationChannels(), func(c node.Channel) bool { return follows(c, n) })
	})
}

// feeds says who reads a binary log; empty if nobody does. registered is how many of the sessions are replicas.
func feeds(replicas []node.Downstream, sessions []string, registered int) string {
	var readers []string
	for _, r := range replicas {
		readers = append(readers, r.String())
	}
	text := ""
	if len(readers) > 0 {
		text = "it feeds " + strings.Join(readers, ", ")
	}
	if len(sessions) > registered {
		if text != "" {
			text += "; "
		}
		text += "its binary log is read by " + strings.Join(sessions, ", ")
	}
	return text
}
