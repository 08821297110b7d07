package sandbox

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Status is what a look at a sandbox found.
type Status struct {
	Folder    string `json:"folder"`
	Cluster   string `json:"cluster"`
	MySQL     string `json:"mysql"`
	Inventory string `json:"inventory"`
	// Complete is false when the sandbox is still being made, or its making
	// was interrupted.
	Complete bool            `json:"complete"`
	Nodes    []NodeStatus    `json:"nodes"`
	Temporal *TemporalStatus `json:"temporal,omitempty"`
}

// NodeStatus is what was seen of a node.
type NodeStatus struct {
	Name        string      `json:"name"`
	Address     string      `json:"address"`
	Supervision Supervision `json:"supervision"`
	// PID of the server, 0 when it does not run.
	PID int `json:"pid"`
	// Answers tells whether the server answers in its own protocol.
	Answers bool `json:"answers"`
	// Source is the host:port that the node replicates from, "" for none.
	Source string `json:"source,omitempty"`
}

// TemporalStatus is what was seen of the Temporal server.
type TemporalStatus struct {
	Address string `json:"address"`
	UI      string `json:"ui"`
	Answers bool   `json:"answers"`
}

// Status looks at every server, a few seconds at most.
func (c *Cluster) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s := Status{
		Folder: c.Folder, Cluster: c.Name, MySQL: c.state.MySQL, Complete: c.state.Complete,
		Nodes: make([]NodeStatus, len(c.Nodes)),
	}
	var group errgroup.Group
	if len(c.Nodes) > 0 {
		s.Inventory = c.Inventory()
	}
	for i, n := range c.Nodes {
		group.Go(func() error {
			s.Nodes[i] = n.status(ctx)
			return nil
		})
	}
	if c.Temporal != nil {
		s.Temporal = &TemporalStatus{Address: c.Temporal.Address(), UI: c.Temporal.UI()}
		group.Go(func() error {
			s.Temporal.Answers = c.Temporal.Running() && c.Temporal.describe(ctx) == nil
			return nil
		})
	}
	_ = group.Wait() // a server that does not answer is a finding, not an error
	return s
}

func (n *Node) status(ctx context.Context) NodeStatus {
	s := NodeStatus{Name: n.Name, Address: n.Address(), Supervision: n.Supervision(), PID: n.PID()}
	if s.PID == 0 || n.Ping(ctx) != nil {
		return s
	}
	s.Answers = true
	// Standing alone, a node has no such row.
	s.Source, _ = n.QueryString(ctx, `SELECT CONCAT(HOST, ':', PORT)
		FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''`)
	return s
}
