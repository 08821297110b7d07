package check

import (
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// primaryUptime: what was seen of a server that began anew meanwhile may be of two servers' lives, and one that keeps crashing is no
// source to erase copies for.
var primaryUptime = Check{
	Code:         "primary-uptime",
	Wanted:       "the primary has been up for a while, and was not restarted while it was observed",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		look, p := o.looked(partRestart), o.Primary()
		switch {
		case look == nil:
			return nil
		case look.Restarted:
			return []contract.Finding{fails(p.Node, fmt.Sprintf("it was restarted while it was observed, and has been up for %s", look.Uptime), "no restart",
				"find out in its error log why it restarted; then run again")}
		case look.Uptime < o.Limits.Young:
			return []contract.Finding{warns(p.Node, fmt.Sprintf("it has been up for %s only", look.Uptime), "at least "+lasting(o.Limits.Young),
				"find out in its error log why it restarted")}
		}
		return nil
	},
}

// lasting writes a time span without the zeros at its end.
func lasting(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
