package fanout

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestFanOutKeepsItsPromises plays random runs: nodes in and out of service, copies that end in any order, nodes that fail. I6, I9.
func TestFanOutKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := State{
			Primary:       "p",
			OthersServing: rapid.IntRange(0, 2).Draw(t, "others"),
			MaxParallel:   rapid.IntRange(1, 5).Draw(t, "maxParallel"),
			PrimaryOnly:   rapid.Bool().Draw(t, "primaryOnly"),
		}
		for i := range rapid.IntRange(1, 9).Draw(t, "nodes") {
			f.Nodes = append(f.Nodes, Node{Name: string(rune('a' + i)), Serving: rapid.Bool().Draw(t, "serving")})
		}
		f.MinServing = rapid.IntRange(0, f.Serving()).Draw(t, "floor")
		failures := 0
		for step := 0; step < 100; step++ {
			for {
				before := f.Serving()
				recipient, donor, ok := f.Next()
				if !ok {
					break
				}
				wasServing := f.node(recipient).Serving
				require.Equal(t, Waiting, f.node(recipient).Place, "a node is begun once")
				require.NotEqual(t, recipient, donor)
				f.Begin(recipient, donor)
				requireLaws(t, f)
				if wasServing {
					require.GreaterOrEqual(t, f.Serving(), f.MinServing, "the floor holds after %s", recipient)
					require.Equal(t, before-1, f.Serving())
				}
			}
			if f.Running() == 0 {
				break
			}
			running := names(f, Copying, Following)
			name := rapid.SampledFrom(running).Draw(t, "closes")
			switch rapid.IntRange(0, 5).Draw(t, "how") {
			case 0:
				f.Copied(name)
			case 1:
				f.Finish(name, false, false)
				failures++
			case 2:
				f.Finish(name, false, true)
			default:
				f.Copied(name)
				f.Finish(name, true, false)
			}
			requireLaws(t, f)
		}
		require.Zero(t, f.Running(), "a run comes to its end")
		if failures == 0 && f.Serving() > f.MinServing {
			require.Empty(t, f.Unbegun(), "nothing keeps the rest from being begun")
		}
	})
}

func requireLaws(t require.TestingT, f State) {
	lent := map[string]int{}
	for _, node := range f.Nodes {
		if node.Place == Copying {
			lent[node.Donor]++
			if f.PrimaryOnly {
				require.Equal(t, f.Primary, node.Donor)
			}
			if node.Donor != f.Primary {
				require.Equal(t, InService, f.node(node.Donor).Place, "a donor is complete and proven")
			}
		}
	}
	for donor, times := range lent {
		require.Equal(t, 1, times, "donor %s feeds one recipient", donor)
	}
	require.LessOrEqual(t, f.Running(), f.MaxParallel)
}

func names(f State, places ...Place) []string {
	var all []string
	for _, node := range f.Nodes {
		for _, p := range places {
			if node.Place == p {
				all = append(all, node.Name)
			}
		}
	}
	return all
}

// TestTreeGrowsByDoubling: without limits and with equal costs, N secondaries take ceil(log2(N+1)) rounds.
func TestTreeGrowsByDoubling(t *testing.T) {
	for n := 1; n <= 40; n++ {
		f := State{Primary: "p", MaxParallel: n}
		for i := range n {
			f.Nodes = append(f.Nodes, Node{Name: string(rune('A' + i)), Serving: true})
		}
		rounds := 0
		for len(f.Unbegun()) > 0 {
			for {
				recipient, donor, ok := f.Next()
				if !ok {
					break
				}
				f.Begin(recipient, donor)
			}
			rounds++
			for _, name := range names(f, Copying) {
				f.Finish(name, true, false)
			}
		}
		require.Equal(t, bits.Len(uint(n)), rounds, "%d secondaries", n)
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
