package check

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Roles is who is what, as observed.
type Roles struct {
	// Primary is the name of the one primary; empty when there is none, or more than one.
	Primary string
	// Candidates are the observed nodes that follow nobody and were not fenced by us, in the inventory's order.
	Candidates []string
}

// rolesOf finds the primary. A primary follows nobody, inside the cluster or outside, and is no wreck of ours. Among several
// such nodes the pinned one is meant: a secondary that lost its channel looks the same. Without a pin nobody can tell, and
// there is no primary: to guess wrong would erase the real one. A pin that the servers contradict is no pin.
func rolesOf(pin string, seen []*Observation) Roles {
	var roles Roles
	for _, n := range seen {
		if len(n.ReplicationChannels()) == 0 && !n.Wreck() && !n.Unread(partChannels) && !n.Unread(partSettings) {
			roles.Candidates = append(roles.Candidates, n.Node)
		}
	}
	switch {
	case pin != "" && slices.Contains(roles.Candidates, pin):
		roles.Primary = pin
	case pin == "" && len(roles.Candidates) == 1:
		roles.Primary = roles.Candidates[0]
	}
	return roles
}

// follows reports whether the channel's source is that node: by server_uuid, or by address while the channel has never been
// connected and so has none.
func follows(channel node.Channel, source *Observation) bool {
	if channel.SourceUUID != "" {
		return strings.EqualFold(channel.SourceUUID, source.Identity.UUID)
	}
	return pointsAt(channel, source)
}

// pointsAt reports whether the channel's configured source is the node's address.
func pointsAt(channel node.Channel, source *Observation) bool {
	configured := net.JoinHostPort(channel.SourceHost, strconv.Itoa(channel.SourcePort))
	return strings.EqualFold(configured, source.PeerAddress) || strings.EqualFold(configured, source.Address)
}
