package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// secrets are looked for before anything is erased: those of the donor and of replication are used only behind it. Among what makes one
// unusable is its length: a channel takes 32 bytes (inventory.Account.Resolve).
var secrets = Check{
	Code:        "secrets",
	Wanted:      "the worker finds the password of every account of the run, and each can be used",
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, s := range o.Secrets {
			all = append(all, fails("", s.Text, "", "put the password where accounts."+string(s.Role)+".secret in the inventory says, or correct that line"))
		}
		return all
	},
}
