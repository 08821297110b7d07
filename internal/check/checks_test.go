package check

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestHealthyClusterPassesEveryCheck(t *testing.T) {
	findings := Judge(settle(healthy()))
	var codes []string
	for _, f := range findings {
		require.Equal(t, pass, f.Verdict, "%+v", f)
		codes = append(codes, f.Code)
	}
	var all []string
	for _, c := range All() {
		all = append(all, c.Code)
	}
	require.Equal(t, all, codes, "every check reports, in the order of the list")
}

func TestEveryCheckFindsWhatIsBroken(t *testing.T) {
	for _, b := range brokenClusters() {
		t.Run(b.name, func(t *testing.T) {
			o := healthy()
			b.breaks(o)
			findings := Judge(settle(o))
			i := slices.IndexFunc(findings, func(f contract.Finding) bool { return f.Code == b.code && f.Node == b.node })
			require.GreaterOrEqual(t, i, 0, "no finding %s on %q in %+v", b.code, b.node, objections(findings))
			f := findings[i]
			require.Equal(t, b.verdict, f.Verdict, "%+v", f)
			require.Contains(t, f.Observed, b.observed)
			require.Contains(t, f.Remedy, b.remedy)
			require.NotEmpty(t, f.Wanted)
			if f.Verdict == fail {
				require.NotEmpty(t, f.Remedy, "a failure says what to do")
			}
			for _, other := range objections(findings) {
				require.True(t, other.Code == b.code || slices.Contains(b.also, other.Code), "unexpected: %+v", other)
			}
		})
	}
}

func TestEveryCheckHasAFailingCase(t *testing.T) {
	for _, c := range All() {
		require.True(t, slices.ContainsFunc(brokenClusters(), func(b broken) bool { return b.code == c.Code }), "no case breaks %s", c.Code)
	}
}

func TestCodesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		require.False(t, seen[c.Code], c.Code)
		require.NotEmpty(t, c.Wanted, c.Code)
		seen[c.Code] = true
	}
}

// A problem of a node that the run leaves alone must not refuse it.
func TestNodesLeftAloneAreNotJudgedForAClone(t *testing.T) {
	o := healthy()
	zero := 0
	o.Request.Nodes, o.Request.MinServing = []string{"db3"}, &zero
	n := &o.Nodes[1]
	n.Plugins = nil
	set(n, "lower_case_table_names", "1")
	set(n, "persisted_globals_load", "OFF")
	n.Channels[0].DelaySeconds = 60
	n.Grants = Grants{}
	o.Against = map[string]Comparison{"db2": {Errant: uuid2 + ":1", Transactions: 1, Shared: true}}
	require.Empty(t, objections(Judge(settle(o))))
}

// A replica that has moved to the primary is still listed for a while.
func TestAReplicaThatHasLeftIsNotFed(t *testing.T) {
	o := healthy()
	o.Nodes[1].Downstreams = []node.Downstream{{ServerID: 3, UUID: uuid3}}
	o.Nodes[1].DumpThreads = []string{"repl@10.0.0.3"}
	require.Empty(t, objections(Judge(settle(o))))
}

func TestVerifyDoesWithoutWhatOnlyAnEraseNeeds(t *testing.T) {
	o := healthy()
	o.Request.Mode = contract.ModeVerify
	o.Nodes[1].Plugins = nil
	o.Nodes[0].OtherEngineCount, o.Nodes[0].OtherEngines = 1, []Table{{"app", "log", "MyISAM"}}
	set(&o.Nodes[0], "super_read_only", "ON")
	o.Nodes[1].Downstreams = []node.Downstream{{ServerID: 9}}
	o.Against = map[string]Comparison{"db2": {Errant: uuid2 + ":1", Transactions: 1, Shared: true}}
	two := 2
	o.Request.MinServing = &two
	settle(o)
	for _, f := range Judge(o) {
		require.NotEqual(t, fail, f.Verdict, "%+v", f)
	}
	require.Equal(t, contract.Loss{}, o.Loss("db2"), "a verification loses nothing")
	require.Zero(t, o.Floor())
}

// Without a primary nothing may be chosen, and no check that compares with it may pretend to have passed.
func TestWithoutAPrimaryNothingIsChosenOrCompared(t *testing.T) {
	o := healthy()
	o.Nodes[1].Channels = nil
	settle(o)
	require.Empty(t, o.Chosen())
	for _, f := range Judge(o) {
		for _, c := range All() {
			require.False(t, c.Code == f.Code && c.NeedsPrimary, "%+v", f)
		}
	}
}

func TestCloneableFollowsThePluginsRule(t *testing.T) {
	for _, c := range []struct {
		donor, recipient string
		want             bool
	}{
		{"8.0.36", "8.0.36", true}, {"8.0.36", "8.0.37", false}, {"8.0.37", "8.0.40", true}, {"8.0.40", "8.0.37", true},
		{"8.4.3", "8.4.5", true}, {"8.4.5", "8.4.3", true}, {"8.0.40", "8.4.3", false}, {"8.4.3", "9.7.0", true},
		{"9.7.0", "8.4.3", false}, {"8.4.3", "9.6.0", false}, {"9.7.4", "9.7.9", true}, {"9.3.0", "9.4.0", false},
	} {
		donor, err := node.ParseVersion(c.donor)
		require.NoError(t, err)
		recipient, err := node.ParseVersion(c.recipient)
		require.NoError(t, err)
		require.Equal(t, c.want, cloneable(donor, recipient), "%s into %s", c.donor, c.recipient)
	}
}

func TestServing(t *testing.T) {
	for name, breaks := range map[string]func(*Observation){
		"applier stopped":      func(n *Observation) { n.Channels[0].SQL = false },
		"receiver stopped":     func(n *Observation) { n.Channels[0].IO = "Connecting" },
		"far behind":           func(n *Observation) { lag := int64(contract.ServingLag + 1); n.Channels[0].LagSeconds = &lag },
		"delayed on purpose":   func(n *Observation) { n.Channels[0].DelaySeconds = contract.ServingLag + 1 },
		"lag unknown":          func(n *Observation) { n.Channels[0].LagSeconds = nil },
		"fenced":               wreck,
		"offline by others":    func(n *Observation) { n.Fence.Owner = fence.Other },
		"follows another":      func(n *Observation) { n.Channels[0].SourceUUID = "99" },
		"follows nobody":       func(n *Observation) { n.Channels = nil },
		"could not be reached": func(n *Observation) { unseen(n, node.ClassUnreachable) },
	} {
		t.Run(name, func(t *testing.T) {
			o := healthy()
			o.Cluster.Primary = "db1"
			breaks(&o.Nodes[1])
			settle(o)
			require.False(t, o.Serving(&o.Nodes[1]))
			require.True(t, o.Serving(&o.Nodes[2]))
			require.False(t, o.Serving(&o.Nodes[0]), "the primary is no secondary in service")
		})
	}
}

func objections(findings []contract.Finding) []contract.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f contract.Finding) bool { return f.Verdict == pass })
}
