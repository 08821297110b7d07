package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// persistedSettings: the fence has to outlive the restart that ends a clone, and it is made of persisted settings.
var persistedSettings = Check{
	Code:        "persisted-settings",
	Wanted:      "persisted_globals_load = ON",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		return switchedOn(o.Recipients(partSettings), "persisted_globals_load",
			"take persisted-globals-load=OFF out of the option file and --no-defaults out of the command line, and restart the server")
	},
}
