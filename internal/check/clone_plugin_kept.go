package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// clonePluginKept: a clone brings the donor's mysql.plugin. A plugin that is on the recipient by INSTALL alone is gone after
// it (seen on 9.7), and with it the row that says whether the clone completed.
var clonePluginKept = Check{
	Code:         "clone-plugin-kept",
	Wanted:       "the clone plugin is still there after a clone",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partPlugins)
		if p == nil {
			return nil
		}
		onPrimary, _ := p.Plugin("clone")
		var all []contract.Finding
		for _, n := range o.Recipients(partPlugins) {
			here, there := n.Plugin("clone")
			if !there || !here.Installed {
				continue
			}
			const option = "plugin-load-add=mysql_clone.so"
			if onPrimary.Installed {
				all = append(all, warns(n.Node, "the clone plugin was INSTALLed, here and on the primary", option+" in every option file",
					"put "+option+" into the option file of every node"))
				continue
			}
			all = append(all, fails(n.Node, "the clone plugin was INSTALLed here, but not on the primary, whose list of plugins the clone brings", option+" in the option file",
				"SET SESSION sql_log_bin = 0; UNINSTALL PLUGIN clone; then put "+option+" into the node's option file and restart it"))
		}
		return all
	},
}
