package check

import (
	"net"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// peerAddress looks for the address that works from the worker's machine and from no other. What the inventory can tell by
// its form alone, such as IPv6, it refuses itself.
var peerAddress = Check{
	Code:         "peer-address",
	Wanted:       "the primary's peerAddress leads the other nodes to it",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.Primary()
		if !loopback(p.PeerAddress) {
			return nil
		}
		for _, n := range o.Chosen() {
			if !loopback(n.PeerAddress) {
				return []contract.Finding{warns(p.Node, "its peerAddress is "+p.PeerAddress+", which on another machine is that machine itself", "",
					"give the node a peerAddress in the inventory by which the other nodes reach it")}
			}
		}
		return nil
	},
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}
