package check

import (
	"fmt"
	"net"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// networkPath: that the worker reaches both ends says nothing about the way between them, on which the data go. Only a run probes it, as
// only a run holds the cluster's lock; a plan says so and passes, since what it cannot do is nothing that a person could mend.
var networkPath = Check{
	Code:         "network-path",
	Wanted:       "every secondary reaches the primary at its peerAddress",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		if o.Paths == nil {
			return []contract.Finding{found(contract.VerdictPass, "", "not probed: a run probes it under the cluster's lock, before it asks for approval", "", "")}
		}
		var all []contract.Finding
		for _, n := range o.Chosen() {
			all = append(all, judgePath(o, n))
		}
		return all
	},
}

func judgePath(o *Observations, n *Observation) contract.Finding {
	address := o.Primary().PeerAddress
	path := o.Paths[n.Node]
	switch {
	case path.Broken:
		return fails(n.Node, fmt.Sprintf("from it, %s cannot be reached: %s", address, path.What), "", pathRemedy(o, n, path))
	case path.Stranger:
		return warns(n.Node, fmt.Sprintf("it reaches %s, but %s", address, path.What), "", fmt.Sprintf(
			"on %s: SELECT User, Host, plugin FROM mysql.user WHERE User = ''; then DROP USER for each", o.Roles.Primary))
	case path.Proven:
		return found(contract.VerdictPass, n.Node, fmt.Sprintf("from it, %s: %s", address, path.What), "", "")
	}
	return warns(n.Node, fmt.Sprintf("whether it reaches %s could not be probed: %s", address, path.What), "",
		"mend what the other findings name, or run again; behind the fence a rehearsal tries the path once more before anything is erased")
}

func pathRemedy(o *Observations, n *Observation, path clone.Path) string {
	primary := o.Primary()
	host, port, err := net.SplitHostPort(primary.PeerAddress)
	if err != nil {
		host, port = primary.PeerAddress, "3306"
	}
	try := fmt.Sprintf("try it on %s: mysql --protocol=TCP --host=%s --port=%s --user=nobody --password=x; it must end in ERROR 1045", n.Node, host, port)
	another := fmt.Sprintf("or correct clusters.%s.nodes: peerAddress of %s in the inventory", o.Cluster.Name, primary.Node)
	switch path.Number {
	case 2005:
		return fmt.Sprintf("let %s resolve the name %s (DNS or its /etc/hosts), %s; %s", n.Node, host, another, try)
	case 1129:
		return fmt.Sprintf("on %s: TRUNCATE TABLE performance_schema.host_cache;", primary.Node)
	case 1130:
		return fmt.Sprintf("let the accounts of the run in from %s's host, as the check run-accounts wants them; %s", n.Node, try)
	case 2026:
		return fmt.Sprintf("let %s offer TLS (ssl_ca, ssl_cert, ssl_key), or take peerTLS out of the inventory", primary.Node)
	}
	return fmt.Sprintf("open TCP port %s of %s for %s (firewall, bind_address, network policy), %s; %s", port, host, n.Node, another, try)
}
