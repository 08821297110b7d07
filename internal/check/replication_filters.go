package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var replicationFilters = Check{
	Code:   "replication-filters",
	Wanted: "everything the primary commits reaches every secondary",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		for _, n := range o.Recipients(partFilters) {
			// A channel shows the filters that hold for it, global ones included; without one only those are to be seen.
			filters := n.GlobalFilters
			for i, c := range n.ReplicationChannels() {
				if i == 0 {
					filters = nil
				}
				for name, rule := range c.Filters {
					filters = append(filters, name+"="+rule)
				}
			}
			if len(filters) > 0 {
				all = append(all, fails(n.Node, "replication filters: "+sorted(filters), "",
					"STOP REPLICA SQL_THREAD; CHANGE REPLICATION FILTER REPLICATE_DO_DB=(), REPLICATE_IGNORE_DB=(), REPLICATE_DO_TABLE=(), "+
						"REPLICATE_IGNORE_TABLE=(), REPLICATE_WILD_DO_TABLE=(), REPLICATE_WILD_IGNORE_TABLE=(), REPLICATE_REWRITE_DB=(); START REPLICA SQL_THREAD; "+
						"and take replicate-* out of the node's option file"))
			}
		}
		for _, n := range o.Recipients(partFilters) {
			if len(n.BinlogFilters) > 0 && o.Erases() {
				all = append(all, fails(n.Node, "its own binary log is filtered: "+sorted(n.BinlogFilters)+"; writes of its own that it leaves out have no GTIDs, so what would be lost cannot be known",
					"no filter of the binary log", "take binlog-do-db and binlog-ignore-db out of the node's option file and restart it"))
			}
		}
		if p := o.PrimaryWith(partFilters); p != nil && len(p.BinlogFilters) > 0 {
			all = append(all, fails(p.Node, "its binary log is filtered: "+sorted(p.BinlogFilters), "",
				"take binlog-do-db and binlog-ignore-db out of the primary's option file and restart it"))
		}
		return all
	},
}
