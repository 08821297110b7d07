package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// pluginsLoadable can only warn: whether a library that is not loaded lies in plugin_dir is not to be seen over SQL. The
// rehearsal shows it before the erase (error 3870).
var pluginsLoadable = Check{
	Code:         "plugins-loadable",
	Wanted:       "every plugin of the primary can be loaded on the recipient",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partPlugins)
		if p == nil {
			return nil
		}
		var all []contract.Finding
		for _, n := range o.Recipients(partPlugins) {
			var absent []string
			for _, plugin := range p.Plugins {
				// The clone plugin has a check of its own.
				if _, there := n.Plugin(plugin.Name); plugin.Active && !there && !strings.EqualFold(plugin.Name, "clone") {
					absent = append(absent, fmt.Sprintf("%s (%s)", plugin.Name, plugin.Library))
				}
			}
			if len(absent) > 0 {
				all = append(all, warns(n.Node, "not loaded here, but on the primary: "+enumerated(absent), "",
					"make sure that these libraries lie in the node's plugin_dir"))
			}
		}
		return all
	},
}
