package workflows

import "slices"

// place is where one chosen secondary is in the fan-out.
type place int

const (
	// waiting: not begun.
	waiting place = iota
	// copying: begun, and its donor is lent to it.
	copying
	// following: its copy is complete; its donor is free, but it is still out of service.
	following
	// inService: proven and returned; it may serve and donate.
	inService
	// out: released as it was, given up or left out; it takes no further part.
	out
)

// fanNode is one chosen secondary as the fan-out sees it.
type fanNode struct {
	Name string
	// Serving says that clients may be using it now, so that beginning it takes a node out of service.
	Serving bool
	Place   place
	// Donor is who feeds it while it is copying.
	Donor string
}

// fan is the state that decides the next pair.
type fan struct {
	Primary string
	// Nodes are the chosen secondaries in the order of the inventory.
	Nodes []fanNode
	// OthersServing counts secondaries in service that this run does not touch.
	OthersServing int
	MinServing    int
	MaxParallel   int
	PrimaryOnly   bool
}

// next chooses the recipient to begin and its donor. It never lends a donor that is lent (the clone plugin serves one recipient at a
// time), never begins more than MaxParallel and never takes a node out of service when fewer than MinServing would be left (I9).
// Nodes that are out of service already go first: they cost no availability and soon give some. A proven secondary is preferred as
// donor over the primary, to spare it.
func (f fan) next() (recipient, donor string, ok bool) {
	donor, free := f.freeDonor()
	if !free || f.running() >= f.MaxParallel {
		return "", "", false
	}
	for _, node := range f.Nodes {
		if node.Place == waiting && !node.Serving {
			return node.Name, donor, true
		}
	}
	if f.serving()-1 < f.MinServing {
		return "", "", false
	}
	for _, node := range f.Nodes {
		if node.Place == waiting {
			return node.Name, donor, true
		}
	}
	return "", "", false
}

func (f fan) freeDonor() (string, bool) {
	lent := func(name string) bool {
		return slices.ContainsFunc(f.Nodes, func(n fanNode) bool { return n.Place == copying && n.Donor == name })
	}
	if !f.PrimaryOnly {
		for _, node := range f.Nodes {
			if node.Place == inService && !lent(node.Name) {
				return node.Name, true
			}
		}
	}
	return f.Primary, !lent(f.Primary)
}

func (f fan) running() int {
	count := 0
	for _, node := range f.Nodes {
		if node.Place == copying || node.Place == following {
			count++
		}
	}
	return count
}

// serving counts the secondaries that clients can use now.
func (f fan) serving() int {
	count := f.OthersServing
	for _, node := range f.Nodes {
		if node.Place == inService || (node.Serving && (node.Place == waiting || node.Place == out)) {
			count++
		}
	}
	return count
}

// unbegun are the nodes that were never begun.
func (f fan) unbegun() []string {
	var names []string
	for _, node := range f.Nodes {
		if node.Place == waiting {
			names = append(names, node.Name)
		}
	}
	return names
}

// begin lends donor to the node.
func (f *fan) begin(name, donor string) {
	node := f.node(name)
	node.Place, node.Donor = copying, donor
}

// copied gives the node's donor back; the node itself is not in service yet.
func (f *fan) copied(name string) {
	if node := f.node(name); node.Place == copying {
		node.Place = following
	}
}

// finish ends the node's part: proven nodes serve and donate, others only serve if they were left as they had been.
func (f *fan) finish(name string, proven, asBefore bool) {
	node := f.node(name)
	if proven {
		node.Place = inService
		return
	}
	node.Place = out
	node.Serving = node.Serving && asBefore
}

func (f *fan) node(name string) *fanNode {
	for i := range f.Nodes {
		if f.Nodes[i].Name == name {
			return &f.Nodes[i]
		}
	}
	return &fanNode{}
}
