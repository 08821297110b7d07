package clone_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
)

func failure(t *testing.T, err error) *clone.Failure {
	t.Helper()
	var f *clone.Failure
	require.True(t, errors.As(err, &f), "%v", err)
	require.NotContains(t, err.Error(), servers.Accounts.Donor.Password.Reveal())
	return f
}

func TestARehearsalFindsWhatWouldFail(t *testing.T) {
	r := supervised(t)
	r.whole(t)
	c := r.claim(t)
	require.NoError(t, r.server.Exec(t.Context(), "SET GLOBAL clone_valid_donor_list = 'former:1'"))
	for name, tc := range map[string]struct {
		donor   string
		account clone.Account
		kind    clone.Kind
		inner   uint16
	}{
		"wrong password": {r.donor, clone.Account{User: account().User, Password: "another-secret"}, clone.DonorRefused, 1045},
		"no privilege":   {r.donor, clone.Account{User: servers.Accounts.Replication.User, Password: servers.Accounts.Replication.Password.Reveal()}, clone.DonorRefused, 1227},
		"closed port":    {"127.0.0.1:1", account(), clone.DonorLost, 2003},
		"unknown host":   {"no-such-host.invalid:3306", account(), clone.DonorLost, 2005},
	} {
		err := clone.Rehearse(t.Context(), c, tc.donor, tc.account, clone.Options{})
		f := failure(t, err)
		require.Equal(t, tc.kind, f.Kind, "%s: %v", name, err)
		require.Equal(t, tc.inner, f.Inner, name)
		require.Equal(t, clone.Untouched, f.Data, name)
		require.NotContains(t, err.Error(), "another-secret")
	}
	require.Equal(t, "former:1", nodetest.String(t, r.server, "SELECT @@global.clone_valid_donor_list"))
	require.NoError(t, clone.Rehearse(t.Context(), c, r.donor, account(), clone.Options{}))
	r.requireCopy(t)

	nodetest.Exec(t, r.server, "SET GLOBAL super_read_only = OFF")
	require.ErrorIs(t, clone.Rehearse(t.Context(), c, r.donor, account(), clone.Options{}), fence.ErrNotFenced)
	for _, donor := range []string{"[::1]:3306", "host", "a b:1", "h:0", "h:70000"} {
		require.Error(t, clone.Rehearse(t.Context(), c, donor, account(), clone.Options{}), donor)
	}
	nodetest.Exec(t, r.server, "SET GLOBAL super_read_only = ON")
	r.requireCopy(t)
}

func TestNeitherRunsWithoutTheFence(t *testing.T) {
	r := supervised(t)
	c := r.claim(t)
	nodetest.Exec(t, r.server, "SET PERSIST offline_mode = OFF")
	_, err := clone.Run(t.Context(), c, r.node, r.donor, account(), clone.Options{}, nil)
	require.ErrorIs(t, err, fence.ErrNotFenced)
	require.ErrorIs(t, clone.Rehearse(t.Context(), c, r.donor, account(), clone.Options{}), fence.ErrNotFenced)
}

// The client's context ends in mid-clone: the clone goes on, is found by the next attempt, its throttle is taken away, and it is
// joined to its end. Nobody else's cluster may take it, and nothing starts a second one.
func TestACloneThatOutlivesItsClientIsJoined(t *testing.T) {
	r := supervised(t)
	ctx, cancel := context.WithCancel(t.Context())
	c, done := r.start(t, ctx, clone.Options{})
	cancel()
	var detached *clone.DetachedError
	require.ErrorAs(t, (<-done).err, &detached)
	require.ErrorIs(t, detached, context.Canceled)
	require.Equal(t, c.ConnectionID(), detached.PID)
	require.ErrorIs(t, c.Exec(t.Context(), "use it again", "DO 1"), node.ErrClaimLost)

	first, err := clone.ReadStatus(t.Context(), r.node)
	require.NoError(t, err)
	require.True(t, first.Running())
	_, err = r.node.Claim(t.Context(), nodetest.Options(t, servers, r.server))
	var running *node.CloneRunningError
	require.ErrorAs(t, err, &running)
	require.Equal(t, detached.PID, running.Holder.ConnectionID)
	require.Equal(t, nodetest.Run, running.Holder.Run())
	other := nodetest.Options(t, servers, r.server)
	other.Cluster = "another-name"
	_, err = r.node.Claim(t.Context(), other)
	var held *node.HeldByOtherError
	require.ErrorAs(t, err, &held)

	require.NoError(t, clone.SetThrottle(t.Context(), r.node, 0))
	var looks int
	result, err := clone.Join(t.Context(), r.node, clone.Options{PollEvery: 50 * time.Millisecond}, func(clone.Progress) { looks++ })
	require.NoError(t, err)
	require.Equal(t, clone.Gone, result.Outcome)
	require.Positive(t, looks)
	status := r.waitOut(t)
	require.Equal(t, first.Begin, status.Begin)
	r.requireCopy(t)
	_, err = clone.Join(t.Context(), r.node, clone.Options{}, nil)
	require.ErrorIs(t, err, clone.ErrNoneRuns)
}

func TestTheWorkersConnectionBreaksInMidClone(t *testing.T) {
	r := supervised(t)
	_, done := r.start(t, t.Context(), clone.Options{})
	require.NoError(t, r.server.WorkerLink.Drop())
	var detached *clone.DetachedError
	require.ErrorAs(t, (<-done).err, &detached)
	// The other connections of the pool broke as well, and each is found out when it is used.
	require.Eventually(t, func() bool { return clone.SetThrottle(t.Context(), r.node, 0) == nil }, time.Minute, 10*time.Millisecond)
	result, err := clone.Join(t.Context(), r.node, clone.Options{PollEvery: 50 * time.Millisecond}, nil)
	require.NoError(t, err)
	require.Equal(t, clone.Gone, result.Outcome)
	r.waitOut(t)
	r.requireCopy(t)
}

func TestALockInTheWayIsALockWait(t *testing.T) {
	r := supervised(t)
	r.whole(t)
	reader, err := r.node.DB().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var n int
	require.NoError(t, reader.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM app.t").Scan(&n))
	_, err = clone.Run(t.Context(), r.claim(t), r.node, r.donor, account(), clone.Options{LockWaitSeconds: 1}, nil)
	f := failure(t, err)
	require.Equal(t, clone.LockWait, f.Kind)
	require.Equal(t, clone.Partial, f.Data)
	require.NoError(t, reader.Rollback())
}

// Without a supervisor 3707 is a success that waits for somebody to start the server.
func TestAnUnsupervisedRecipientNeedsAStart(t *testing.T) {
	r := bare(t)
	result, err := clone.Run(t.Context(), r.claim(t), r.node, r.donor, account(), clone.Options{PollEvery: 50 * time.Millisecond}, nil)
	require.NoError(t, err)
	require.Equal(t, clone.CopiedNeedsStart, result.Outcome)
	started := false
	status, err := clone.WaitOutRestart(t.Context(), r.node, r.donor, r.before, func(why error) {
		if !started && !r.server.Running() {
			started = true
			require.NoError(t, r.server.Start())
		}
	})
	require.NoError(t, err)
	require.True(t, started)
	require.Equal(t, clone.Completed, status.State)
	r.requireCopy(t)
}

func TestARecipientKilledInMidCloneIsNoSuccess(t *testing.T) {
	r := supervised(t)
	_, done := r.start(t, t.Context(), clone.Options{})
	require.NoError(t, r.server.Kill9())
	var detached *clone.DetachedError
	require.ErrorAs(t, (<-done).err, &detached)
	status, err := clone.WaitOutRestart(t.Context(), r.node, r.donor, r.before, nil)
	f := failure(t, err)
	require.Equal(t, clone.Killed, f.Kind)
	require.Equal(t, clone.Empty, f.Data)
	require.False(t, status.Running())
	require.NoError(t, fence.Require(t.Context(), r.node))
	r.run(t)
}

func TestADonorThatDiesIsNotWaitedForLong(t *testing.T) {
	r := supervised(t)
	primary := servers.Primary()
	donor := nodetest.Open(t, servers, primary)
	const threads = "SELECT @@global.clone_max_concurrency"
	before := nodetest.String(t, r.server, threads)
	c, done := r.start(t, t.Context(), clone.Options{StallAfter: 2 * time.Second, DonorAnswers: donor.Ping})
	require.Equal(t, "1", nodetest.String(t, r.server, threads), "a low limit is kept by one thread")
	require.NoError(t, primary.Kill9AndStayDown(t.Context()))
	f := failure(t, (<-done).err)
	require.NoError(t, primary.Start())
	require.NoError(t, primary.WaitReady(t.Context()))
	require.Contains(t, []clone.Kind{clone.DonorLost, clone.Killed}, f.Kind)
	require.True(t, f.Transient())
	require.GreaterOrEqual(t, f.Stalled, 2)
	require.Equal(t, clone.Empty, f.Data)
	require.NoError(t, c.Confirm(t.Context()), "the claim must have survived")
	require.NoError(t, fence.Require(t.Context(), c), "super_read_only must be on again")
	require.Equal(t, before, nodetest.String(t, r.server, threads))
}

// A clone that outlived its worker is not waited for any longer than one of our own when its donor has died.
func TestAJoinedCloneWhoseDonorDiesIsEndedToo(t *testing.T) {
	r := supervised(t)
	ctx, leave := context.WithCancel(t.Context())
	_, done := r.start(t, ctx, clone.Options{})
	leave()
	var detached *clone.DetachedError
	require.ErrorAs(t, (<-done).err, &detached)
	primary := servers.Primary()
	donor := nodetest.Open(t, servers, primary)
	require.NoError(t, primary.Kill9AndStayDown(t.Context()))
	_, err := clone.Join(t.Context(), r.node, clone.Options{
		PollEvery: 100 * time.Millisecond, StallAfter: 2 * time.Second, DonorAnswers: donor.Ping,
	}, nil)
	require.NoError(t, primary.Start())
	require.NoError(t, primary.WaitReady(t.Context()))
	f := failure(t, err)
	require.GreaterOrEqual(t, f.Stalled, 2)
	require.True(t, f.Transient())
}

func TestAnOperatorsKill(t *testing.T) {
	r := supervised(t)
	killed, err := clone.Kill(t.Context(), r.node)
	require.NoError(t, err)
	require.False(t, killed)
	_, done := r.start(t, t.Context(), clone.Options{})

	// Meanwhile the donor is busy for everybody else, and the recipient is for its own second clone.
	third := bare(t)
	f := failure(t, clone.Rehearse(t.Context(), third.claim(t), third.donor, account(), clone.Options{}))
	require.Equal(t, clone.DonorBusy, f.Kind)
	require.Equal(t, clone.Untouched, f.Data)
	require.True(t, f.Transient())

	killed, err = clone.Kill(t.Context(), r.node)
	require.NoError(t, err)
	require.True(t, killed)
	f = failure(t, (<-done).err)
	require.Equal(t, clone.Killed, f.Kind)
	require.Equal(t, clone.Empty, f.Data)
	status, err := fence.State(t.Context(), r.node)
	require.NoError(t, err)
	require.Equal(t, fence.Ours, status.Owner)
}

func TestABadThrottleIsRefused(t *testing.T) {
	r := supervised(t)
	require.Error(t, clone.SetThrottle(t.Context(), r.node, -1))
	require.Error(t, clone.SetThrottle(t.Context(), r.node, clone.MaxThrottle+1))
	require.NoError(t, clone.SetThrottle(t.Context(), r.node, clone.MaxThrottle))
	_, err := clone.Run(t.Context(), r.claim(t), r.node, r.donor, account(), clone.Options{ThrottleMiBps: -1}, nil)
	require.Error(t, err)
}
