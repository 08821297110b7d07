package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func uuid(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

// cluster is a primary (db1) with following secondaries, of which each second one has errant transactions.
func cluster(secondaries int) *check.Observations {
	o := &check.Observations{
		Request: contract.Request{Cluster: "shop"}.WithDefaults(),
		Cluster: inventory.Cluster{Name: "shop"},
		Roles:   check.Roles{Primary: "db1"},
		Against: map[string]check.Comparison{},
	}
	for i := 1; i <= secondaries+1; i++ {
		n := check.Observation{
			Node: fmt.Sprintf("db%d", i), Address: fmt.Sprintf("127.0.0.1:%d", 3300+i), PeerAddress: fmt.Sprintf("db%d:3306", i),
			Identity: node.Identity{UUID: uuid(i), ServerID: uint32(i)},
			Fence:    fence.Status{Owner: fence.None},
			GTIDs:    node.GTIDs{Executed: uuid(1) + ":1-100"},
			Schemas:  []check.Schema{{Name: "app", Tables: 2}}, DataBytes: 1000,
		}
		if i > 1 {
			lag := int64(i)
			n.Channels = []node.Channel{{SourceHost: "db1", SourcePort: 3306, SourceUUID: uuid(1), IO: "Yes", SQL: true, LagSeconds: &lag}}
			o.Against[n.Node] = check.Comparison{Shared: true}
			if i%2 == 0 {
				o.Against[n.Node] = check.Comparison{Shared: true, Errant: uuid(i) + ":1-3", Transactions: 3}
			}
		}
		o.Nodes = append(o.Nodes, n)
	}
	return o
}

func TestPlanSaysWhatWouldHappen(t *testing.T) {
	o := cluster(4)
	o.Request.Nodes = []string{"db2", "db3"}
	o.Nodes[2].GTIDs.Executed = ""
	o.Nodes[3] = check.Observation{Node: "db4", Address: "127.0.0.1:3304", Problem: &check.Problem{Class: node.ClassUnreachable}}
	o.Nodes[4].Fence.Owner = fence.Ours
	p := Build(o, []contract.Finding{
		{Code: "a", Verdict: contract.VerdictPass}, {Code: "b", Verdict: contract.VerdictWarn},
		{Code: "c", Verdict: contract.VerdictFail}, {Code: "d", Verdict: contract.VerdictFail},
	}, now)

	require.Equal(t, "db1", p.Primary.Name)
	require.Equal(t, "primary", p.Primary.State)
	require.False(t, p.Primary.Chosen)
	require.EqualValues(t, -1, p.Primary.LagSeconds)
	require.Len(t, p.Secondaries, 4)

	db2, db3, db4, db5 := p.Secondaries[0], p.Secondaries[1], p.Secondaries[2], p.Secondaries[3]
	require.Equal(t, contract.PlanNode{
		Name: "db2", ServerUUID: uuid(2), Address: "127.0.0.1:3302", PeerAddress: "db2:3306", Version: "0.0.0",
		Chosen: true, Reachable: true, Serving: true, LagSeconds: 2, DataBytes: 1000, Schemas: []string{"app"},
		Loss: contract.Loss{ErrantGTIDs: uuid(2) + ":1-3", Transactions: 3}, State: "following, 2s behind",
	}, db2)
	require.True(t, db3.Chosen)
	require.Contains(t, db3.Loss.Unknown, "empty GTID set")
	require.False(t, db4.Reachable)
	require.False(t, db4.Chosen)
	require.Equal(t, "unreachable", db4.State)
	require.True(t, db5.Wreck)
	require.False(t, db5.Serving)
	require.False(t, db5.Chosen)
	require.True(t, db5.Loss.None(), "a node left alone loses nothing")

	require.True(t, p.Destroys())
	require.Equal(t, 1, p.MinServing)
	var order []string
	for _, f := range p.Findings {
		order = append(order, f.Code)
	}
	require.Equal(t, []string{"c", "d", "b", "a"}, order, "failures first")
	require.Len(t, p.ID, idLength)
	require.Equal(t, now, p.MadeAt)
	require.NotEmpty(t, p.InventoryHash)
}

func TestPlanWithoutAPrimaryChoosesNobody(t *testing.T) {
	o := cluster(2)
	o.Roles.Primary = ""
	p := Build(o, nil, now)
	require.Empty(t, p.Primary.Name)
	require.Len(t, p.Secondaries, 3)
	require.Empty(t, p.Chosen())
}

func TestState(t *testing.T) {
	for want, breaks := range map[string]func(*check.Observation){
		"following":                        func(n *check.Observation) { zero := int64(0); n.Channels[0].LagSeconds = &zero },
		"following, 1h0m0s behind":         func(n *check.Observation) { hour := int64(3600); n.Channels[0].LagSeconds = &hour },
		"following, lag unknown":           func(n *check.Observation) { n.Channels[0].LagSeconds = nil },
		"replication stopped":              func(n *check.Observation) { n.Channels[0].IO, n.Channels[0].SQL = "No", false },
		"applier stopped":                  func(n *check.Observation) { n.Channels[0].SQL = false },
		"not connected to its source":      func(n *check.Observation) { n.Channels[0].IO = "Connecting" },
		"replicates from nobody":           func(n *check.Observation) { n.Channels = nil },
		"replicates over 2 channels":       func(n *check.Observation) { n.Channels = append(n.Channels, n.Channels[0]) },
		"fenced by an earlier run":         func(n *check.Observation) { n.Fence.Owner = fence.Ours },
		"fenced by an earlier run, erased": func(n *check.Observation) { n.Fence.Owner, n.GTIDs.Executed = fence.Ours, "" },
		"offline, not by a run":            func(n *check.Observation) { n.Fence.Owner = fence.Other },
		"applier stopped by error 1062: Du": func(n *check.Observation) {
			n.Channels[0].Workers = []node.WorkerError{{Errno: 1062, Text: "Du\nmore"}}
		},
		"applier stopped by error 1146: No": func(n *check.Observation) { n.Channels[0].SQLErrno, n.Channels[0].SQLError = 1146, "No" },
		"receiver stopped by error 13114: x": func(n *check.Observation) {
			n.Channels[0].IO, n.Channels[0].IOErrno, n.Channels[0].IOError = "No", 13114, "x"
		},
	} {
		t.Run(want, func(t *testing.T) {
			o := cluster(1)
			breaks(&o.Nodes[1])
			require.Equal(t, want, Build(o, nil, now).Secondaries[0].State)
		})
	}
}

// The plan goes through a workflow's history: it has to come back the same.
func TestPlanSurvivesJSON(t *testing.T) {
	p := Build(cluster(3), []contract.Finding{{Code: "a", Verdict: contract.VerdictFail, Observed: "x"}}, now)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	var back contract.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, p, back)
}

func TestIDStaysWhileOnlyPositionsMove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secondaries := rapid.IntRange(1, 6).Draw(t, "secondaries")
		before := Build(cluster(secondaries), nil, now)
		o := cluster(secondaries)
		last := rapid.IntRange(101, 1000000).Draw(t, "last transaction")
		for i := range o.Nodes {
			n := &o.Nodes[i]
			n.GTIDs.Executed = fmt.Sprintf("%s:1-%d", uuid(1), last-i)
			n.DataBytes = rapid.Int64Range(0, 1<<40).Draw(t, "bytes")
			n.Schemas = append(n.Schemas, check.Schema{Name: "new", Tables: rapid.IntRange(0, 9).Draw(t, "tables")})
			n.Supervised = inventory.Supervised
			if len(n.Channels) > 0 {
				lag := rapid.Int64Range(0, 10000).Draw(t, "lag")
				n.Channels[0].LagSeconds = &lag
				n.Channels[0].SQL = rapid.Bool().Draw(t, "applier")
				against := o.Against[n.Node]
				against.Missing = rapid.Int64Range(0, 1000).Draw(t, "missing")
				o.Against[n.Node] = against
			}
		}
		if rapid.Bool().Draw(t, "another order of the inventory") {
			slices.Reverse(o.Nodes)
		}
		findings := []contract.Finding{{Code: "room", Verdict: contract.VerdictWarn}}
		later := now.Add(time.Duration(rapid.Int64Range(1, 1e15).Draw(t, "later")))
		require.Equal(t, before.ID, Build(o, findings, later).ID)
	})
}

func TestIDChangesWithEverythingApproved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secondaries := rapid.IntRange(2, 6).Draw(t, "secondaries")
		some := rapid.IntRange(1, secondaries).Draw(t, "node")
		name := fmt.Sprintf("db%d", some+1)
		changes := map[string]func(*check.Observations){
			"cluster":          func(o *check.Observations) { o.Cluster.Name = "shop2" },
			"mode":             func(o *check.Observations) { o.Request.Mode = contract.ModeRepair },
			"verify":           func(o *check.Observations) { o.Request.Mode = contract.ModeVerify },
			"primary's uuid":   func(o *check.Observations) { o.Nodes[0].Identity.UUID = uuid(99) },
			"another primary":  func(o *check.Observations) { o.Roles.Primary = name },
			"node's uuid":      func(o *check.Observations) { o.Nodes[some].Identity.UUID = uuid(99) },
			"one node less":    func(o *check.Observations) { o.Nodes = slices.Delete(o.Nodes, some, some+1) },
			"nodes chosen":     func(o *check.Observations) { o.Request.Nodes = []string{name} },
			"node unreachable": func(o *check.Observations) { o.Nodes[some].Problem = &check.Problem{} },
			"loss": func(o *check.Observations) {
				o.Against[name] = check.Comparison{Errant: uuid(some) + ":1-4", Transactions: 4}
			},
			"loss unknown":      func(o *check.Observations) { o.Nodes[some].GTIDs.Executed = "" },
			"consent to a loss": func(o *check.Observations) { o.Request.UnreplicatedWrites = contract.UnreplicatedDiscard },
			"delay":             func(o *check.Observations) { o.Nodes[some].Channels[0].DelaySeconds = 3600 },
			"floor":             func(o *check.Observations) { zero := 0; o.Request.MinServing = &zero },
			"settings": func(o *check.Observations) {
				o.Alignments = map[string][]contract.SettingChange{name: {{Name: "sync_binlog", From: "0", To: "1"}}}
			},
		}
		keys := make([]string, 0, len(changes))
		for key := range changes {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		what := rapid.SampledFrom(keys).Draw(t, "change")
		o := cluster(secondaries)
		changes[what](o)
		require.NotEqual(t, Build(cluster(secondaries), nil, now).ID, Build(o, nil, now).ID, what)
	})
}

// What somebody looked at with mode plan is what a resync then does.
func TestIDOfAPlanIsThatOfItsResync(t *testing.T) {
	looked, done := cluster(3), cluster(3)
	looked.Request.Mode, done.Request.Mode = contract.ModePlan, contract.ModeResync
	require.Equal(t, Build(looked, nil, now).ID, Build(done, nil, now).ID)
}
