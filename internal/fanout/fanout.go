// Package fanout decides which secondary is resynced next and from which donor.
//
// It knows who feeds whom, who failed whom, how many may be worked on at once and how many have to stay in service. It knows neither
// servers nor time: the workflow that resyncs and the plan that foretells it ask the same functions, and the same calls give the same
// answers.
package fanout

import "slices"

// Place is where one chosen secondary is in the fan-out.
type Place int

// The places, in the order in which a node goes through them.
const (
	// Waiting: not begun, or released because its donor failed it.
	Waiting Place = iota
	// Copying: begun, and its donor is lent to it.
	Copying
	// Starving: erased, and its donor failed it; it has none until it is fed again.
	Starving
	// Following: its copy is complete and its donor is free, but it does not follow the primary yet.
	Following
	// Complete: it follows the primary behind its fence, and is being proven.
	Complete
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
	// Delayed nodes are kept far behind on purpose, and are so again once they are returned: what they show is too old to serve or donate.
	Delayed bool
	Place   Place
	// Donor is who feeds it while it is copying.
	Donor string
	// Begun is how often it was begun.
	Begun int
	// Failed are the donors that failed it, each as often as it did.
	Failed []string
	// Desperate nodes also take a donor that has failed them.
	Desperate bool
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
	// PrimaryOnly keeps the primary as the only donor.
	PrimaryOnly bool
	// FencedDonors lets nodes donate that are complete and still fenced.
	FencedDonors bool
}

// Next chooses the recipient to begin and its donor. It never lends a donor that is lent (the clone plugin serves one recipient at a
// time), never begins more than MaxParallel and never takes a node out of service when fewer than MinServing would be left (I9).
// Nodes that are out of service already go first: they cost no availability and soon give some. Where one has no donor that has not
// failed it, the next one has its turn.
func (f State) Next() (recipient, donor string, ok bool) {
	if f.Running() >= f.MaxParallel {
		return "", "", false
	}
	out := func(n *Node) bool { return n.Place == Waiting && !n.Serving }
	if recipient, donor, ok = f.pair(out); ok || f.Serving()-1 < f.MinServing {
		return recipient, donor, ok
	}
	return f.pair(func(n *Node) bool { return n.Place == Waiting })
}

// NextStarving chooses a donor for a node that is erased and has none. Such nodes were begun already and come before all others.
func (f State) NextStarving() (recipient, donor string, ok bool) {
	return f.pair(func(n *Node) bool { return n.Place == Starving })
}

// pair is the first node of that kind for which there is a donor.
func (f State) pair(kind func(*Node) bool) (recipient, donor string, ok bool) {
	var free *lenders
	for i := range f.Nodes {
		node := &f.Nodes[i]
		if !kind(node) {
			continue
		}
		if free == nil {
			all := f.lenders()
			free = &all
		}
		if donor, ok := free.donorFor(node); ok {
			return node.Name, donor, true
		}
	}
	return "", "", false
}

// Running counts the nodes that this run has out of service now.
func (f State) Running() int { return len(f.Worked()) }

// Worked are the nodes that this run has out of service now.
func (f State) Worked() []string {
	var names []string
	for _, node := range f.Nodes {
		switch node.Place {
		case Copying, Starving, Following, Complete:
			names = append(names, node.Name)
		}
	}
	return names
}

// Serving counts the secondaries that clients can use now.
func (f State) Serving() int {
	count := f.OthersServing
	for _, node := range f.Nodes {
		if node.Place == InService && !node.Delayed || (node.Serving && (node.Place == Waiting || node.Place == Out)) {
			count++
		}
	}
	return count
}

// Counted reports whether beginning the node took one out of service.
func (f State) Counted(name string) bool { return f.node(name).Serving }

// Unbegun are the nodes that wait to be begun.
func (f State) Unbegun() []string {
	var names []string
	for _, node := range f.Nodes {
		if node.Place == Waiting {
			names = append(names, node.Name)
		}
	}
	return names
}

// Begin lends donor to the node, be it waiting or starving.
func (f *State) Begin(name, donor string) {
	node := f.node(name)
	if node.Place == Waiting {
		node.Begun++
	}
	node.Place, node.Donor, node.Desperate = Copying, donor, false
}

// Copied gives the node's donor back; the node itself is not in service yet.
func (f *State) Copied(name string) {
	if node := f.node(name); node.Place == Copying {
		node.Place = Following
	}
}

// Follows says that the node's copy is complete and follows the primary, which is more than Copied.
func (f *State) Follows(name string) {
	if node := f.node(name); node.Place == Copying || node.Place == Following {
		node.Place = Complete
	}
}

// Serves puts a node back among the waiting that was begun as one out of service, serves after all and was left as it was: from now on it
// counts. It reports false, and changes nothing, when the node was counted already.
func (f *State) Serves(name string) bool {
	node := f.node(name)
	if node.Place != Copying || node.Serving {
		return false
	}
	node.Place, node.Serving = Waiting, true
	return true
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

// node is one of the state's own; a name that nobody has changes nothing.
func (f *State) node(name string) *Node {
	if i := slices.IndexFunc(f.Nodes, func(n Node) bool { return n.Name == name }); i >= 0 {
		return &f.Nodes[i]
	}
	return &Node{}
}
