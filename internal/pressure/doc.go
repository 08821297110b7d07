// Package pressure judges how hard servers are at work compared with before, and how much bandwidth a copy may take beside that.
//
// It has three parts: Look reads a server's counters; a Gauge compares what they say with a baseline; a Limiter turns the strain
// of all watched servers into a limit in MiB/s. The last two are values without clock or connection: Next is a pure function of what
// was and what is read, so that a run of it can be replayed, kept in a heartbeat and gone on with by another worker.
//
// It does not know what is copied, who copies, or how a limit is set.
package pressure
