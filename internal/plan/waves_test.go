package plan

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestWavesKeepTheirPromises: each chosen node is in one wave at most, the floor holds whenever a wave takes a node out of service, the
// copies add up, and only the floor leaves a node out. I9.
func TestWavesKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := cluster(rapid.IntRange(1, 9).Draw(t, "secondaries"))
		o.Request.MaxParallel = rapid.IntRange(1, 6).Draw(t, "maxParallel")
		floor := rapid.IntRange(0, 3).Draw(t, "floor")
		o.Request.MinServing = &floor
		rows := rapid.Bool().Draw(t, "rows")
		o.Request.Proof.Rows = &rows
		if rapid.Bool().Draw(t, "fenced donors") {
			o = donatingFenced(o)
		}
		if rapid.Bool().Draw(t, "primary only") {
			o.Request.Donors = contract.DonorsPrimary
		}
		holding := 1 // the primary
		for i := range o.Nodes[1:] {
			n := &o.Nodes[i+1]
			switch rapid.SampledFrom([]string{"serving", "serving", "late", "delayed", "stopped", "wreck", "unreachable"}).Draw(t, n.Node) {
			case "serving":
				holding++
			case "late":
				holding++
				late := int64(contract.ServingLag + 1)
				n.Channels[0].LagSeconds = &late
			case "delayed":
				holding++
				n.Channels[0].DelaySeconds = contract.ServingLag + 1
			case "stopped":
				n.Channels[0].SQL, n.Channels[0].LagSeconds = false, nil
			case "wreck":
				n.Fence.Owner = fence.Ours
			case "unreachable":
				*n = check.Observation{Node: n.Node, Problem: &check.Problem{Class: node.ClassUnreachable}}
			}
			if rapid.IntRange(0, 3).Draw(t, "chosen") > 0 {
				o.Request.Nodes = append(o.Request.Nodes, n.Node)
			}
		}
		p := Build(o, nil, now)
		nodes := map[string]contract.PlanNode{}
		serving := 0
		for _, n := range p.Secondaries {
			nodes[n.Name] = n
			if n.Serving {
				serving++
			}
		}
		begun := map[string]bool{}
		donors, before := 1, 0
		for _, wave := range p.Waves {
			require.NotEmpty(t, wave.Nodes)
			require.LessOrEqual(t, len(wave.Nodes), o.Request.MaxParallel)
			require.LessOrEqual(t, len(wave.Nodes), donors, "one clone at a time per donor")
			taken, erased, delayed := 0, 0, 0
			for _, name := range wave.Nodes {
				require.True(t, nodes[name].Chosen, name)
				require.False(t, begun[name], "%s is in one wave", name)
				begun[name] = true
				if nodes[name].Serving {
					taken++
				}
				if whole(nodes[name]) {
					erased++
				}
				if nodes[name].Delayed() {
					delayed++ // it neither serves nor donates afterwards
				}
			}
			if rows { // those of the wave before may still be behind their fence
				require.LessOrEqual(t, wave.Serving, serving-taken)
				require.GreaterOrEqual(t, wave.Serving, serving-taken-before)
			} else {
				require.Equal(t, serving-taken, wave.Serving)
			}
			before = len(wave.Nodes)
			require.Equal(t, holding-erased, wave.CopiesLeft)
			require.GreaterOrEqual(t, wave.CopiesLeft, 1, "the primary always holds the data")
			if taken > 0 {
				require.GreaterOrEqual(t, wave.Serving, floor)
			}
			serving += len(wave.Nodes) - taken - delayed
			holding += len(wave.Nodes) - erased
			if o.Request.Donors != contract.DonorsPrimary {
				donors += len(wave.Nodes) - delayed
			}
		}
		for _, n := range p.Chosen() {
			if !begun[n.Name] {
				require.True(t, n.Serving, "what is out of service costs nothing")
				require.LessOrEqual(t, serving, floor, "only the floor keeps %s out", n.Name)
			}
		}
	})
}

// donatingFenced lets the donor account pass fences.
func donatingFenced(o *check.Observations) *check.Observations {
	o.Cluster.Accounts.Donor.User = "donor"
	o.Nodes[0].Accounts = append(o.Nodes[0].Accounts, check.Account{
		User: o.Cluster.Accounts.Donor.User, Host: "%", Grants: check.Grants{Privileges: []string{inventory.PassesFences}},
	})
	return o
}

func TestWavesDoubleWithoutLimits(t *testing.T) {
	for n := 1; n <= 40; n++ {
		o := donatingFenced(cluster(n))
		zero := 0
		o.Request.MaxParallel, o.Request.MinServing = n, &zero
		p := Build(o, nil, now)
		require.Len(t, p.Waves, bits.Len(uint(n)), "%d secondaries", n)
		first := p.Waves[0]
		require.Equal(t, contract.Wave{Nodes: []string{"db2"}, CopiesLeft: n, Serving: n - 1}, first)
		require.True(t, p.FencedDonors)
		require.Zero(t, p.WavesSaved)
	}
}

// TestWavesSayWhatAGrantWouldSave: a node that donates only once it is proven makes the tree grow more slowly, and proofs that compare no
// rows cost nothing.
func TestWavesSayWhatAGrantWouldSave(t *testing.T) {
	o := cluster(7)
	zero := 0
	o.Request.MaxParallel, o.Request.MinServing = 7, &zero
	p := Build(o, nil, now)
	require.Len(t, p.Waves, 4)
	require.Equal(t, 1, p.WavesSaved)
	require.False(t, p.FencedDonors)
	require.Equal(t, p.ID, Build(donatingFenced(o), nil, now).ID, "who donates is not what is approved")

	no := false
	o = cluster(7)
	o.Request.MaxParallel, o.Request.MinServing, o.Request.Proof.Rows = 7, &zero, &no
	p = Build(o, nil, now)
	require.Len(t, p.Waves, 3)
	require.Zero(t, p.WavesSaved)
}

func TestWavesOfSmallClusters(t *testing.T) {
	p := Build(cluster(2), nil, now)
	require.Equal(t, []contract.Wave{
		{Nodes: []string{"db2"}, CopiesLeft: 2, Serving: 1}, {Nodes: []string{"db3"}, CopiesLeft: 2, Serving: 1},
	}, p.Waves)

	o := cluster(2)
	two := 2
	o.Request.MinServing = &two
	require.Empty(t, Build(o, nil, now).Waves, "the floor lets nobody begin")

	o = cluster(2)
	o.Request.Mode = contract.ModeVerify
	require.Empty(t, Build(o, nil, now).Waves, "a verification erases nothing")

	o = cluster(2)
	o.Roles.Primary = ""
	require.Empty(t, Build(o, nil, now).Waves)
}

// Waves are foretold, not approved: which node happens to be late must not void an approval.
func TestWavesAreNoPartOfTheID(t *testing.T) {
	one, other := cluster(4), cluster(4)
	other.Request.MaxParallel = 4
	a, b := Build(one, nil, now), Build(other, nil, now)
	require.NotEqual(t, a.Waves, b.Waves)
	require.Equal(t, a.ID, b.ID)
}

func ExampleBuild_waves() {
	o := cluster(5)
	o.Request.MaxParallel = 3
	for i, wave := range Build(o, nil, now).Waves {
		slices.Sort(wave.Nodes)
		fmt.Println(i+1, wave.Nodes, wave.CopiesLeft, wave.Serving)
	}
	// Output:
	// 1 [db2] 5 4
	// 2 [db3] 5 3
	// 3 [db4 db5] 4 2
	// 4 [db6] 5 2
}
