package fanout

import "slices"

// lenders are the donors that nobody has, the preferred ones first, and what they are known for: looked up once for all recipients. A run
// of a thousand nodes asks for the next pair whenever anything happens.
type lenders struct {
	free []string
	// failures is how often each donor has failed anybody.
	failures map[string]int
	// awaited donors have failed a node that is erased and may have no other. What failed that one would be likely to fail the next, which
	// is still intact; and when the donor is well again, the erased node comes first.
	awaited map[string]bool
}

func (f State) lenders() lenders {
	l := lenders{failures: map[string]int{}, awaited: map[string]bool{}}
	lent := map[string]bool{}
	for i := range f.Nodes {
		node := &f.Nodes[i]
		if node.Place == Copying {
			lent[node.Donor] = true
		}
		for _, donor := range node.Failed {
			l.failures[donor]++
			if node.Place == Starving {
				l.awaited[donor] = true
			}
		}
	}
	l.free = slices.DeleteFunc(f.donors(), func(donor string) bool { return lent[donor] })
	return l
}

// donorFor is the best donor that is free for the node: one that has failed it and others least often; of those a node in service, to
// spare the primary; then one that is complete but fenced; then the primary.
func (l lenders) donorFor(recipient *Node) (string, bool) {
	var best string
	found := false
	for _, donor := range l.free {
		switch {
		case donor == recipient.Name:
		case !recipient.Desperate && slices.Contains(recipient.Failed, donor):
		case recipient.Place == Waiting && l.awaited[donor]:
		case !found, l.worse(recipient, best, donor):
			best, found = donor, true
		}
	}
	return best, found
}

// worse reports whether a donor has failed the recipient, or else anybody, more often than another has.
func (l lenders) worse(recipient *Node, donor, other string) bool {
	if here, there := times(recipient.Failed, donor), times(recipient.Failed, other); here != there {
		return here > there
	}
	return l.failures[donor] > l.failures[other]
}

// donors are all who may feed a copy now, lent or not, the preferred ones first.
func (f State) donors() []string {
	var inService, fenced []string
	for i := range f.Nodes {
		node := &f.Nodes[i]
		switch {
		case f.PrimaryOnly, node.Delayed:
		case node.Place == InService:
			inService = append(inService, node.Name)
		case node.Place == Complete && f.FencedDonors:
			fenced = append(fenced, node.Name)
		}
	}
	return append(append(inService, fenced...), f.Primary)
}

func times(names []string, name string) int {
	count := 0
	for _, n := range names {
		if n == name {
			count++
		}
	}
	return count
}

// maxBegun is how often a node is begun that each time is released because of its donor: each time its clients are sent away.
const maxBegun = 3

// Retry puts a node that was released untouched back among the waiting, because its donor failed it. It reports false, and changes
// nothing, when the node was begun often enough or every other donor that there may ever be has failed it as well.
func (f *State) Retry(name string) bool {
	node := f.node(name)
	failed := append(slices.Clone(node.Failed), node.Donor)
	if node.Place != Copying || node.Begun >= maxBegun || !f.mayFeed(*node, failed) {
		return false
	}
	node.Place, node.Failed = Waiting, failed
	return true
}

// Starve takes back the donor that failed a node which is erased: the node keeps its place and is fed next. It reports false, and changes
// nothing, when no donor is lent to the node.
func (f *State) Starve(name string) bool {
	node := f.node(name)
	if node.Place != Copying {
		return false
	}
	node.Place, node.Failed = Starving, append(node.Failed, node.Donor)
	return true
}

// Despair lets a starving node take a donor that has failed it, when it has waited for another for long enough.
func (f *State) Despair(name string) {
	if node := f.node(name); node.Place == Starving {
		node.Desperate = true
	}
}

// OthersNow reports whether the node could have another donor than the one lent to it, soon and without anything else being begun.
func (f State) OthersNow(name string) bool {
	return f.others(*f.node(name), append(slices.Clone(f.node(name).Failed), f.node(name).Donor), Copying, Starving, Following, Complete, InService)
}

// OthersEver reports whether the node may have another donor than the primary before the run ends.
func (f State) OthersEver(name string) bool {
	return f.others(*f.node(name), []string{f.Primary}, Waiting, Copying, Starving, Following, Complete, InService)
}

func (f State) mayFeed(recipient Node, failed []string) bool {
	return f.others(recipient, failed, Waiting, Copying, Starving, Following, Complete, InService)
}

// others reports whether the primary, or a node in one of these places, is a donor that is not among those that failed.
func (f State) others(recipient Node, failed []string, places ...Place) bool {
	if !slices.Contains(failed, f.Primary) {
		return true
	}
	return !f.PrimaryOnly && slices.ContainsFunc(f.Nodes, func(n Node) bool {
		return n.Name != recipient.Name && !n.Delayed && slices.Contains(places, n.Place) && !slices.Contains(failed, n.Name)
	})
}
