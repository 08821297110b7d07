package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var primaryOpen = Check{
	Code:         "primary-open",
	Wanted:       "the primary takes reads and writes",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partSettings)
		if p == nil {
			return nil
		}
		var all []contract.Finding
		for _, setting := range []string{"offline_mode", "super_read_only", "read_only", "innodb_read_only"} {
			if !p.On(setting) || setting == "read_only" && p.On("super_read_only") {
				continue // the latter brings the former
			}
			remedy := fmt.Sprintf("if %s is the primary: SET GLOBAL %s = OFF; else name the primary in the inventory", p.Node, setting)
			if setting == "super_read_only" {
				remedy = fmt.Sprintf("if %s is the primary: SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF; else name the primary in the inventory", p.Node)
			}
			all = append(all, found(severity(o.Erases()), p.Node, setting+" = ON", setting+" = OFF", remedy))
		}
		return all
	},
}
