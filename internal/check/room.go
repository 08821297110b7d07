package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// roomSlack is what a server needs besides the files of user tables: system and undo tablespaces, redo, its first binary logs. By as much
// may the primary's data exceed the node's own, which the erase gives back, before the plan warns.
const roomSlack = 512 << 20

// room judges before the erase what the clone plugin looks for only after it has dropped the data (error 3873). A server does not tell its
// free space over SQL, so the size of its disk is the inventory's to say, and without it only what its files occupy now is known.
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
			needed := p.DataBytes + roomSlack
			switch {
			case n.DiskBytes > 0 && n.DiskBytes < needed:
				all = append(all, fails(n.Node, fmt.Sprintf("its disk is declared as %s, the primary's data take %s", bytesText(n.DiskBytes), bytesText(p.DataBytes)),
					bytesText(needed)+" or more", fmt.Sprintf("give the node a larger disk, and say so in the inventory: diskBytes: %d", needed+needed/4)))
			case n.DiskBytes > 0 && n.DiskBytes-n.DiskBytes/10 < needed:
				all = append(all, warns(n.Node, fmt.Sprintf("its disk is declared as %s, of which the primary's data would take %s", bytesText(n.DiskBytes), bytesText(p.DataBytes)),
					"a tenth left free", "look with df in the node's data directory what else is on that disk"))
			case n.DiskBytes > 0 || p.DataBytes <= n.DataBytes+roomSlack:
			default:
				all = append(all, warns(n.Node, fmt.Sprintf("whether there is room is not known: its user data take %s, the primary's %s, and free space cannot be read over SQL",
					bytesText(n.DataBytes), bytesText(p.DataBytes)), "",
					fmt.Sprintf("make sure that %s are free in the node's data directory (df), and declare its disk in the inventory: diskBytes: <size>", bytesText(p.DataBytes-n.DataBytes))))
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
