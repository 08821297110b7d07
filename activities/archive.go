package activities

import "github.com/clusterresync/clusterresync/internal/archive"

// Archive is where a worker keeps what must outlive a node's data.
type Archive struct {
	Store archive.Store
	// Queue is the task queue of the workers that can read it; empty when every worker of the common task queue can.
	Queue string
}
