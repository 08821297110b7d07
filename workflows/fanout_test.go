package workflows

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestFanOutKeepsItsPromises plays random runs: nodes in and out of service, copies that end in any order, nodes that fail. I6, I9.
func TestFanOutKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fan{
			Primary:       "p",
			OthersServing: rapid.IntRange(0, 2).Draw(t, "others"),
			MaxParallel:   rapid.IntRange(1, 5).Draw(t, "maxParallel"),
			PrimaryOnly:   rapid.Bool().Draw(t, "primaryOnly"),
		}
		for i := range rapid.IntRange(1, 9).Draw(t, "nodes") {
			f.Nodes = append(f.Nodes, fanNode{Name: string(rune('a' + i)), Serving: rapid.Bool().Draw(t, "serving")})
		}
		f.MinServing = rapid.IntRange(0, f.serving()).Draw(t, "floor")
		failures := 0
		for step := 0; step < 100; step++ {
			for {
				before := f.serving()
				recipient, donor, ok := f.next()
				if !ok {
					break
				}
				wasServing := f.node(recipient).Serving
				require.Equal(t, waiting, f.node(recipient).Place, "a node is begun once")
				require.NotEqual(t, recipient, donor)
				f.begin(recipient, donor)
				requireLaws(t, f)
				if wasServing {
					require.GreaterOrEqual(t, f.serving(), f.MinServing, "the floor holds after %s", recipient)
					require.Equal(t, before-1, f.serving())
				}
			}
			if f.running() == 0 {
				break
			}
			running := names(f, copying, following)
			name := rapid.SampledFrom(running).Draw(t, "closes")
			switch rapid.IntRange(0, 5).Draw(t, "how") {
			case 0:
				f.copied(name)
			case 1:
				f.finish(name, false, false)
				failures++
			case 2:
				f.finish(name, false, true)
			default:
				f.copied(name)
				f.finish(name, true, false)
			}
			requireLaws(t, f)
		}
		require.Zero(t, f.running(), "a run comes to its end")
		if failures == 0 && f.serving() > f.MinServing {
			require.Empty(t, f.unbegun(), "nothing keeps the rest from being begun")
		}
	})
}

func requireLaws(t require.TestingT, f fan) {
	lent := map[string]int{}
	for _, node := range f.Nodes {
		if node.Place == copying {
			lent[node.Donor]++
			if f.PrimaryOnly {
				require.Equal(t, f.Primary, node.Donor)
			}
			if node.Donor != f.Primary {
				require.Equal(t, inService, f.node(node.Donor).Place, "a donor is complete and proven")
			}
		}
	}
	for donor, times := range lent {
		require.Equal(t, 1, times, "donor %s feeds one recipient", donor)
	}
	require.LessOrEqual(t, f.running(), f.MaxParallel)
}

func names(f fan, places ...place) []string {
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
		f := fan{Primary: "p", MaxParallel: n}
		for i := range n {
			f.Nodes = append(f.Nodes, fanNode{Name: string(rune('A' + i)), Serving: true})
		}
		rounds := 0
		for len(f.unbegun()) > 0 {
			for {
				recipient, donor, ok := f.next()
				if !ok {
					break
				}
				f.begin(recipient, donor)
			}
			rounds++
			for _, name := range names(f, copying) {
				f.finish(name, true, false)
			}
		}
		require.Equal(t, bits.Len(uint(n)), rounds, "%d secondaries", n)
	}
}

// TestNodesOutOfServiceGoFirst: they cost no availability.
func TestNodesOutOfServiceGoFirst(t *testing.T) {
	f := fan{Primary: "p", MaxParallel: 1, MinServing: 1, Nodes: []fanNode{{Name: "a", Serving: true}, {Name: "b"}}}
	recipient, donor, ok := f.next()
	require.True(t, ok)
	require.Equal(t, "b", recipient)
	require.Equal(t, "p", donor)

	f.begin("b", "p")
	f.finish("b", false, false)
	_, _, ok = f.next()
	require.False(t, ok, "a is the last one in service and the floor is 1")
	require.Equal(t, []string{"a"}, f.unbegun())
}
