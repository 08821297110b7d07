package check

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// binaryLog: a secondary's own transactions can only be told from the primary's if it writes a binary log.
var binaryLog = Check{
	Code:   "binary-log",
	Wanted: "log_bin = ON and log_replica_updates = ON",
	Judge: func(o *Observations) []contract.Finding {
		nodes := o.Participants(partSettings)
		return append(
			switchedOn(nodes, "log_bin", "put log-bin=binlog into the option file, take skip-log-bin out of it, and restart the server"),
			switchedOn(nodes, "log_replica_updates", "put log-replica-updates=ON into the option file and restart the server")...)
	},
}
