package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// roomSlack is by how much the primary's data may exceed the node's before the plan warns: below it the files that the erase
// gives back are enough, as far as anybody can see.
const roomSlack = 512 << 20

// room can only compare: a server does not tell its free space over SQL, and the clone plugin looks for it after it has
// dropped the data (error 3873).
var room = Check{
	Code:         "room",
	Wanted:       "the node has room for the primary's data",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partSize)
		if p == nil {
			return nil
		}
		var all []contract.Finding
		for _, n := range o.Recipients(partSize) {
			if p.DataBytes > n.DataBytes+roomSlack {
				all = append(all, warns(n.Node, fmt.Sprintf("its user data take %s, the primary's %s; its free space cannot be read over SQL", bytesText(n.DataBytes), bytesText(p.DataBytes)), "",
					fmt.Sprintf("make sure that %s are free in the node's data directory (df)", bytesText(p.DataBytes-n.DataBytes))))
			}
		}
		return all
	},
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}
