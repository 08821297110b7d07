package fanout

import "slices"

// donorFor is the best donor that is free for the node: one that has failed it and others least often; of those a node in service, to
// spare the primary; then one that is complete but fenced; then the primary.
func (f State) donorFor(recipient Node) (string, bool) {
	var best string
	found := false
	for _, donor := range f.donors() {
		switch {
		case donor == recipient.Name, f.lent(donor):
		case !recipient.Desperate && slices.Contains(recipient.Failed, donor):
		case recipient.Place == Waiting && f.awaited(donor):
		case !found, f.worse(recipient, best, donor):
			best, found = donor, true
		}
	}
	return best, found
}

// donors are all who may feed a copy now, lent or not, the preferred ones first.
func (f State) donors() []string {
	var inService, fenced []string
	for _, node := range f.Nodes {
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

func (f State) lent(donor string) bool {
	return slices.ContainsFunc(f.Nodes, func(n Node) bool { return n.Place == Copying && n.Donor == donor })
}

// awaited donors have failed a node that is erased and may have no other. What failed that one would be likely to fail the next, which
// is still intact; and when the donor is well again, the erased node comes first.
func (f State) awaited(donor string) bool {
	return slices.ContainsFunc(f.Nodes, func(n Node) bool { return n.Place == Starving && slices.Contains(n.Failed, donor) })
}

// worse reports whether a donor has failed the recipient, or else anybody, more often than another has.
func (f State) worse(recipient Node, donor, other string) bool {
	if here, there := times(recipient.Failed, donor), times(recipient.Failed, other); here != there {
		return here > there
	}
	return f.failures(donor) > f.failures(other)
}

func (f State) failures(donor string) int {
	count := 0
	for _, node := range f.Nodes {
		count += times(node.Failed, donor)
	}
	return count
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
