package proof

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestCancelledProofLeavesTheApplierRunning cancels at many moments, the applier's pause among them.
func TestCancelledProofLeavesTheApplierRunning(t *testing.T) {
	fresh(t, "proof_cancel", "CREATE TABLE one (id INT PRIMARY KEY)", "INSERT INTO proof_cancel.one VALUES (1)")
	gone := errors.New("the caller went away")
	var cut int
	for after := 10 * time.Millisecond; after < 600*time.Millisecond; after += 25 * time.Millisecond {
		ctx, cancel := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(after, func() { cancel(gone) })
		_, err := Run(ctx, sideOf(t, lab.Primary()), secondarySides(t), Options{IgnoreAccounts: rootAccounts}, nil)
		timer.Stop()
		cancel(nil)
		if err != nil {
			require.ErrorIs(t, err, gone)
			cut++
		}
		applierRuns(t)
	}
	require.Positive(t, cut)
	t.Logf("%d runs were cut", cut)
}

// TestCancelWhileTheApplierIsHeld cancels when the applier certainly stands still.
func TestCancelWhileTheApplierIsHeld(t *testing.T) {
	e := openEngine(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	h, err := e.replicas[0].stopApplier(ctx)
	require.NoError(t, err)
	c, err := e.replicas[0].status(ctx)
	require.NoError(t, err)
	require.False(t, c.SQL)
	cancel()
	_, err = e.replicas[0].control.Conn.ExecContext(ctx, "DO SLEEP(10)") // as the driver does it: the connection is lost with ctx
	require.Error(t, err)
	_, err = h.release(ctx)
	require.NoError(t, err)
	applierRuns(t)
}

// keepAtWork lets the secondary's applier wait for a row that a client of it has locked, until the returned function is called.
func keepAtWork(t *testing.T, n *sandbox.Node) (letGo func()) {
	t.Helper()
	fresh(t, "proof_long", "CREATE TABLE one (id INT PRIMARY KEY, v INT)", "INSERT INTO proof_long.one VALUES (1,1)")
	require.NoError(t, n.WaitFor(t.Context(), lab.Primary()))
	db, err := n.DB()
	require.NoError(t, err)
	require.NoError(t, n.Exec(t.Context(), "SET GLOBAL super_read_only=OFF"))
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.ExecContext(t.Context(), "SELECT v FROM proof_long.one WHERE id=1 FOR UPDATE")
	require.NoError(t, err)
	require.NoError(t, n.Exec(t.Context(), "SET GLOBAL super_read_only=ON"))
	onPrimary0(t, "UPDATE proof_long.one SET v=2 WHERE id=1")
	require.Eventually(t, func() bool {
		at, err := n.QueryString(t.Context(), "SELECT COUNT(*) FROM performance_schema.replication_applier_status_by_worker WHERE APPLYING_TRANSACTION <> ''")
		return err == nil && at != "0"
	}, time.Minute, 10*time.Millisecond, "the applier was never at work")
	return func() { require.NoError(t, tx.Rollback()) }
}

// TestLongTransactionHoldsNobodyElse: a secondary whose applier cannot stop yet does not keep another one's from going on.
func TestLongTransactionHoldsNobodyElse(t *testing.T) {
	e := openEngine(t, 1)
	e.options.MaxPause = 2 * time.Second
	letGo := keepAtWork(t, lab.Secondaries()[1])
	holds := make([]*hold, len(e.replicas))
	failed := make(chan error)
	go func() { failed <- e.stopAppliers(t.Context(), holds) }()
	applier := func() string {
		state, err := lab.Secondaries()[0].QueryString(t.Context(), "SELECT SERVICE_STATE FROM performance_schema.replication_applier_status")
		require.NoError(t, err)
		return state
	}
	require.Eventually(t, func() bool { return applier() == "OFF" }, time.Minute, time.Millisecond, "the other one was never stopped")
	require.Eventually(t, func() bool { return applier() == "ON" }, time.Minute, time.Millisecond, "the other one stands still")
	letGo()
	err := <-failed
	require.ErrorIs(t, err, ErrNoPair)
	guilty, theirs := culprits(err)
	require.True(t, theirs)
	require.Len(t, guilty, 1)
	require.Equal(t, e.replicas[1], guilty[0].replica)
	require.Nil(t, holds[0])
	_, err = holds[1].release(t.Context())
	require.NoError(t, err)
	applierRuns(t)
}

// TestCancelWhileAStopWaits cancels while the applier has been told to stop and is still at work.
func TestCancelWhileAStopWaits(t *testing.T) {
	e := openEngine(t, 1)
	letGo := keepAtWork(t, lab.Secondaries()[1])
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	h, err := e.replicas[1].stopApplier(ctx)
	require.Error(t, err)
	released := make(chan error)
	go func() {
		_, err := h.release(ctx)
		released <- err
	}()
	require.NoError(t, pause(t.Context(), 500*time.Millisecond))
	letGo()
	require.NoError(t, <-released)
	applierRuns(t)
	require.NoError(t, lab.Secondaries()[1].WaitFor(t.Context(), lab.Primary()))
}

// TestApplierLeftByADeadWorker leaves the applier as a worker that was killed leaves it, in each of the states it can be in.
func TestApplierLeftByADeadWorker(t *testing.T) {
	n := lab.Secondaries()[0]
	next := func() string {
		set, err := lab.Primary().QueryString(t.Context(), "SELECT @@global.gtid_executed")
		require.NoError(t, err)
		return set
	}
	states := map[string][]string{
		"stopped before the limit was set": {"STOP REPLICA SQL_THREAD"},
		"stopped at its limit":             {"STOP REPLICA SQL_THREAD", "START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS='" + next() + "'"},
		"running towards its limit":        {"STOP REPLICA SQL_THREAD", "START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS='aaaaaaaa-0000-0000-0000-000000000002:1'"},
	}
	for name, statements := range states {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, n.Exec(t.Context(), statements...))
			onPrimary0(t, "CREATE DATABASE IF NOT EXISTS proof_dead", "DROP DATABASE proof_dead")
			require.NoError(t, EnsureApplier(t.Context(), sideOf(t, n), true))
			applierRuns(t)
			require.NoError(t, n.WaitFor(t.Context(), lab.Primary()))
			require.NoError(t, EnsureApplier(t.Context(), sideOf(t, n), true), "twice is as good as once")
			applierRuns(t)
		})
	}
	t.Run("a proof heals what an earlier one left at its limit", func(t *testing.T) {
		require.NoError(t, n.Exec(t.Context(), "STOP REPLICA SQL_THREAD", "START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS='"+next()+"'"))
		onPrimary0(t, "CREATE DATABASE IF NOT EXISTS proof_dead", "DROP DATABASE proof_dead")
		for _, p := range prove(t, Options{}) {
			requireEqual(t, p)
		}
	})
}

// onPrimary0 does not wait for the secondaries.
func onPrimary0(t *testing.T, statements ...string) {
	t.Helper()
	require.NoError(t, lab.Primary().Exec(t.Context(), statements...))
}

// TestApplierWithAnErrorIsNotStarted wants the reason told, by EnsureApplier and by a proof.
func TestApplierWithAnErrorIsNotStarted(t *testing.T) {
	fresh(t, "proof_broken", "CREATE TABLE one (id INT PRIMARY KEY)", "INSERT INTO one VALUES (1)")
	n := lab.Secondaries()[0]
	harm(t, n, "DELETE FROM proof_broken.one")
	onPrimary0(t, "DELETE FROM proof_broken.one") // the row event finds no row: error 1032
	side := sideOf(t, n)
	require.Eventually(t, func() bool {
		c, err := channelsOf(t, n.Name, side.DB)
		return err == nil && len(c[0].Workers) > 0
	}, time.Minute, 50*time.Millisecond)
	err := EnsureApplier(t.Context(), side, true)
	require.ErrorIs(t, err, ErrNotReplicating)
	require.ErrorContains(t, err, "1032")
	_, err = Run(t.Context(), sideOf(t, lab.Primary()), []Side{side}, Options{}, nil)
	require.ErrorIs(t, err, ErrNotReplicating)
	require.ErrorContains(t, err, "1032")
	harm(t, n, "INSERT INTO proof_broken.one VALUES (1)")
	require.NoError(t, n.Exec(t.Context(), "START REPLICA"))
	// The old error stands in the status until the applier has got going.
	require.Eventually(t, func() bool { return n.WaitFor(t.Context(), lab.Primary()) == nil }, time.Minute, 50*time.Millisecond)
	applierRuns(t)
}

func channelsOf(t *testing.T, name string, db *sql.DB) ([]node.Channel, error) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	return readChannels(t.Context(), node.Pinned{Node: name, Conn: conn})
}

// TestWhatCannotBeProven wants a clear error, of the right kind, and nothing changed.
func TestWhatCannotBeProven(t *testing.T) {
	primary, secondaries := sideOf(t, lab.Primary()), secondarySides(t)
	n := lab.Secondaries()[0]
	run := func(p Side, s []Side, o Options) error {
		_, err := Run(t.Context(), p, s, o, nil)
		return err
	}
	t.Run("no secondary", func(t *testing.T) { require.ErrorIs(t, run(primary, nil, Options{}), ErrUnfit) })
	t.Run("one server twice", func(t *testing.T) { require.ErrorIs(t, run(primary, []Side{primary}, Options{}), ErrUnfit) })
	t.Run("roles swapped", func(t *testing.T) {
		err := run(secondaries[0], []Side{primary}, Options{})
		require.ErrorIs(t, err, ErrNotReplicating)
		require.ErrorContains(t, err, "no channel")
	})
	t.Run("a channel from another source", func(t *testing.T) {
		require.ErrorContains(t, run(secondaries[0], secondaries[1:], Options{}), "saw only channel")
	})
	t.Run("stopped on purpose", func(t *testing.T) {
		require.NoError(t, n.Exec(t.Context(), "STOP REPLICA"))
		err := run(primary, secondaries[:1], Options{})
		require.NoError(t, n.Exec(t.Context(), "START REPLICA"))
		require.ErrorIs(t, err, ErrNotReplicating)
		require.ErrorContains(t, err, n.Name)
	})
	t.Run("behind", func(t *testing.T) {
		require.NoError(t, n.Exec(t.Context(), "STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=30", "START REPLICA"))
		onPrimary0(t, "CREATE DATABASE IF NOT EXISTS proof_behind", "DROP DATABASE proof_behind")
		err := run(primary, secondaries[:1], Options{CatchUp: time.Second})
		require.NoError(t, n.Exec(t.Context(), "STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=0", "START REPLICA"))
		require.ErrorIs(t, err, ErrBehind)
		require.ErrorContains(t, err, "delays by 30 s")
		require.NoError(t, n.WaitFor(t.Context(), lab.Primary()))
	})
	t.Run("an account that does not see everything", func(t *testing.T) {
		onPrimary(t, "CREATE USER half_blind IDENTIFIED BY 'x'", "GRANT SELECT, PROCESS, REPLICATION CLIENT ON *.* TO half_blind")
		t.Cleanup(func() { onPrimary(t, "DROP USER half_blind") })
		config := lab.Primary().RootConfig()
		config.User, config.Passwd = "half_blind", "x"
		db, err := sql.Open("mysql", config.FormatDSN())
		require.NoError(t, err)
		defer db.Close()
		err = run(Side{Name: "db1", DB: db, Rows: config}, secondaries, Options{})
		require.ErrorIs(t, err, ErrUnfit)
		require.ErrorContains(t, err, "TRIGGER")
	})
	t.Run("a pool that is too small", func(t *testing.T) {
		small := sideOf(t, n)
		small.DB.SetMaxOpenConns(1)
		require.ErrorIs(t, run(primary, []Side{small}, Options{}), ErrUnfit)
	})
	t.Run("commits in no order", func(t *testing.T) {
		onPrimary0(t, "SET GLOBAL binlog_order_commits=OFF")
		err := run(primary, secondaries, Options{})
		onPrimary0(t, "SET GLOBAL binlog_order_commits=ON")
		require.ErrorIs(t, err, ErrUnfit)
		require.ErrorContains(t, err, "binlog_order_commits")
	})
	applierRuns(t)
}

// TestErrantTransactionsAreADifference wants them named and the rows compared all the same. They stay on the server, so this uses a
// transaction without content on a node that is reset at the end.
func TestErrantTransactionsAreADifference(t *testing.T) {
	fresh(t, "proof_errant", "CREATE TABLE one (id INT PRIMARY KEY)", "INSERT INTO one VALUES (1)")
	n := lab.Secondaries()[1]
	require.NoError(t, n.Exec(t.Context(), "SET GLOBAL super_read_only=OFF", "INSERT INTO proof_errant.one VALUES (2)", "SET GLOBAL super_read_only=ON"))
	uuid, err := n.QueryString(t.Context(), "SELECT @@global.server_uuid")
	require.NoError(t, err)
	proofs := prove(t, Options{})
	requireEqual(t, proofs[0])
	gtids := proofs[1].Layer(contract.ProofGTIDs)
	require.Equal(t, contract.ProofDifferent, gtids.Verdict)
	require.EqualValues(t, 1, gtids.Differences)
	require.Equal(t, uuid+":1", gtids.Listed[0].Secondary)
	rows := proofs[1].Layer(contract.ProofRows)
	require.EqualValues(t, 1, rows.Differences, describe(proofs[1]))
	require.Equal(t, "`id`=2", rows.Listed[0].Key)

	// Back to what it was: the errant transaction is undone and forgotten.
	harm(t, n, "DELETE FROM proof_errant.one WHERE id=2")
	executed, err := lab.Primary().QueryString(t.Context(), "SELECT @@global.gtid_executed")
	require.NoError(t, err)
	require.NoError(t, n.WaitFor(t.Context(), lab.Primary()))
	require.NoError(t, n.Exec(t.Context(), "STOP REPLICA", "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged='"+oneLine(executed)+"'", "START REPLICA"))
	for _, p := range prove(t, Options{}) {
		requireEqual(t, p)
	}
}

// TestTransactionsInFlightAreKnown: a secondary may have executed what the primary does not name yet.
func TestTransactionsInFlightAreKnown(t *testing.T) {
	fresh(t, "proof_owned", "CREATE TABLE one (id INT PRIMARY KEY)")
	e := openEngine(t, 1)
	db, err := lab.Primary().DB()
	require.NoError(t, err)
	var owned []string
	for _, gtid := range []string{"aaaaaaaa-0000-0000-0000-000000000003:7", "aaaaaaaa-0000-0000-0000-000000000003:9", "aaaaaaaa-0000-0000-0000-000000000004:1"} {
		conn, err := db.Conn(t.Context())
		require.NoError(t, err)
		defer func() {
			_, _ = conn.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK")
			_, err := conn.ExecContext(context.WithoutCancel(t.Context()), "SET gtid_next='AUTOMATIC'")
			require.NoError(t, err)
			_ = conn.Close()
		}()
		for _, statement := range []string{"SET gtid_next='" + gtid + "'", "BEGIN", "INSERT INTO proof_owned.one VALUES (" + gtid[len(gtid)-1:] + ")"} {
			_, err := conn.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		owned = append(owned, gtid)
		executed, err := e.primary.executed(t.Context())
		require.NoError(t, err)
		begun, err := e.primary.begun(t.Context())
		require.NoError(t, err)
		for _, gtid := range owned {
			rest, err := e.primary.subtract(t.Context(), gtid, executed)
			require.NoError(t, err)
			require.Equal(t, gtid, rest)
			rest, err = e.primary.subtract(t.Context(), gtid, begun)
			require.NoError(t, err)
			require.Empty(t, rest)
		}
	}
}

func TestOwnedSet(t *testing.T) {
	const a, b = "12345678-aaaa-0000-0000-000000000001", "87654321-aaaa-0000-0000-000000000001"
	for owned, want := range map[string]string{
		"": "", a + ":7#15": "," + a + ":7", a + ":9#18:7#15" + b + ":1#19": "," + a + ":9:7," + b + ":1",
		a + ":7#15,\n" + b + ":tag:1#19": "," + a + ":7," + b + ":tag:1", a + ":7#15\n": "," + a + ":7",
	} {
		require.Equal(t, want, ownedSet(owned), owned)
	}
}
