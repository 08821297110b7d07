package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// servingFloor: a run that could never take a node out of service without going below its floor would wait for ever.
var servingFloor = Check{
	Code:         "serving-floor",
	Wanted:       "enough secondaries stay in service while one is resynced",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		floor := o.Floor()
		acks, semiSync := o.acknowledgements()
		var all []contract.Finding
		if asked := o.Request.MinServing; semiSync && asked != nil && *asked < acks {
			all = append(all, warns(o.Roles.Primary, fmt.Sprintf(
				"minServing is %d, but the primary waits for %s of secondaries; %d stay in service", *asked, plural(int64(acks), "acknowledgement"), floor), "", ""))
		}
		serving, healed := 0, 0
		var takes []string
		for _, n := range o.Seen() {
			switch {
			case n.Node == o.Roles.Primary:
			case o.Serving(n):
				serving++
				if o.Chooses(n.Node) {
					takes = append(takes, n.Node)
				}
			case o.Chooses(n.Node) && !n.delayed():
				healed++ // it serves again before a serving one has to go
			}
		}
		if len(takes) == 0 || serving+healed-1 >= floor {
			return all
		}
		remedy := fmt.Sprintf(`"minServing": %d allows it; or bring another secondary into service first`, max(0, serving+healed-1))
		if semiSync && floor == acks {
			remedy = "on the primary, for the time of the run: SET GLOBAL " + o.semiSyncSetting() + " = OFF; or bring another secondary into service first"
		}
		return append(all, fails("", fmt.Sprintf("secondaries in service: %d; with one of %s out, fewer than %d would be left",
			serving, enumerated(takes), floor), "", remedy))
	},
}
