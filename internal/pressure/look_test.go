package pressure_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/erasure"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/pressure"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

var servers *sandbox.Cluster

func TestMain(m *testing.M) {
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: sandbox.Nodes(2)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	servers = c
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func look(t *testing.T, ctx context.Context) pressure.Counters {
	t.Helper()
	c, err := pressure.Look(ctx, nodetest.Open(t, servers, servers.Primary()))
	require.NoError(t, err)
	return c
}

func TestLookSeesWhatAServerDoes(t *testing.T) {
	ctx, primary := t.Context(), servers.Primary()
	nodetest.Exec(t, primary, "CREATE DATABASE work", "CREATE TABLE work.t (id INT PRIMARY KEY AUTO_INCREMENT)")
	before := look(t, ctx)
	var writes []string
	for range 100 {
		writes = append(writes, "INSERT INTO work.t VALUES ()", "DO SLEEP(0.002)")
	}
	nodetest.Exec(t, primary, writes...)
	r := look(t, ctx).Since(before)
	require.GreaterOrEqual(t, r.Statement, 2*time.Millisecond)
	require.Positive(t, r.Sync, "every commit waits for the disk")
	require.Zero(t, r.Ack, "nothing is semi-synchronous here")
	require.Zero(t, r.Unacknowledged)

	const sessions = 7
	working, rest := context.WithCancel(ctx)
	var all sync.WaitGroup
	for range sessions {
		all.Go(func() { _, _ = primary.QueryString(working, "SELECT SLEEP(60)") })
	}
	require.Eventually(t, func() bool {
		return nodetest.String(t, primary, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_INFO LIKE 'SELECT SLEEP%'") == fmt.Sprint(sessions)
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, before.Running+sessions, look(t, ctx).Running)
	rest()
	all.Wait()
}

// A copy must not take its own sessions on its donor for load.
func TestSessionsThatFeedACloneAreNoLoad(t *testing.T) {
	ctx, primary, secondary := t.Context(), servers.Primary(), servers.Nodes[1]
	nodetest.Exec(t, primary, "CREATE DATABASE bulk", "CREATE TABLE bulk.t (id INT PRIMARY KEY AUTO_INCREMENT, b BLOB)",
		"INSERT INTO bulk.t (b) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT REPEAT(RANDOM_BYTES(1000), 60) FROM n")
	require.NoError(t, secondary.WaitFor(ctx, primary))
	n := nodetest.Open(t, servers, secondary)
	claim := nodetest.ClaimWith(t, n, nodetest.Options(t, servers, secondary))
	_, err := fence.Raise(ctx, claim)
	require.NoError(t, err)
	_, err = erasure.Erase(ctx, claim, erasure.Options{})
	require.NoError(t, err)
	clones := func() string {
		return nodetest.String(t, primary, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_COMMAND = 'Clone'")
	}
	const dumps = "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_COMMAND LIKE 'Binlog Dump%'"
	// A session that feeds a replica is at work as well, and ends some time after its replica is gone.
	beside := func() int { return look(t, ctx).Running - count(t, nodetest.String(t, primary, dumps)) }
	before := beside()
	account := clone.Account{User: servers.Accounts.Donor.User, Password: servers.Accounts.Donor.Password.Reveal()}
	seen := false
	_, err = clone.Run(ctx, claim, n, primary.PeerAddress(), account, clone.Options{ThrottleMiBps: 20, PollEvery: 50 * time.Millisecond}, func(p clone.Progress) {
		if seen || p.Stage != clone.StageFileCopy || clones() == "0" {
			return
		}
		seen = true
		require.LessOrEqual(t, beside(), before)
		require.NoError(t, clone.SetThrottle(ctx, n, 0))
	})
	require.NoError(t, err)
	require.True(t, seen, "the donor's clone sessions were met")
}

func count(t *testing.T, text string) (n int) {
	t.Helper()
	_, err := fmt.Sscan(text, &n)
	require.NoError(t, err)
	return n
}

func TestAServerThatDoesNotAnswerIsAStrainAndNoError(t *testing.T) {
	n := nodetest.Open(t, servers, servers.Primary())
	watch := pressure.NewWatch(pressure.Limiter{}, n)
	require.NoError(t, watch.Learn(t.Context()))
	first := watch.Next(t.Context(), 100, 0)
	require.Positive(t, first)
	require.NoError(t, n.Close())
	require.Less(t, watch.Next(t.Context(), 100, 0), first)
	require.True(t, watch.Limiter().Gauges[0].Unseen)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, pressure.NewWatch(pressure.Limiter{}, n).Learn(ctx), context.Canceled)
}
