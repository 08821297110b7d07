package check

import (
	"fmt"
	"net"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// followsPrimary is what keeps a node of another cluster from being erased: each secondary replicates from the primary, or
// has at least part of its history, or is an empty wreck that we left ourselves, or is adopted by the inventory's word. That word does
// not cover a node that follows somebody else: it would be taken from a cluster that is alive.
var followsPrimary = Check{
	Code:         "follows-primary",
	Wanted:       "every secondary replicates from the primary, shares its GTID history or is adopted by the inventory",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		primary := o.Primary()
		var all []contract.Finding
		for _, n := range o.Seen() {
			if n.Node == primary.Node || n.Unread(partChannels) || n.Unread(partGTIDs) {
				continue
			}
			if f, amiss := belongs(o, n, primary); amiss {
				all = append(all, f)
			}
		}
		return all
	},
}

func belongs(o *Observations, n, primary *Observation) (contract.Finding, bool) {
	verdict := severity(o.Chooses(n.Node))
	follow := followSQL(o, primary)
	channels := n.ReplicationChannels()
	for _, c := range channels {
		from := fmt.Sprintf("it replicates from %s:%d (server %s)", c.SourceHost, c.SourcePort, orUnknown(c.SourceUUID))
		switch {
		case follows(c, primary):
			continue
		case pointsAt(c, primary) && memberOf(o, c.SourceUUID) == "":
			return warns(n.Node, fmt.Sprintf("it last replicated from server %s at the primary's address, where server %s is now: the primary was restored or replaced",
				c.SourceUUID, primary.Identity.UUID), "", "look at unreplicated-writes before you approve"), true
		case memberOf(o, c.SourceUUID) != "":
			return found(verdict, n.Node, fmt.Sprintf("%s, which is %s, a secondary itself", from, memberOf(o, c.SourceUUID)), "", "STOP REPLICA; "+follow), true
		}
		return found(verdict, n.Node, from+", which is not the primary of this cluster", "",
			"take the node out of the inventory if it belongs to another cluster; else: STOP REPLICA; "+follow), true
	}
	if len(channels) > 0 || o.NotCompared != "" {
		return contract.Finding{}, false
	}
	adoptLine := fmt.Sprintf("if it belongs to this cluster: adopt: true for the node in the inventory; or: %s", follow)
	switch {
	case o.Against[n.Node].Shared:
		return warns(n.Node, "it replicates from nobody, but shares the primary's GTID history", "", follow), true
	case n.GTIDs.Executed == "" && n.Wreck():
		return contract.Finding{}, false
	case n.Adopt:
		return warns(n.Node, "it replicates from nobody and shares no history with the primary; the inventory adopts it", "",
			"take adopt: true out again once the node was resynced"), true
	case n.GTIDs.Executed == "":
		return found(verdict, n.Node, "it replicates from nobody and has executed nothing: nothing shows that it belongs to this cluster", "", adoptLine), true
	}
	return found(verdict, n.Node, "it replicates from nobody and has no transaction in common with the primary", "",
		"take the node out of the inventory if it belongs to another cluster; "+adoptLine), true
}

// memberOf is the name of the observed node with that server_uuid, or empty.
func memberOf(o *Observations, uuid string) string {
	for _, n := range o.Seen() {
		if uuid != "" && strings.EqualFold(n.Identity.UUID, uuid) {
			return n.Node
		}
	}
	return ""
}

// followSQL lets a secondary follow the primary.
func followSQL(o *Observations, primary *Observation) string {
	host, port, err := net.SplitHostPort(primary.PeerAddress)
	if err != nil {
		host, port = primary.PeerAddress, "3306"
	}
	return fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST=%s, SOURCE_PORT=%s, SOURCE_USER=%s, SOURCE_PASSWORD='<password>', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA;",
		quoted(host), port, quoted(o.Cluster.Accounts.Replication.User))
}
