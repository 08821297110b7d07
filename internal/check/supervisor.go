package check

import (
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// supervisor: at its end a clone stops the server, and relies on something else to start it.
var supervisor = Check{
	Code:        "supervisor",
	Wanted:      "something starts mysqld again after it exits",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Chosen() {
			switch n.Supervised {
			case inventory.Supervised:
			case inventory.Unsupervised:
				all = append(all, warns(n.Node, "declared as not supervised: the run will wait until somebody starts mysqld after the clone", "",
					"be ready to start mysqld there, or run it under systemd or mysqld_safe and say supervised: true in the inventory"))
			default:
				all = append(all, warns(n.Node, "not declared whether anything starts mysqld again after the clone", "",
					"supervised: true (or false) for the node in the inventory"))
			}
		}
		return all
	},
}
