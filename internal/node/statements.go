package node

// Every statement and word that differs between 8.0.27 and 9.x stands here. The later words came with 8.2.0 (MySQL 8.4
// manual: What Is New); the former ones were removed with 8.4 or 9.x, where they are a syntax error.

func (v Version) newReplicationWords() bool { return v.AtLeast(8, 2, 0) }

// BinaryLogStatus shows the current binary log file and position.
func (v Version) BinaryLogStatus() string {
	if v.newReplicationWords() {
		return "SHOW BINARY LOG STATUS"
	}
	return "SHOW MASTER STATUS"
}

// ResetBinaryLogs deletes all binary logs and empties gtid_executed and gtid_purged.
func (v Version) ResetBinaryLogs() string {
	if v.newReplicationWords() {
		return "RESET BINARY LOGS AND GTIDS"
	}
	return "RESET MASTER"
}

// DisableOnReplica is the clause of ALTER EVENT that marks an event as belonging to the source.
func (v Version) DisableOnReplica() string {
	if v.newReplicationWords() {
		return "DISABLE ON REPLICA"
	}
	return "DISABLE ON SLAVE"
}
