package endtoend

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/netfault"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestWorkerDiesInMidClone: another worker joins the clone that outlived the first; the donor is asked for one copy only (I5).
func TestWorkerDiesInMidClone(t *testing.T) {
	first := startWorker(t)
	before := donorAsked(t, lab.cluster.Primary())
	run := start(t, "worker-dies", slowly(resync("db2")))
	untilCopying(t, node("db2"))
	first.kill9()
	require.True(t, copying(t, node("db2")), "the clone goes on without its worker")
	requireClosedToClients(t, node("db2"))
	startWorker(t)
	until(t, "the second worker never joined", func() bool { return attempts(t, "worker-dies", "db2") > 1 })
	letGo(t, node("db2"))

	report := finish(t, run)
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.True(t, nodeOf(t, report, "db2").Copy.Joined)
	require.Equal(t, before+2, donorAsked(t, lab.cluster.Primary()), "one rehearsal and one clone, not two")
	requireHealthy(t, node("db2"))
}

// donorAsked counts in the donor's own log how often it was asked to begin: once by a rehearsal, once by a clone.
func donorAsked(t *testing.T, donor *sandbox.Node) int {
	t.Helper()
	log, err := donor.ReadErrorLog()
	require.NoError(t, err)
	return strings.Count(log, "COM_INIT")
}

// TestFrozenWorkerWakesUpLate: a worker stops in its tracks between its claim and its erase, is overtaken, and wakes up when the node
// is in service again: nothing is destroyed (I5).
func TestFrozenWorkerWakesUpLate(t *testing.T) {
	sleeper := startWorker(t)
	// Each round trip takes so long that the erase can be caught before its first destructive statement.
	require.NoError(t, node("db2").WorkerLink.Delay(netfault.BothWays, 100*time.Millisecond))
	run := start(t, "frozen", resync("db2"))
	untilStep(t, "frozen", "db2", contract.StepErase)
	sleeper.freeze()
	gtids, err := node("db2").QueryString(t.Context(), "SELECT @@gtid_executed")
	require.NoError(t, err)
	require.NotEmpty(t, gtids, "it was frozen before it destroyed anything")
	require.NoError(t, node("db2").WorkerLink.Heal())

	startWorker(t)
	report := finish(t, run)
	requireOutcome(t, contract.OutcomeSucceeded, report)
	cloned := lastClone(t, node("db2"))

	sleeper.thaw()
	// The sleeper's own words tell that it has come to its end; until then it may still do harm.
	until(t, "the sleeper never noticed that it was overtaken", func() bool { return sleeper.said("Activity error") || sleeper.said("invalid connection") })
	require.Equal(t, cloned, lastClone(t, node("db2")))
	requireHealthy(t, node("db2"))
}

func lastClone(t *testing.T, node *sandbox.Node) string {
	t.Helper()
	begin, err := node.QueryString(t.Context(), "SELECT CONCAT_WS(' ', STATE, BEGIN_TIME) FROM performance_schema.clone_status")
	require.NoError(t, err)
	return begin
}

// requireClosedToClients (I3): an account without privileges of its own is turned away.
func requireClosedToClients(t *testing.T, node *sandbox.Node) {
	t.Helper()
	db, err := node.Open(lab.cluster.Accounts.Replication)
	require.NoError(t, err)
	defer db.Close()
	var refused *mysql.MySQLError
	require.ErrorAs(t, db.PingContext(t.Context()), &refused)
	require.EqualValues(t, 3032, refused.Number, refused.Message)
}

// TestAbort: a node is given up in mid-clone; its clone is killed, it stays fenced and is named. The next run heals it.
func TestAbort(t *testing.T) {
	startWorker(t)
	run := start(t, "abort", slowly(resync("db2")))
	untilCopying(t, node("db2"))
	update(t, "abort", contract.RequestAbort, contract.Abort{Node: "db2", By: "ann", Reason: "the test"})
	report := finish(t, run)
	requireOutcome(t, contract.OutcomeFailed, report)
	require.Equal(t, contract.ErrorAborted, report.ErrorType)
	aborted := nodeOf(t, report, "db2")
	require.Equal(t, contract.StandingFenced, aborted.Standing)
	require.Contains(t, aborted.Error, "ann")
	requireClosedToClients(t, node("db2"))
	running, err := node("db2").QueryString(t.Context(), `SELECT COUNT(*) FROM performance_schema.clone_status s
		JOIN performance_schema.threads t ON t.PROCESSLIST_ID = s.PID WHERE s.STATE = 'In Progress'`)
	require.NoError(t, err)
	require.Equal(t, "0", running)

	requireOutcome(t, contract.OutcomeSucceeded, finish(t, start(t, "after-abort", resync("db2"))))
	requireHealthy(t, node("db2"))
}

// TestUnsupervised: under a restart policy the clone ends in 3707 and the server is started again; with nobody there the run waits, says
// so, and goes on when somebody starts it.
func TestUnsupervised(t *testing.T) {
	nodes := sandbox.Nodes(3)
	nodes[1].Supervision, nodes[2].Supervision = sandbox.Container, sandbox.Bare
	cluster := sandbox.ForTest(t, sandbox.Options{Name: "unsupervised", Nodes: nodes})
	startWorkerFor(t, cluster)
	request := resync()
	request.Cluster, request.Confirm = "unsupervised", "unsupervised"
	run := start(t, "unsupervised", request)
	bare := cluster.Node("db3")
	until(t, "db3 never went down at the end of its clone", func() bool {
		for _, n := range progress(t, "unsupervised").Nodes {
			if n.Name == "db3" && n.Step == contract.StepClone {
				return !bare.Running()
			}
		}
		return false
	})
	until(t, "nobody was told to start mysqld", func() bool { return waitsFor(t, "unsupervised", "db3", "start mysqld") })
	require.NoError(t, bare.Start())

	report := finish(t, run)
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.True(t, nodeOf(t, report, "db2").Copy.StartedByHand)
	require.True(t, nodeOf(t, report, "db3").Copy.StartedByHand)
	exits, err := cluster.Node("db2").Exits()
	require.NoError(t, err)
	require.Equal(t, 0, exits[len(exits)-1], "3707 ends with exit code 0")
}

// TestUnreachableSecondary: refused by default, left out and named on request.
func TestUnreachableSecondary(t *testing.T) {
	startWorker(t)
	node("db3").WorkerLink.Cut()
	defer func() { require.NoError(t, node("db3").WorkerLink.Heal()) }()

	report := finish(t, start(t, "unreachable", resync()))
	requireOutcome(t, contract.OutcomeRefused, report)
	require.Equal(t, contract.PreconditionError("node-reachable"), report.ErrorType)

	none := 0
	request := resync()
	request.OnUnreachable, request.MinServing = contract.UnreachableSkip, &none
	report = finish(t, start(t, "skipped", request))
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.Equal(t, contract.StandingSkipped, nodeOf(t, report, "db3").Standing)
	require.Equal(t, contract.StandingProven, nodeOf(t, report, "db2").Standing)
	require.NoError(t, node("db3").WorkerLink.Heal())
	requireHealthy(t, node("db2"), node("db3"))
}

// TestPrimaryStepsDownInMidRun (I2, I4): a primary that is demoted while a node is copied is no measure any more: that node is not proven
// against it and stays fenced, and no other node is erased.
func TestPrimaryStepsDownInMidRun(t *testing.T) {
	startWorker(t)
	run := start(t, "step-down", slowly(resync("db2", "db3")))
	untilCopying(t, node("db2"))
	require.NoError(t, lab.cluster.Primary().Exec(t.Context(), "SET GLOBAL read_only = ON"))
	defer func() {
		require.NoError(t, lab.cluster.Primary().Exec(context.WithoutCancel(t.Context()), "SET GLOBAL read_only = OFF"))
	}()
	letGo(t, node("db2"))
	report := finish(t, run)
	requireOutcome(t, contract.OutcomeFailed, report)
	require.Equal(t, contract.ErrorIdentity, report.ErrorType)
	require.Equal(t, contract.StandingFenced, nodeOf(t, report, "db2").Standing)
	require.Equal(t, contract.StandingUntouched, nodeOf(t, report, "db3").Standing)
	requireClosedToClients(t, node("db2"))

	require.NoError(t, lab.cluster.Primary().Exec(t.Context(), "SET GLOBAL read_only = OFF"))
	requireOutcome(t, contract.OutcomeSucceeded, finish(t, start(t, "stepped-up", resync())))
	requireHealthy(t, node("db2"), node("db3"))
}
