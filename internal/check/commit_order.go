package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// commitOrder: the proof compares both servers at one GTID set, and that exists only where commits are made visible in the
// order of the binary log.
var commitOrder = Check{
	Code:   "commit-order",
	Wanted: "binlog_order_commits = ON on the primary, replica_preserve_commit_order = ON on secondaries",
	Judge: func(o *Observations) []contract.Finding {
		var all []contract.Finding
		if p := o.PrimaryWith(partSettings); p != nil {
			all = switchedOn([]*Observation{p}, "binlog_order_commits", "SET PERSIST binlog_order_commits = ON;")
		}
		return append(all, switchedOn(o.Recipients(partSettings), "replica_preserve_commit_order",
			"STOP REPLICA SQL_THREAD; SET PERSIST replica_preserve_commit_order = ON; START REPLICA SQL_THREAD;")...)
	},
}
