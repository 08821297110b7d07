package fanout

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// play is a run in which copies and proofs take the time that was drawn for them, and things go wrong as drawn.
type play struct {
	State
	t requirer
	// now is the time; until is when the stage of each node that is worked on ends.
	now   int
	until map[string]int
	// copies and proofs are how long those of each node take.
	copies, proofs map[string]int
	// goes says how a copy or a proof ends.
	goes func(node string, stage Place) ending
	// lastCopy is when the last copy ended.
	lastCopy int
}

type requirer interface {
	require.TestingT
	Helper()
}

type ending int

const (
	well ending = iota
	// donorFails: before the erase, or behind it.
	donorFailsEarly
	donorFailsLate
	// released as it was, or left fenced, for a reason of its own.
	released
	leftFenced
)

// run plays to the end: at each moment everything is begun that may be, and then the next thing happens.
func (p *play) run() {
	p.until = map[string]int{}
	for {
		p.beginAll()
		next := ""
		for _, node := range p.Nodes {
			if at, underWay := p.until[node.Name]; underWay && (next == "" || at < p.until[next]) {
				next = node.Name
			}
		}
		if next == "" {
			return
		}
		require.GreaterOrEqual(p.t, p.until[next], p.now)
		p.now = p.until[next]
		p.step(next)
		p.laws()
	}
}

func (p *play) beginAll() {
	for {
		name, donor, ok := p.NextStarving()
		if !ok {
			break
		}
		require.Equal(p.t, Starving, p.node(name).Place)
		p.begin(name, donor)
	}
	for {
		name, donor, ok := p.Next()
		if !ok {
			return
		}
		before, was := p.Serving(), *p.node(name)
		require.Equal(p.t, Waiting, was.Place)
		require.NotContains(p.t, was.Failed, donor, "a node that is intact is not begun twice with one donor")
		p.begin(name, donor)
		if was.Serving {
			require.Equal(p.t, before-1, p.Serving())
			require.GreaterOrEqual(p.t, p.Serving(), p.MinServing, "the floor holds after %s", name)
		}
	}
}

func (p *play) begin(name, donor string) {
	require.NotEqual(p.t, name, donor)
	p.Begin(name, donor)
	p.until[name] = p.now + p.copies[name]
	p.laws()
}

func (p *play) step(name string) {
	node := p.node(name)
	delete(p.until, name)
	switch node.Place {
	case Starving:
		p.Despair(name)
		p.until[name] = p.now + 1 // it asks again until it is fed
	case Copying:
		p.copied(name)
	case Complete:
		switch p.goes(name, Complete) {
		case leftFenced, released:
			p.Finish(name, false, false)
		default:
			p.Finish(name, true, false)
		}
	}
}

func (p *play) copied(name string) {
	switch p.goes(name, Copying) {
	case donorFailsEarly:
		if !p.Retry(name) {
			p.Finish(name, false, true)
		}
	case donorFailsLate:
		p.Starve(name)
		p.until[name] = p.now + 1
	case released:
		p.Finish(name, false, true)
	case leftFenced:
		p.Finish(name, false, false)
	default:
		p.Copied(name)
		p.Follows(name)
		p.until[name] = p.now + p.proofs[name]
		p.lastCopy = p.now
	}
}

func (p *play) laws() {
	p.t.Helper()
	lent := map[string]int{}
	for _, node := range p.Nodes {
		if node.Place != Copying {
			continue
		}
		lent[node.Donor]++
		if node.Donor == p.Primary {
			continue
		}
		require.False(p.t, p.PrimaryOnly || p.node(node.Donor).Delayed)
		places := []Place{InService, Out} // a donor may be given up while it feeds
		if p.FencedDonors {
			places = append(places, Complete)
		}
		require.Contains(p.t, places, p.node(node.Donor).Place, "a donor is complete, and in service if it has to be")
	}
	for donor, count := range lent {
		require.Equal(p.t, 1, count, "donor %s feeds one recipient", donor)
	}
	require.LessOrEqual(p.t, p.Running(), p.MaxParallel)
}

func names(n int) (all []Node) {
	for i := range n {
		all = append(all, Node{Name: fmt.Sprintf("n%d", i)})
	}
	return all
}

// TestFanOutKeepsItsPromises plays random runs: nodes in and out of service, copies and proofs of random lengths, donors that fail before
// and behind the erase, nodes that fail. I6, I9.
func TestFanOutKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := play{t: t, copies: map[string]int{}, proofs: map[string]int{}, State: State{
			Primary: "p", Nodes: names(rapid.IntRange(1, 9).Draw(t, "nodes")),
			OthersServing: rapid.IntRange(0, 2).Draw(t, "others"),
			MaxParallel:   rapid.IntRange(1, 6).Draw(t, "maxParallel"),
			PrimaryOnly:   rapid.IntRange(0, 3).Draw(t, "primaryOnly") == 0,
			FencedDonors:  rapid.Bool().Draw(t, "fencedDonors"),
		}}
		for i := range p.Nodes {
			node := &p.Nodes[i]
			node.Serving = rapid.Bool().Draw(t, "serving")
			node.Delayed = !node.Serving && rapid.IntRange(0, 3).Draw(t, "delayed") == 0
			p.copies[node.Name] = rapid.IntRange(1, 5).Draw(t, "copy")
			p.proofs[node.Name] = rapid.IntRange(0, 5).Draw(t, "proof")
		}
		p.MinServing = rapid.IntRange(0, p.Serving()).Draw(t, "floor")
		troubles := rapid.IntRange(0, 12).Draw(t, "troubles")
		starved := map[string]bool{}
		p.goes = func(node string, stage Place) ending {
			if troubles == 0 {
				return well
			}
			troubles--
			ends := []ending{well, released, leftFenced}
			if stage == Copying {
				ends = append(ends, donorFailsLate, donorFailsLate)
				if !starved[node] { // else it is erased
					ends = append(ends, donorFailsEarly)
				}
			}
			end := rapid.SampledFrom(ends).Draw(t, "ends")
			starved[node] = starved[node] || end == donorFailsLate
			return end
		}
		p.run()

		require.Zero(t, p.Running(), "a run comes to its end")
		for _, name := range p.Unbegun() {
			node := p.node(name)
			require.True(t, node.Serving && p.Serving()-1 < p.MinServing || slices.Contains(node.Failed, p.Primary),
				"neither the floor nor its donors keep %s waiting: %+v", name, p.State)
		}
	})
}

// TestTreeGrowsByDoubling: without limits, with equal costs and with fenced donors, N secondaries take ceil(log2(N+1)) copies' time,
// however long the proofs take.
func TestTreeGrowsByDoubling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "secondaries")
		p := play{t: t, copies: map[string]int{}, proofs: map[string]int{}, goes: func(string, Place) ending { return well },
			State: State{Primary: "p", Nodes: names(n), MaxParallel: n, FencedDonors: true}}
		for i := range p.Nodes {
			p.Nodes[i].Serving = rapid.Bool().Draw(t, "serving")
			p.copies[p.Nodes[i].Name], p.proofs[p.Nodes[i].Name] = 10, rapid.IntRange(0, 100).Draw(t, "proof")
		}
		p.run()
		require.Empty(t, p.Unbegun())
		require.Equal(t, 10*bits.Len(uint(n)), p.lastCopy, "%d secondaries", n)
	})
}

// TestWhatItCostsThatAFencedNodeDoesNotDonate: with proofs as long as copies, seven take four copies' time in place of three.
func TestWhatItCostsThatAFencedNodeDoesNotDonate(t *testing.T) {
	for fenced, want := range map[bool]int{true: 3, false: 4} {
		p := play{t: t, copies: map[string]int{}, proofs: map[string]int{}, goes: func(string, Place) ending { return well },
			State: State{Primary: "p", Nodes: names(7), MaxParallel: 7, FencedDonors: fenced}}
		for _, node := range p.Nodes {
			p.copies[node.Name], p.proofs[node.Name] = 1, 1
		}
		p.run()
		require.Equal(t, want, p.lastCopy, "fenced donors: %t", fenced)
	}
}

// TestNodesOutOfServiceGoFirst: they cost no availability.
func TestNodesOutOfServiceGoFirst(t *testing.T) {
	f := State{Primary: "p", MaxParallel: 1, MinServing: 1, Nodes: []Node{{Name: "a", Serving: true}, {Name: "b"}}}
	recipient, donor, ok := f.Next()
	require.True(t, ok)
	require.Equal(t, "b", recipient)
	require.Equal(t, "p", donor)

	f.Begin("b", "p")
	f.Finish("b", false, false)
	_, _, ok = f.Next()
	require.False(t, ok, "a is the last one in service and the floor is 1")
	require.Equal(t, []string{"a"}, f.Unbegun())
}

// TestADelayedNodeNeitherServesNorDonates, once it is returned and has its delay again.
func TestADelayedNodeNeitherServesNorDonates(t *testing.T) {
	f := State{Primary: "p", MaxParallel: 2, MinServing: 1, Nodes: []Node{{Name: "a", Delayed: true}, {Name: "b", Serving: true}}}
	f.Begin("a", "p")
	f.Finish("a", true, false)
	require.Equal(t, 1, f.Serving(), "b alone")
	_, _, ok := f.Next()
	require.False(t, ok, "b is the last one in service and the floor is 1")
	require.False(t, f.OthersEver("b"), "a feeds nobody")

	f.MinServing = 0
	_, donor, ok := f.Next()
	require.True(t, ok)
	require.Equal(t, "p", donor)
}

// TestANodeThatServesAfterAllCounts, and waits for its turn once.
func TestANodeThatServesAfterAllCounts(t *testing.T) {
	f := State{Primary: "p", MaxParallel: 2, MinServing: 1, Nodes: []Node{{Name: "a"}, {Name: "b", Serving: true}}}
	require.False(t, f.Serves("a"), "it is waiting")
	f.Begin("a", "p")
	require.True(t, f.Serves("a"))
	require.True(t, f.Counted("a"))
	require.Equal(t, 2, f.Serving())
	require.Equal(t, []string{"a", "b"}, f.Unbegun())
	f.Begin("a", "p")
	require.False(t, f.Serves("a"), "it was counted already")
}
