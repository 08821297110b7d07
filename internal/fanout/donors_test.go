package fanout

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func requirePair(t *testing.T, f State, recipient, donor string) {
	t.Helper()
	r, d, ok := f.Next()
	require.True(t, ok)
	require.Equal(t, [2]string{recipient, donor}, [2]string{r, d})
}

func requireFed(t *testing.T, f State, recipient, donor string) {
	t.Helper()
	r, d, ok := f.NextStarving()
	require.True(t, ok)
	require.Equal(t, [2]string{recipient, donor}, [2]string{r, d})
}

// TestOrderOfDonors: a node in service before a fenced one, a fenced one before the primary, and first of all whoever failed nobody.
func TestOrderOfDonors(t *testing.T) {
	f := State{Primary: "p", MaxParallel: 9, FencedDonors: true, Nodes: []Node{
		{Name: "fenced", Place: Complete}, {Name: "back", Place: InService}, {Name: "following", Place: Following}, {Name: "x"},
	}}
	requirePair(t, f, "x", "back")

	lent := f
	lent.Nodes = append([]Node{{Name: "other", Place: Copying, Donor: "back"}}, f.Nodes...)
	requirePair(t, lent, "x", "fenced")
	lent.FencedDonors = false
	requirePair(t, lent, "x", "p")

	f.Nodes[2].Failed = []string{"back", "fenced"}
	requirePair(t, f, "x", "p")
	f.Nodes[2].Failed = append(f.Nodes[2].Failed, "p", "p")
	requirePair(t, f, "x", "back")

	f.PrimaryOnly = true
	requirePair(t, f, "x", "p")
}

// TestAReleasedNodeIsBegunAgainWithAnotherDonor: at most three times, and never twice with one donor.
func TestAReleasedNodeIsBegunAgainWithAnotherDonor(t *testing.T) {
	f := State{Primary: "p", MaxParallel: 1, Nodes: []Node{{Name: "x"}, {Name: "a"}, {Name: "b"}, {Name: "c"}}}
	f.Begin("x", "p")
	require.True(t, f.Retry("x"))
	requirePair(t, f, "a", "p")
	f.Finish("a", true, false)
	requirePair(t, f, "x", "a")
	f.Begin("x", "a")
	require.True(t, f.Retry("x"))
	f.Finish("b", true, false)
	requirePair(t, f, "x", "b")
	f.Begin("x", "b")
	require.False(t, f.Retry("x"), "it was begun three times")

	alone := State{Primary: "p", MaxParallel: 1, Nodes: []Node{{Name: "x"}, {Name: "a", Place: Out}}}
	alone.Begin("x", "p")
	require.False(t, alone.Retry("x"), "there will be no other donor")
}

// TestAStarvingNodeComesFirst: it is fed by whoever has not failed it, and in the end by whoever has; nobody else is begun with that one.
func TestAStarvingNodeComesFirst(t *testing.T) {
	f := State{Primary: "p", MaxParallel: 3, Nodes: []Node{{Name: "x"}, {Name: "a"}}}
	f.Begin("x", "p")
	f.Starve("x")
	require.Equal(t, 1, f.Running())
	_, _, ok := f.NextStarving()
	require.False(t, ok, "the only donor has failed it")
	_, _, ok = f.Next()
	require.False(t, ok, "and a is not erased for the sake of a donor that fails")

	fed := f
	fed.Nodes = append([]Node{{Name: "b", Place: InService}}, f.Nodes...)
	requireFed(t, fed, "x", "b")

	f.Despair("x")
	requireFed(t, f, "x", "p")
	f.Begin("x", "p")
	require.Equal(t, 1, f.Nodes[0].Begun, "it was begun once")
	f.Starve("x")
	require.Equal(t, []string{"p", "p"}, f.Nodes[0].Failed)
	require.False(t, f.Nodes[0].Desperate)
	f.Finish("x", false, false)
	requirePair(t, f, "a", "p")
}

func TestWhetherThereAreOtherDonors(t *testing.T) {
	f := State{Primary: "p", Nodes: []Node{{Name: "x", Place: Copying, Donor: "p"}, {Name: "a"}}}
	require.False(t, f.OthersNow("x"), "a has not been begun")
	require.True(t, f.OthersEver("x"))
	f.Nodes[1].Place = Copying
	require.True(t, f.OthersNow("x"))
	f.Nodes[1].Place = Out
	require.False(t, f.OthersNow("x"))
	require.False(t, f.OthersEver("x"))
	f.Nodes[0].Donor = "a"
	require.True(t, f.OthersNow("x"), "the primary")
	f.Nodes[1].Place, f.PrimaryOnly = InService, true
	require.False(t, f.OthersEver("x"))
}
