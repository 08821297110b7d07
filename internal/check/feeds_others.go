package check

import (
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
			if observed := n.feeds(); observed != "" {
				all = append(all, fails(n.Node, observed, "",
					"let those servers follow the primary, end the readers, or take the node out of the run with \"nodes\""))
			}
		}
		return all
	},
}

// feeds says who reads the node's binary log; empty if nobody does.
func (o *Observation) feeds() string { return feeds(o.Downstreams, o.DumpThreads) }

// feeds says who reads a binary log; empty if nobody does.
func feeds(replicas []node.Downstream, sessions []string) string {
	var readers []string
	for _, r := range replicas {
		readers = append(readers, r.String())
	}
	text := ""
	if len(readers) > 0 {
		text = "it feeds " + strings.Join(readers, ", ")
	}
	if len(sessions) > len(replicas) {
		if text != "" {
			text += "; "
		}
		text += "its binary log is read by " + strings.Join(sessions, ", ")
	}
	return text
}
