package endtoend

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/netfault"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestTreeLosesADonor: db2 feeds db4 from behind its fence and is killed in the middle; db3, behind its own, feeds db4 to the end. Nobody
// carries anything of a donor's fence or channel.
func TestTreeLosesADonor(t *testing.T) {
	t.Parallel()
	nodes := sandbox.Nodes(4)
	nodes[1].Links, nodes[2].Links = true, true
	c := newCompany(t, "tree", nodes)
	c.letDonorPassFences(t)
	before := c.persisted(t)
	requireSame := c.write(t)
	db2, db3, db4 := c.Node("db2"), c.Node("db3"), c.Node("db4")
	request, none := slowly(c.resync()), 0
	request.MaxParallel, request.MinServing = 3, &none
	run := c.start(t, request)

	// What a donor is asked takes so long that its proof is not over before the test is.
	letGoAndStay := func(node *sandbox.Node) {
		untilCopying(t, node)
		letGo(t, node)
		untilStep(t, c.Name, node.Name, contract.StepFollow)
		require.NoError(t, node.WorkerLink.Delay(netfault.BothWays, 100*time.Millisecond))
	}
	letGoAndStay(db2)
	untilFedBy(t, c.Name, "db3", "db1")
	letGoAndStay(db3)
	untilStep(t, c.Name, "db3", contract.StepVerify)
	untilFedBy(t, c.Name, "db4", "db2")
	untilCopying(t, db4)
	const fence = "SELECT CONCAT_WS(' ', @@offline_mode, @@super_read_only)"
	require.Equal(t, "1 1", ask(t, db2, fence), "db2 feeds from behind its fence")
	require.NoError(t, db2.Kill9())
	untilFedBy(t, c.Name, "db4", "db3")
	require.Empty(t, ask(t, db4, "SELECT @@gtid_executed"), "db4 holds nothing, and says so")
	untilCopying(t, db4)
	require.Equal(t, "1 1", ask(t, db3, fence))
	letGo(t, db4)
	untilStep(t, c.Name, "db4", contract.StepFollow)
	require.NoError(t, db2.WorkerLink.Heal())
	require.NoError(t, db3.WorkerLink.Heal())

	report := finish(t, run)
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.True(t, report.Plan.FencedDonors)
	require.Equal(t, "db3", nodeOf(t, report, "db4").Copy.Donor)
	requireClones(t, nodeOf(t, report, "db4"), "donor", "")
	requireSame()
	c.requireOwnState(t, before)
}

// TestForeignClones: somebody else copies from the donor that a node was to have. In front of its erase the node is released and begun
// again with another donor, behind it it waits for one; it is no failed node, and the foreign copy is left alone. Meanwhile the run is
// paused and resumed: no node is begun while it is paused, and what was begun is finished.
func TestForeignClones(t *testing.T) {
	t.Parallel()
	nodes := append(sandbox.Nodes(4), sandbox.NodeOptions{Name: "spare", Standalone: true})
	nodes[3].Links = true
	c := newCompany(t, "foreign", nodes)
	before := c.persisted(t)
	requireSame := c.write(t)
	db2, db3, db4 := c.Node("db2"), c.Node("db3"), c.Node("db4")
	run := c.start(t, slowly(c.resync()))
	finishPaused := func(node, next *sandbox.Node) {
		untilCopying(t, node)
		update(t, c.Name, contract.RequestPause, contract.Pause{By: "ann"})
		letGo(t, node)
		until(t, node.Name+" was never proven", func() bool { return inProgress(t, c.Name, node.Name).Standing == contract.StandingProven })
		require.Empty(t, inProgress(t, c.Name, next.Name).Step)
	}
	resume := func(next *sandbox.Node) {
		require.Empty(t, inProgress(t, c.Name, next.Name).Step, "no node is begun while the run is paused")
		require.Equal(t, "0", ask(t, next, "SELECT @@offline_mode"))
		update(t, c.Name, contract.RequestResume, contract.Resume{By: "ann"})
	}

	finishPaused(db2, db3)
	end := c.cloneAside(t, db2)
	resume(db3)
	untilFedBy(t, c.Name, "db3", "db1")
	finishPaused(db3, db4)
	end()

	require.NoError(t, db4.WorkerLink.Delay(netfault.BothWays, 100*time.Millisecond))
	resume(db4)
	untilFedBy(t, c.Name, "db4", "db3")
	untilStep(t, c.Name, "db4", contract.StepErase)
	end = c.cloneAside(t, db3)
	require.NoError(t, db4.WorkerLink.Heal())
	untilFedBy(t, c.Name, "db4", "db1")
	untilCopying(t, db4)
	end()
	letGo(t, db4)

	report := finish(t, run)
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.False(t, report.Plan.FencedDonors)
	require.Contains(t, nodeOf(t, report, "db3").Notes[0], "begun before with db2 as its donor, and released as it was")
	require.Contains(t, nodeOf(t, report, "db3").Notes[0], "3634")
	requireClones(t, nodeOf(t, report, "db3"), "")
	requireClones(t, nodeOf(t, report, "db4"), "3634", "")
	requireSame()
	c.requireOwnState(t, before)
}

// cloneAside copies from a node as somebody might who knows nothing of the run; end makes sure that this copy still went on, and ends it.
// The copy is frozen under way: a fast machine is through with all of it in the burst with which each copy begins, whatever its limit.
func (c *company) cloneAside(t testing.TB, from *sandbox.Node) (end func()) {
	t.Helper()
	spare := c.Node("spare")
	host, port, err := net.SplitHostPort(from.PeerAddress())
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		ended <- spare.Exec(context.WithoutCancel(t.Context()), "SET GLOBAL clone_valid_donor_list = '"+from.PeerAddress()+"'",
			"SET GLOBAL clone_max_network_bandwidth = 1, GLOBAL clone_max_data_bandwidth = 1, GLOBAL clone_autotune_concurrency = OFF, GLOBAL clone_max_concurrency = 1",
			fmt.Sprintf("CLONE INSTANCE FROM '%s'@'%s':%s IDENTIFIED BY '%s'", c.Accounts.Donor.User, host, port, c.Accounts.Donor.Password.Reveal()))
	}()
	untilCopying(t, spare)
	require.NoError(t, spare.Freeze())
	return func() {
		t.Helper()
		require.NotEqual(t, "0", ask(t, from, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_COMMAND = 'Clone'"), "the foreign copy is left alone")
		require.NoError(t, spare.Thaw())
		require.NoError(t, spare.Exec(t.Context(), "KILL QUERY "+ask(t, spare, "SELECT PID FROM performance_schema.clone_status")))
		require.ErrorContains(t, <-ended, "CLONE")
	}
}

// untilFedBy waits until a node has that donor.
func untilFedBy(t testing.TB, id, name, donor string) {
	t.Helper()
	until(t, donor+" never fed "+name, func() bool { return inProgress(t, id, name).Donor == donor })
}

// inProgress is what the run says of one node now.
func inProgress(t testing.TB, id, name string) contract.NodeProgress {
	t.Helper()
	for _, n := range progress(t, id).Nodes {
		if n.Name == name {
			return n
		}
	}
	return contract.NodeProgress{Name: name}
}

// requireClones: the node was cloned so often, with these words in the errors; none in that of one that succeeded.
func requireClones(t testing.TB, node contract.NodeReport, errors ...string) {
	t.Helper()
	var clones []string
	for _, step := range node.Steps {
		if step.Step == contract.StepClone {
			clones = append(clones, step.Error)
		}
	}
	require.Len(t, clones, len(errors), "%q", clones)
	for i, want := range errors {
		if want == "" {
			require.Empty(t, clones[i])
		}
		require.Contains(t, clones[i], want)
	}
}
