package proof

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestServiceState wants what is not as declared to be named, and the proof equal all the same.
func TestServiceState(t *testing.T) {
	n := lab.Secondaries()[0]
	sides := secondarySides(t)
	for i := range sides {
		sides[i].Service = &ServiceExpected{ReadOnly: true, SuperReadOnly: true, EventScheduler: "OFF"}
	}
	proveDeclared := func() []contract.Proof {
		proofs, err := Run(t.Context(), sideOf(t, lab.Primary()), sides, Options{IgnoreAccounts: rootAccounts}, nil)
		require.NoError(t, err)
		return proofs
	}
	proofs := proveDeclared()
	for _, p := range proofs {
		requireEqual(t, p)
		layer := p.Layer(contract.ProofService)
		require.Equal(t, contract.ProofEqual, layer.Verdict, describe(p))
		require.Contains(t, strings.Join(layer.Notes, "; "), "both threads run; lag ")
	}
	t.Run("each is held to its own", func(t *testing.T) {
		common := sides[1].Service
		sides[1].Service = &ServiceExpected{ReadOnly: true, SuperReadOnly: true, EventScheduler: "ON"}
		defer func() { sides[1].Service = common }()
		proofs := proveDeclared()
		require.Equal(t, contract.ProofEqual, proofs[0].Layer(contract.ProofService).Verdict)
		require.Equal(t, "event_scheduler", proofs[1].Layer(contract.ProofService).Listed[0].Name)
	})
	require.NoError(t, n.Exec(t.Context(), "SET GLOBAL read_only=OFF", "SET GLOBAL event_scheduler=ON"))
	t.Cleanup(func() {
		require.NoError(t, n.Exec(context.WithoutCancel(t.Context()), "SET GLOBAL event_scheduler=OFF", "SET GLOBAL super_read_only=ON"))
	})
	proofs = proveDeclared()
	requireEqual(t, proofs[0])
	layer := proofs[0].Layer(contract.ProofService)
	require.Equal(t, contract.ProofWarning, layer.Verdict)
	require.EqualValues(t, 3, layer.Warnings)
	for i, name := range []string{"read_only", "super_read_only", "event_scheduler"} {
		require.Equal(t, name, layer.Listed[i].Name)
	}
	require.Equal(t, contract.ProofEqual, proofs[1].Layer(contract.ProofService).Verdict)

	t.Run("behind a fence", func(t *testing.T) {
		require.NoError(t, n.Exec(t.Context(), "SET GLOBAL offline_mode=ON"))
		proofs := proveDeclared()
		require.NoError(t, n.Exec(t.Context(), "SET GLOBAL offline_mode=OFF"))
		layer := proofs[0].Layer(contract.ProofService)
		require.Equal(t, contract.ProofEqual, layer.Verdict, "the declared state comes when the fence is lifted")
		require.Contains(t, strings.Join(layer.Notes, "; "), "offline_mode is ON")
	})
}

// TestCloneIsBoundToTheRun refills a server by a clone, and wants exactly that clone to count.
func TestCloneIsBoundToTheRun(t *testing.T) {
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{{}, {RestartPause: 10 * time.Millisecond}}})
	primary, n := c.Primary(), c.Secondaries()[0]
	side := func(n *sandbox.Node) Side {
		db, err := n.Open(c.Accounts.Admin)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return Side{Name: n.Name, DB: db, Rows: n.Config(c.Accounts.Admin)}
	}
	layerFor := func(expected CloneExpected) contract.ProofLayer {
		proofs, err := Run(t.Context(), side(primary), []Side{side(n)}, Options{Clone: &expected, IgnoreAccounts: rootAccounts}, nil)
		require.NoError(t, err)
		layer := proofs[0].Layers[0]
		require.Equal(t, contract.ProofClone, layer.Name)
		require.Equal(t, layer.Verdict == contract.ProofEqual, proofs[0].Equal, describe(proofs[0]))
		return layer
	}
	donor := primary.PeerAddress()
	layer := layerFor(CloneExpected{Donor: donor})
	require.Equal(t, contract.ProofDifferent, layer.Verdict)
	require.Contains(t, layer.Listed[0].Detail, "records no clone")

	before := time.Now().UTC()
	account := c.Accounts.Donor
	require.NoError(t, n.Exec(t.Context(), "STOP REPLICA", "SET GLOBAL super_read_only=OFF", "SET GLOBAL read_only=OFF", "SET GLOBAL clone_valid_donor_list='"+donor+"'"))
	host, port, _ := strings.Cut(donor, ":")
	err := n.Exec(t.Context(), "CLONE INSTANCE FROM '"+account.User+"'@'"+host+"':"+port+" IDENTIFIED BY '"+account.Password.Reveal()+"' REQUIRE NO SSL")
	if err != nil { // the server goes down for its restart as soon as it has answered
		require.Contains(t, []node.Class{node.ClassConnectionLost, node.ClassUnreachable}, node.Classify(err), err)
	}
	require.Eventually(t, func() bool {
		state, err := n.QueryString(t.Context(), "SELECT STATE FROM performance_schema.clone_status")
		return err == nil && state == "Completed"
	}, 2*time.Minute, 100*time.Millisecond)
	// A clone brings no channel that was set up here; the sandbox's is made again.
	require.NoError(t, n.Exec(t.Context(), "STOP REPLICA", "RESET REPLICA ALL"))
	require.NoError(t, n.Follow(t.Context(), primary, c.Accounts.Replication))
	require.Eventually(t, func() bool { // until it has connected, a channel does not know whom it follows
		channels, err := channelsOf(t, n.Name, side(n).DB)
		return err == nil && len(channels) == 1 && channels[0].Running()
	}, time.Minute, 50*time.Millisecond)

	require.Equal(t, contract.ProofEqual, layerFor(CloneExpected{Donor: donor, NotBefore: before}).Verdict)
	layer = layerFor(CloneExpected{Donor: donor, NotBefore: time.Now().UTC()})
	require.Equal(t, contract.ProofDifferent, layer.Verdict)
	require.Contains(t, layer.Listed[0].Detail, "before this run")
	layer = layerFor(CloneExpected{Donor: "10.0.0.1:3306", NotBefore: before})
	require.Contains(t, layer.Listed[0].Detail, "came from")
}
