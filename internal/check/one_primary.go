package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var onePrimary = Check{
	Code:   "one-primary",
	Wanted: "exactly one node that follows nobody and was not fenced by an earlier run, the declared one if one is declared",
	Judge: func(o *Observations) []contract.Finding {
		if o.Roles.Primary != "" {
			return nil
		}
		if pin := o.Cluster.Primary; pin != "" {
			return pinContradicted(o, o.node(pin))
		}
		pinLine := fmt.Sprintf("clusters.%s.primary: <name> in the inventory says which one", o.Cluster.Name)
		if len(o.Roles.Candidates) > 1 {
			return []contract.Finding{fails("", fmt.Sprintf("%s follow nobody, and nothing tells which one is the primary",
				enumerated(o.Roles.Candidates)), "",
				pinLine+"; or let the secondary follow: CHANGE REPLICATION SOURCE TO ...; START REPLICA;")}
		}
		observed := "every node that could be seen follows another server or was fenced by an earlier run"
		if len(o.Seen()) == 0 {
			observed = "no node could be seen"
		}
		if len(o.Seen()) < len(o.Nodes) {
			observed += "; the primary may be one of those that could not be reached"
		}
		return []contract.Finding{fails("", observed, "", "start the primary; or on the node that is to be it: STOP REPLICA; RESET REPLICA ALL;")}
	},
}

func pinContradicted(o *Observations, pinned *Observation) []contract.Finding {
	remedy := fmt.Sprintf("correct clusters.%s.primary in the inventory", o.Cluster.Name)
	switch {
	case pinned == nil || !pinned.Seen():
		return nil // an unknown pin is the inventory's own error, an unreachable one is reported as such
	case pinned.Unread(partChannels) || pinned.Unread(partSettings):
		return []contract.Finding{fails(pinned.Node, "it is declared as the primary, but cannot be read", "", "see node-readable")}
	case pinned.Wreck():
		return []contract.Finding{fails(pinned.Node, "it is declared as the primary, but an earlier run fenced it: its data may be gone", "", remedy)}
	}
	for _, c := range pinned.ReplicationChannels() {
		return []contract.Finding{fails(pinned.Node, fmt.Sprintf("it is declared as the primary, but replicates from %s:%d (server %s)",
			c.SourceHost, c.SourcePort, orUnknown(c.SourceUUID)), "", remedy)}
	}
	return nil
}
