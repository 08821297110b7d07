// Package status turns what is known of a run into what a person or a program reads: one block of lines, appended lines, or JSON. It
// is pure: it knows the contract and nothing of Temporal or clocks, and writes nowhere; the same snapshot and time always give the
// same text.
package status

import (
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Snapshot is one look at a run. Its JSON is what `watch --json` writes, one a line.
type Snapshot struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	TaskQueue  string `json:"taskQueue"`
	// At is when the look was taken.
	At      time.Time `json:"at"`
	Started time.Time `json:"started"`
	// Stopping says why the run begins no other node, in the run's own words.
	Stopping string `json:"stopping,omitempty"`

	// What the run itself answered, last at AnsweredAt; the zero time means never.
	AnsweredAt time.Time          `json:"answeredAt,omitzero"`
	Cluster    string             `json:"cluster,omitempty"`
	Mode       contract.Mode      `json:"mode,omitempty"`
	Phase      contract.Phase     `json:"phase,omitempty"`
	Plan       *contract.Plan     `json:"plan,omitempty"`
	Approval   *contract.Approval `json:"approval,omitempty"`
	// ApprovalUntil is when an awaited approval expires.
	ApprovalUntil   time.Time `json:"approvalUntil,omitzero"`
	Paused          bool      `json:"paused,omitempty"`
	ThrottleMiBps   int       `json:"throttleMiBps,omitempty"`
	RefusedRequests []string  `json:"refusedRequests,omitempty"`

	// Away says why the run itself did not answer this time; empty when it did. What Temporal knows is shown all the same.
	Away string `json:"away,omitempty"`
	// Waiting is what the run itself waits for, as its own activity tells; empty when it waits for nothing, or for its nodes.
	Waiting string `json:"waiting,omitempty"`
	// Trouble are the run's own pending activities that have failed at least once.
	Trouble []Attempt `json:"trouble,omitempty"`
	Nodes   []Node    `json:"nodes,omitempty"`
}

// Node is one secondary: what the run said of it, made finer by the heartbeats of its activities.
type Node struct {
	contract.NodeProgress
	// Open is true while the node's own workflow is open.
	Open bool `json:"open"`
	// HeartbeatAt is when the details were told; zero when they came from the run.
	HeartbeatAt time.Time `json:"heartbeatAt,omitzero"`
	Trouble     []Attempt `json:"trouble,omitempty"`
}

// Attempt is a pending activity that has failed before, or that nobody has picked up.
type Attempt struct {
	Activity string `json:"activity"`
	// Attempt is the number of the current or next attempt; the first is 1.
	Attempt int `json:"attempt"`
	// LastFailure is what the last attempt ended with.
	LastFailure string `json:"lastFailure,omitempty"`
	// Next is when the next attempt begins; zero when one is under way.
	Next time.Time `json:"next,omitzero"`
}

// Beat is what describing one node's workflow gave.
type Beat struct {
	Cluster string
	Node    string
	// Detail is the newest heartbeat, nil when there is none, told At.
	Detail  *contract.StepProgress
	At      time.Time
	Trouble []Attempt
}

// Merge puts together what the run answered (or last answered) and the heartbeats of its nodes. A pending activity is what the node
// does now, so its heartbeat is finer and newer than what the run was told; a detail of another step than the node's is left over
// from a step that ended and is dropped.
func (s *Snapshot) Merge(progress *contract.Progress, beats []Beat) {
	if progress != nil {
		s.Cluster, s.Mode, s.Phase = progress.Cluster, progress.Mode, progress.Phase
		s.Plan, s.Approval, s.ApprovalUntil = progress.Plan, progress.Approval, progress.ApprovalUntil
		s.Paused, s.Stopping, s.ThrottleMiBps = progress.Paused, progress.Stopping, progress.ThrottleMiBps
		s.RefusedRequests = progress.RefusedRequests
		for _, node := range progress.Nodes {
			s.Nodes = append(s.Nodes, Node{NodeProgress: node})
		}
	}
	for _, beat := range beats {
		if s.Cluster == "" {
			s.Cluster = beat.Cluster
		}
		node := s.node(beat.Node)
		node.Open, node.Trouble = true, beat.Trouble
		if beat.Detail == nil {
			continue
		}
		detail := *beat.Detail
		if detail.Step == "" {
			detail.Step = node.Step
		}
		node.Detail, node.HeartbeatAt, node.Step = &detail, beat.At, detail.Step
	}
	for i := range s.Nodes {
		if detail := s.Nodes[i].Detail; detail != nil && detail.Step != "" && detail.Step != s.Nodes[i].Step {
			s.Nodes[i].Detail, s.Nodes[i].HeartbeatAt = nil, time.Time{}
		}
	}
}

func (s *Snapshot) node(name string) *Node {
	for i := range s.Nodes {
		if s.Nodes[i].Name == name {
			return &s.Nodes[i]
		}
	}
	s.Nodes = append(s.Nodes, Node{NodeProgress: contract.NodeProgress{Name: name}})
	return &s.Nodes[len(s.Nodes)-1]
}
