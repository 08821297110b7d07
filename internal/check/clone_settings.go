package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// mustAgree are the settings that the clone plugin compares before it drops anything (MySQL manual: Cloning Remote Data).
var mustAgree = []string{
	"character_set_server", "character_set_filesystem", "collation_server", "innodb_page_size", "innodb_data_file_path",
	"version_compile_os", "version_compile_machine",
}

var cloneSettings = Check{
	Code:         "clone-settings",
	Wanted:       "the settings that a clone compares are equal on donor and recipient",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partSettings)
		if p == nil {
			return nil
		}
		var all []contract.Finding
		for _, n := range o.Recipients(partSettings) {
			for _, setting := range mustAgree {
				if n.Value(setting) == p.Value(setting) {
					continue
				}
				all = append(all, fails(n.Node, setting+" = "+n.Value(setting), setting+" = "+p.Value(setting)+", as on "+p.Node,
					agree(setting, p.Value(setting))))
			}
		}
		return all
	},
}

func agree(setting, wanted string) string {
	switch setting {
	case "innodb_page_size", "innodb_data_file_path":
		return fmt.Sprintf("it is fixed when the data directory is made: stop mysqld, empty the data directory, put %s=%s into the option file and initialise it anew", setting, wanted)
	case "version_compile_os", "version_compile_machine":
		return "use a server built for the same platform"
	}
	return fmt.Sprintf("SET PERSIST %s = %s;", setting, quoted(wanted))
}
