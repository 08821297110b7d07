package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// primaryLoad is one look at a moment; a gate that waits for a quiet primary is the request's "quiet".
var primaryLoad = Check{
	Code:         "primary-load",
	Wanted:       "few sessions are at work on the primary",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		look := o.looked(partLoad)
		if look == nil || look.AtWork <= o.Limits.AtWork {
			return nil
		}
		return []contract.Finding{warns(o.Primary().Node, fmt.Sprintf("%d sessions at work", look.AtWork), fmt.Sprintf("at most %d", o.Limits.AtWork),
			`choose a quieter hour, let the run wait for one with "quiet", or limit its copies with "throttleMiBps"`)}
	},
}
