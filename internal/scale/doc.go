// Package scale holds no code: its benchmarks run the product's workflows on a real Temporal server, in a worker process of their own,
// with every activity that a good run calls replaced by a stand-in, and print what a thousand secondaries in one run, and a thousand
// clusters on one worker, cost beside what Temporal allows. `make bench-scale` runs them; its tests hold the stand-ins' payloads to those of
// real runs.
//
// It knows what histories, payloads and memory weigh. It knows nothing of MySQL: no server is touched, and how long a copy or a proof takes
// is no part of it.
package scale
