// Package binlog reads from one node's binary logs exactly the transactions that only this node has: the errant ones, which an erase
// would destroy. Preview says what they did, without a value of any row; Read hands each event over as the server sent it, for those
// who keep them.
//
// The server does the choosing. The package asks, as MySQL's own mysqlbinlog does (COM_BINLOG_DUMP_GTID, not to wait at the end of the
// log, as no registered replica), for everything but what the node has in common with its primary. So it shows in no SHOW REPLICAS,
// holds no semi-synchronous acknowledgement, and the end of the log is told and not guessed. What arrives is checked: the checksum of
// each event, that each transaction ends as transactions end, and that every GTID that was asked for came exactly once.
//
// It knows the protocol, the events and GTID sets, tags included. It does not know which transactions are errant, why they are read,
// nor where they go. The account needs REPLICATION SLAVE, and CONNECTION_ADMIN on a node that is in offline_mode (measured on 9.7).
//
// No error holds a value of a row: what a library says about an event that it cannot decode quotes the event and is not passed on.
package binlog
