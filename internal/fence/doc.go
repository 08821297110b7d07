// Package fence keeps clients, events and replication away from a node from before its erase until its proof (invariant I3).
//
// The fence is four persisted settings, so that it holds over every restart, the one at the end of a clone included:
// offline_mode (ordinary accounts are turned away with 3032), super_read_only, event_scheduler=OFF and skip_replica_start.
// offline_mode is the mark: it is set first and taken away last, and performance_schema.variables_info says whose account
// set it. Whoever holds CONNECTION_ADMIN passes the fence.
//
// It knows settings and threads. It does not know why a node is fenced, nor whether its data are good: that is the caller's
// to prove before Lift.
package fence
