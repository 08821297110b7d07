// Package rescue puts the errant transactions of one node into an archive before the node is erased: their events as a binary log that
// MySQL's own mysqlbinlog reads, the same as text, and a manifest that says whose they are, what they did, and how to replay them. What
// was written is flushed, read back and counted before anybody is told that it is there; Verify does that again just before the erase.
//
// An entry is kept under rescue/<cluster>/<node>/<run>. The archive holds values of rows, password hashes and, of a server with
// encrypted binary logs, clear text: it is to be guarded like the data themselves. Nothing else here holds any of these, errors least.
//
// It knows entries. It does not know the fence behind which it is to be called, nor who consents to what.
package rescue
