// Package channel is a secondary's default replication channel: what its options were, how it is forgotten and set up
// again, how one waits for it to catch up, and the events that arrive with the data and must not run on a secondary.
//
// It knows every option of CHANGE REPLICATION SOURCE and CHANGE REPLICATION FILTER by name. It does not know where a secondary
// should replicate from, nor any password but the one it is handed, which it never reads back from the server.
package channel
