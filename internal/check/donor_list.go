package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// donorList: an empty list makes the primary refuse to be cloned into, whoever asks (measured on 9.7: error 3869).
var donorList = Check{
	Code:         "donor-list",
	Wanted:       "clone_valid_donor_list is empty on the primary, which then refuses to be cloned into",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partSettings)
		if p == nil || p.Value("clone_valid_donor_list") == "" {
			return nil
		}
		return []contract.Finding{warns(p.Node, "clone_valid_donor_list = "+p.Value("clone_valid_donor_list"), "",
			"SET GLOBAL clone_valid_donor_list = NULL; RESET PERSIST IF EXISTS clone_valid_donor_list;")}
	},
}
