package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var clonePlugin = Check{
	Code:        "clone-plugin",
	Wanted:      "the clone plugin is active on donor and recipient",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Participants(partPlugins) {
			plugin, there := n.Plugin("clone")
			switch {
			case !there:
				all = append(all, fails(n.Node, "the clone plugin is not loaded", "",
					"put plugin-load-add=mysql_clone.so into the option file, for every start from now on; and for now: INSTALL PLUGIN clone SONAME 'mysql_clone.so'; "+
						"(on a secondary after SET SESSION sql_log_bin = 0)"))
			case !plugin.Active:
				all = append(all, fails(n.Node, "the clone plugin is loaded but not active", "", "look into the server's error log for why"))
			}
		}
		return all
	},
}
