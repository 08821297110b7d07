package clone_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/erasure"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// slow is a throttle at which the copy takes some ten seconds or more: long enough to be met by a fault. The data are more than the server
// copies before its first look at a limit, some 100 MiB on a fast machine.
const slow = 8

var fill = sync.OnceValue(func() error {
	return servers.Primary().Exec(context.Background(),
		"CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, b BLOB)",
		"SET SESSION cte_max_recursion_depth = 100000",
		"INSERT INTO app.t (b) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT REPEAT(RANDOM_BYTES(1000), 7) FROM n")
})

type recipient struct {
	server *sandbox.Node
	node   *node.Node
	donor  string
	before time.Time // by the recipient's own clock
}

func supervised(t *testing.T) recipient { return receive(t, servers.Nodes[1]) }
func bare(t *testing.T) recipient       { return receive(t, servers.Nodes[2]) }

func receive(t *testing.T, s *sandbox.Node) recipient {
	t.Helper()
	require.NoError(t, fill())
	r := recipient{server: s, node: nodetest.Open(t, servers, s), donor: servers.Primary().PeerAddress()}
	_, err := fence.Raise(t.Context(), r.claim(t))
	require.NoError(t, err)
	r.before, err = clone.UTCNow(t.Context(), r.node)
	require.NoError(t, err)
	return r
}

func (r recipient) claim(t *testing.T) *node.Claim {
	t.Helper()
	return nodetest.ClaimWith(t, r.node, nodetest.Options(t, servers, r.server))
}

func account() clone.Account {
	return clone.Account{User: servers.Accounts.Donor.User, Password: servers.Accounts.Donor.Password.Reveal()}
}

// start runs a slow clone in the background until it copies.
func (r recipient) start(t *testing.T, ctx context.Context, o clone.Options) (*node.Claim, <-chan ended) {
	t.Helper()
	c := r.claim(t)
	o.ThrottleMiBps, o.PollEvery = slow, 100*time.Millisecond
	copying, done := make(chan struct{}), make(chan ended, 1)
	var once sync.Once
	go func() {
		result, err := clone.Run(ctx, c, r.node, r.donor, account(), o, func(p clone.Progress) {
			if p.Stage == clone.StageFileCopy && p.Bytes > 0 {
				once.Do(func() { close(copying) })
			}
		})
		done <- ended{result, err}
	}()
	select {
	case <-copying:
	case e := <-done:
		t.Fatalf("ended before it copied: %v, %v", e.result, e.err)
	}
	return c, done
}

type ended struct {
	result clone.Result
	err    error
}

func (r recipient) waitOut(t *testing.T) clone.Status {
	t.Helper()
	status, err := clone.WaitOutRestart(t.Context(), r.node, r.donor, r.before, nil)
	require.NoError(t, err)
	return status
}

// requireCopy looks, without the package's own help, whether the data are the donor's and the node is fenced.
func (r recipient) requireCopy(t *testing.T) {
	t.Helper()
	const sum = "CHECKSUM TABLE app.t"
	read := func(s *sandbox.Node) (n string) {
		db, err := s.DB()
		require.NoError(t, err)
		var table string
		require.NoError(t, db.QueryRowContext(t.Context(), sum).Scan(&table, &n))
		return n
	}
	require.Equal(t, read(servers.Primary()), read(r.server))
	require.NoError(t, fence.Require(t.Context(), r.node))
}

// run clones to the end, without a throttle.
func (r recipient) run(t *testing.T) {
	t.Helper()
	result, err := clone.Run(t.Context(), r.claim(t), r.node, r.donor, account(), clone.Options{PollEvery: 50 * time.Millisecond}, nil)
	require.NoError(t, err)
	require.Equal(t, clone.Copied, result.Outcome)
	r.waitOut(t)
	r.requireCopy(t)
}

// whole clones only if the data are not there from an earlier test, and stands behind the fence.
func (r recipient) whole(t *testing.T) {
	t.Helper()
	if nodetest.String(t, r.server, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'app'") != "1" {
		r.run(t)
	}
	require.NoError(t, fence.Hold(t.Context(), r.claim(t)))
	r.requireCopy(t)
}

func TestCloneFromRehearsalToProof(t *testing.T) {
	r := supervised(t)
	c := r.claim(t)
	nodetest.Exec(t, r.server, "START REPLICA") // a rehearsal leaves replication as it is
	require.NoError(t, r.server.WaitFor(t.Context(), servers.Primary()))
	gtids := nodetest.String(t, r.server, "SELECT @@global.gtid_executed")
	require.NoError(t, clone.Rehearse(t.Context(), c, r.donor, account(), clone.Options{ThrottleMiBps: 7}))
	r.requireCopy(t)
	require.Equal(t, gtids, nodetest.String(t, r.server, "SELECT @@global.gtid_executed"))
	require.Equal(t, "1 ON ON", nodetest.String(t, r.server, `SELECT CONCAT_WS(' ', @@global.clone_valid_donor_list IS NULL,
		(SELECT SERVICE_STATE FROM performance_schema.replication_connection_status), (SELECT SERVICE_STATE FROM performance_schema.replication_applier_status))`))
	require.Equal(t, "0", nodetest.String(t, r.server, "SELECT @@global.clone_max_data_bandwidth"))

	_, err := erasure.Erase(t.Context(), c, erasure.Options{})
	require.NoError(t, err)
	var seen []clone.Progress
	result, err := clone.Run(t.Context(), c, r.node, r.donor, account(), clone.Options{PollEvery: 50 * time.Millisecond, ThrottleMiBps: 40}, func(p clone.Progress) { seen = append(seen, p) })
	require.NoError(t, err)
	require.Equal(t, clone.Copied, result.Outcome)
	require.Greater(t, result.Bytes, int64(20<<20))
	require.ErrorIs(t, c.Exec(t.Context(), "use it again", "DO 1"), node.ErrClaimLost)
	require.Greater(t, len(seen), 3)
	last := seen[len(seen)-1]
	require.Equal(t, result.Bytes, last.Bytes)
	require.GreaterOrEqual(t, last.Total, last.Bytes)

	waits := 0
	status, err := clone.WaitOutRestart(t.Context(), r.node, r.donor, r.before, func(error) { waits++ })
	require.NoError(t, err)
	require.Positive(t, waits)
	require.Equal(t, node.CleanGTIDSet(nodetest.String(t, r.server, "SELECT @@global.gtid_executed")), status.GTIDExecuted)
	require.False(t, status.Running())
	require.Equal(t, clone.Whole, status.Data())
	require.False(t, status.Begin.Before(r.before.Truncate(time.Millisecond)))
	r.requireCopy(t)

	// A record that is not this run's is no success.
	later, err := clone.UTCNow(t.Context(), r.node)
	require.NoError(t, err)
	var notOurs *clone.NotOursError
	_, err = clone.WaitOutRestart(t.Context(), r.node, r.donor, later, nil)
	require.ErrorAs(t, err, &notOurs)
	_, err = clone.WaitOutRestart(t.Context(), r.node, "127.0.0.1:1", r.before, nil)
	require.ErrorAs(t, err, &notOurs)
}
