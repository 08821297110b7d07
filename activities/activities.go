// Package activities does what the workflows decide: one file per activity, each with its name, its input, its result and its work.
//
// Every activity may be run twice, be cut anywhere or wake up late (I5): it first asks the servers what is already done, does the
// rest, and heartbeats. What destroys runs on a node.Claim. Errors become Temporal errors in one place (errors.go), as the last thing
// an activity does, because a wrapped Temporal error loses its type.
package activities

import (
	"time"

	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/mail"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Config is what the activities of one worker need.
type Config struct {
	// Inventory is the path of the inventory file; it is read anew by each activity.
	Inventory string
	Mail      mail.Sender
	// DefaultMailTo gets the mail of runs whose cluster is unknown or names nobody.
	DefaultMailTo []string
	// UIURL is the base address of the Temporal UI for links in mails; may be empty.
	UIURL string
	// Archive keeps rescues and the audit; nil for none.
	Archive *Archive
	// Temporal is the worker's own client.
	Temporal client.Client
}

// Activities holds the dependencies of every activity. Workflows name its methods through a nil pointer.
type Activities struct {
	config Config
}

// New makes the activities of one worker.
func New(config Config) *Activities { return &Activities{config: config} }

// Target names the node an activity works on, and what it must find unchanged.
type Target struct {
	Cluster string `json:"cluster"`
	// InventoryHash is the inventory that the run began with; another is refused.
	InventoryHash string `json:"inventoryHash"`
	// Run is the run ID of ResyncCluster.
	Run string `json:"run"`
	// Node is the recipient, NodeUUID its approved server_uuid.
	Node     string `json:"node"`
	NodeUUID string `json:"nodeUuid"`
	// Primary is the primary's name, PrimaryUUID its approved server_uuid.
	Primary     string `json:"primary"`
	PrimaryUUID string `json:"primaryUuid"`
}

// Approval is what may be destroyed on a node.
type Approval struct {
	// Errant are the transactions that only the node has, as the approved plan showed them.
	Errant string `json:"errant,omitempty"`
	// LossUnknown says that the plan could not know what would be lost, and said so.
	LossUnknown bool `json:"lossUnknown,omitempty"`
	// Data are the schemas and tables that the primary lacks or has otherwise, as the approved plan showed them.
	Data []contract.OnlyHere `json:"data,omitempty"`
	// SeenAt is when the node's objects were last judged, by its own clock; zero while nobody has.
	SeenAt time.Time `json:"seenAt,omitzero"`
	// Wreck says that an earlier run left the node fenced.
	Wreck bool `json:"wreck,omitempty"`
}

// Done is the result of an activity that has nothing else to say.
type Done struct {
	// Attempts is how often the activity was tried.
	Attempts int `json:"attempts"`
}

// ParentRef is the workflow that wants to hear of a copy's progress.
type ParentRef struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Tellings is how often it wants to; nil as often as there is something to tell.
	Tellings *int `json:"tellings,omitempty"`
}

// wants reports whether so many bytes more of a total are worth telling. With one share of the total for each telling there are never more.
func (r ParentRef) wants(more, total int64) bool {
	return r.Tellings == nil || *r.Tellings > 0 && total > 0 && more >= total/int64(*r.Tellings)
}

// heartbeatEvery is how often a long activity heartbeats; well below the workflows' heartbeat timeout.
const heartbeatEvery = 3 * time.Second

func (a *Activities) inventory() (*inventory.Inventory, error) {
	return inventory.Load(a.config.Inventory)
}
