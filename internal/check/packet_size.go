package check

import (
	"fmt"
	"strconv"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// minPacket is what a clone needs of max_allowed_packet on both sides, in bytes (measured on 9.7: error 3957).
const minPacket = 2 << 20

var packetSize = Check{
	Code:        "packet-size",
	Wanted:      fmt.Sprintf("max_allowed_packet >= %d", minPacket),
	OnlyErasing: true,
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Participants(partSettings) {
			if size, err := strconv.ParseInt(n.Value("max_allowed_packet"), 10, 64); err != nil || size < minPacket {
				all = append(all, fails(n.Node, "max_allowed_packet = "+n.Value("max_allowed_packet"), "", "SET PERSIST max_allowed_packet = 67108864;"))
			}
		}
		return all
	},
}
