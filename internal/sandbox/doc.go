// Package sandbox runs real MySQL clusters and a real Temporal server on the
// loopback address, in a folder of their own: for the demo, the tests and the
// benchmarks.
//
// It knows how to find, start, break, stop and remove them, and how they must
// be set up for a resync. It does not know what a resync does. It is the one
// internal package that may use the Temporal SDK, to see when a server is
// ready.
//
// What it promises: everything it writes is below the sandbox's folder or in
// the cache; Down leaves no process, also after an Up that was killed half
// way; no folder is removed that does not carry the marker of a sandbox made
// at that very place; no process is signalled whose identity (pid, start time,
// boot) is not the recorded one.
package sandbox
