// Package fanout decides which secondary is resynced next and from which donor.
//
// It knows who feeds whom, how many may be worked on at once and how many have to stay in service. It knows neither servers nor
// time: the workflow that resyncs and the plan that foretells it ask the same functions, and the same calls give the same answers.
package fanout

import "slices"

// Place is where one chosen secondary is in the fan-out.
type Place int

// The places, in the order in which a node goes through them.
const (
	// Waiting: not begun.
	Waiting Place = iota
	// Copying: begun, and its donor is lent to it.
	Copying
	// Following: its copy is complete; its donor is free, but it is still out of service.
	Following
	// InService: proven and returned; it may serve and donate.
	InService
	// Out: released as it was, given up or left out; it takes no further part.
	Out
)

// Node is one chosen secondary as the fan-out sees it.
type Node struct {
	Name string
	// Serving says that clients may be using it now, so that beginning it takes a node out of service.
	Serving bool
	Place   Place
	// Donor is who feeds it while it is copying.
	Donor string
}

// State is the state that decides the next pair.
type State struct {
	Primary string
	// Nodes are the chosen secondaries in the order of the inventory.
	Nodes []Node
	// OthersServing counts secondaries in service that this run does not touch.
	OthersServing int
	MinServing    int
	MaxParallel   int
	PrimaryOnly   bool
}

// Next chooses the recipient to begin and its donor. It never lends a donor that is lent (the clone plugin serves one recipient at a
// time), never begins more than MaxParallel and never takes a node out of service when fewer than MinServing would be left (I9).
// Nodes that are out of service already go first: they cost no availability and soon give some. A proven secondary is preferred as
// donor over the primary, to spare it.
func (f State) Next() (recipient, donor string, ok bool) {
	donor, free := f.freeDonor()
	if !free || f.Running() >= f.MaxParallel {
		return "", "", false
	}
	for _, node := range f.Nodes {
		if node.Place == Waiting && !node.Serving {
			return node.Name, donor, true
		}
	}
	if f.Serving()-1 < f.MinServing {
		return "", "", false
	}
	for _, node := range f.Nodes {
		if node.Place == Waiting {
			return node.Name, donor, true
		}
	}
	return "", "", false
}

func (f State) freeDonor() (string, bool) {
	lent := func(name string) bool {
		return slices.ContainsFunc(f.Nodes, func(n Node) bool { return n.Place == Copying && n.Donor == name })
	}
	if !f.PrimaryOnly {
		for _, node := range f.Nodes {
			if node.Place == InService && !lent(node.Name) {
				return node.Name, true
			}
		}
	}
	return f.Primary, !lent(f.Primary)
}

// Running counts the nodes that this run has out of service now.
func (f State) Running() int {
	count := 0
	for _, node := range f.Nodes {
		if node.Place == Copying || node.Place == Following {
			count++
		}
	}
	return count
}

// Serving counts the secondaries that clients can use now.
func (f State) Serving() int {
	count := f.OthersServing
	for _, node := range f.Nodes {
		if node.Place == InService || (node.Serving && (node.Place == Waiting || node.Place == Out)) {
			count++
		}
	}
	return count
}

// Unbegun are the nodes that were never begun.
func (f State) Unbegun() []string {
	var names []string
	for _, node := range f.Nodes {
		if node.Place == Waiting {
			names = append(names, node.Name)
		}
	}
	return names
}

// Begin lends donor to the node.
func (f *State) Begin(name, donor string) {
	node := f.node(name)
	node.Place, node.Donor = Copying, donor
}

// Copied gives the node's donor back; the node itself is not in service yet.
func (f *State) Copied(name string) {
	if node := f.node(name); node.Place == Copying {
		node.Place = Following
	}
}

// Finish ends the node's part: proven nodes serve and donate, others only serve if they were left as they had been.
func (f *State) Finish(name string, proven, asBefore bool) {
	node := f.node(name)
	if proven {
		node.Place = InService
		return
	}
	node.Place = Out
	node.Serving = node.Serving && asBefore
}

func (f *State) node(name string) *Node {
	for i := range f.Nodes {
		if f.Nodes[i].Name == name {
			return &f.Nodes[i]
		}
	}
	return &Node{}
}
