package clone_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/netfault"
)

// probed is a primary and a following secondary in service, of its own: other tests leave theirs fenced.
type probed struct {
	*sandbox.Cluster
	primary, secondary *sandbox.Node
	node               *node.Node
	donor              string
}

func probing(t *testing.T) probed {
	t.Helper()
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{{Links: true}, {Links: true}}})
	p := probed{Cluster: c, primary: c.Primary(), secondary: c.Nodes[1], node: nodetest.Open(t, c, c.Nodes[1]), donor: c.Primary().PeerAddress()}
	nodetest.Exec(t, p.primary, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY)", "INSERT INTO app.t VALUES (1), (2), (3)")
	require.NoError(t, p.secondary.WaitFor(t.Context(), p.primary))
	return p
}

func (p probed) claim(t *testing.T) *node.Claim {
	t.Helper()
	return nodetest.ClaimWith(t, p.node, nodetest.Options(t, p.Cluster, p.secondary))
}

// state is everything of the secondary that a probe must leave alone.
func (p probed) state(t *testing.T) string {
	t.Helper()
	return nodetest.String(t, p.secondary, `SELECT CONCAT_WS(' ', @@global.gtid_executed, @@global.super_read_only, @@global.read_only,
		COALESCE(@@global.clone_valid_donor_list, 'NULL'), (SELECT GROUP_CONCAT(id ORDER BY id) FROM app.t),
		(SELECT SERVICE_STATE FROM performance_schema.replication_connection_status),
		(SELECT SERVICE_STATE FROM performance_schema.replication_applier_status),
		(SELECT GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE) FROM performance_schema.persisted_variables),
		(SELECT GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY 1) FROM performance_schema.global_variables WHERE VARIABLE_NAME LIKE 'clone%'))`)
}

// requireFollowing shows that replication not only says that it runs.
func (p probed) requireFollowing(t *testing.T) {
	t.Helper()
	nodetest.Exec(t, p.primary, "INSERT INTO app.t SELECT MAX(id) + 1 FROM app.t")
	require.NoError(t, p.secondary.WaitFor(t.Context(), p.primary))
	require.Equal(t, nodetest.String(t, p.primary, "SELECT COUNT(*) FROM app.t"), nodetest.String(t, p.secondary, "SELECT COUNT(*) FROM app.t"))
}

func (p probed) probe(t *testing.T, donor string) clone.Path {
	t.Helper()
	before := p.state(t)
	c := p.claim(t)
	defer c.Close()
	path, err := clone.Probe(t.Context(), c, p.node, donor, clone.Options{})
	require.NoError(t, err)
	require.NoError(t, c.Lost())
	require.Equal(t, before, p.state(t), "a probe changes nothing")
	return path
}

func TestAProbeProvesThePathAndChangesNothing(t *testing.T) {
	p := probing(t)
	path := p.probe(t, p.donor)
	require.Equal(t, clone.Path{Proven: true, Number: 1045, What: "it answers, and refuses an account that does not exist"}, path)
	require.Equal(t, "Failed /dev/null/clusterresync-probe/ 3862", nodetest.String(t, p.secondary,
		"SELECT CONCAT_WS(' ', STATE, DESTINATION, ERROR_NO) FROM performance_schema.clone_status"))
	p.requireFollowing(t)

	t.Run("whatever the donor list says", func(t *testing.T) {
		for _, list := range []string{"'other.example:3306'", "'" + strings.ToUpper(p.donor) + "'", "'other.example:3306," + p.donor + "'"} {
			nodetest.Exec(t, p.secondary, "SET GLOBAL clone_valid_donor_list = "+list)
			require.True(t, p.probe(t, p.donor).Proven, list)
		}
		nodetest.Exec(t, p.secondary, "SET PERSIST clone_valid_donor_list = 'kept.example:3306'")
		require.True(t, p.probe(t, p.donor).Proven)
		require.Equal(t, "kept.example:3306", nodetest.String(t, p.secondary,
			"SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = 'clone_valid_donor_list'"))
		nodetest.Exec(t, p.secondary, "RESET PERSIST clone_valid_donor_list", "SET GLOBAL clone_valid_donor_list = NULL")
	})
	t.Run("with TLS", func(t *testing.T) {
		path, err := clone.Probe(t.Context(), p.claim(t), p.node, p.donor, clone.Options{RequireSSL: true})
		require.NoError(t, err)
		require.True(t, path.Proven)
	})
	t.Run("a name that does not resolve", func(t *testing.T) {
		path := p.probe(t, "no-such-host.invalid:3306")
		require.True(t, path.Broken && !path.Proven)
		require.EqualValues(t, 2005, path.Number)
		require.Contains(t, path.What, "no-such-host.invalid")
	})
	t.Run("a closed port", func(t *testing.T) {
		path := p.probe(t, "127.0.0.1:1")
		require.True(t, path.Broken && !path.Proven)
		require.EqualValues(t, 2003, path.Number)
	})
	p.requireFollowing(t)
}

// TestAProbeThatIsLetInStillCannotClone (I2): as if the donor let anybody in and held BACKUP_ADMIN back from nobody, and with a recipient
// that is open to writes. Nothing is left that might stop a clone but the form of the statement.
func TestAProbeThatIsLetInStillCannotClone(t *testing.T) {
	p := probing(t)
	starts := func() string {
		return nodetest.String(t, p.secondary, "SELECT COUNT(*) FROM performance_schema.error_log WHERE ERROR_CODE = 'MY-010931'")
	}
	nodetest.Exec(t, p.secondary, "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF")
	before, started := p.state(t), starts()
	let := func(a sandbox.Account) clone.Path {
		path, err := clone.ProbeAs(t.Context(), p.claim(t), p.node, p.donor, clone.Account{User: a.User, Password: a.Password.Reveal()})
		require.NoError(t, err)
		require.Equal(t, before, p.state(t))
		return path
	}
	path := let(p.Accounts.Donor)
	require.True(t, path.Proven && path.Stranger, "%+v", path)
	require.EqualValues(t, 1006, path.Number)

	path = let(p.Accounts.Replication)
	require.True(t, path.Proven && path.Stranger, "%+v", path)
	require.EqualValues(t, 1227, path.Number)
	require.Equal(t, started, starts(), "it was not restarted")
	p.requireFollowing(t)
}

// TestAProbeOfASilentDonor: whoever answers nothing at all is found silent by the server itself, and a probe whose caller has gone leaves
// neither its donor list nor its session.
func TestAProbeOfASilentDonor(t *testing.T) {
	p := probing(t)
	nodetest.Exec(t, p.secondary, "SET GLOBAL clone_valid_donor_list = 'former.example:1'")
	require.NoError(t, p.primary.PeerLink.Freeze(netfault.BothWays))
	t.Cleanup(func() { require.NoError(t, p.primary.PeerLink.Heal()) })

	path := p.probe(t, p.donor)
	require.True(t, path.Broken && !path.Proven)
	require.EqualValues(t, 2013, path.Number)

	before := p.state(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := p.claim(t)
	ended := make(chan error, 1)
	go func() {
		_, err := clone.Probe(ctx, c, p.node, p.donor, clone.Options{})
		ended <- err
	}()
	require.Eventually(t, func() bool {
		return nodetest.String(t, p.secondary, "SELECT COUNT(*) FROM performance_schema.clone_status WHERE STATE = 'In Progress'") == "1"
	}, time.Minute, 20*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, before, p.state(t))
	require.ErrorIs(t, c.Lost(), node.ErrClaimLost)
	// The server hears of the KILL when its own wait for the donor ends; then the next attempt gets it.
	require.Eventually(t, func() bool {
		return nodetest.String(t, p.secondary, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_ID = ?", c.ConnectionID()) == "0"
	}, time.Minute, 100*time.Millisecond)
	require.NoError(t, p.primary.PeerLink.Heal())
	require.True(t, p.probe(t, p.donor).Proven)
}

func TestAProbeNeedsThePlugin(t *testing.T) {
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{{}, {Settings: []string{"clone=OFF"}}}})
	n := nodetest.Open(t, c, c.Nodes[1])
	path, err := clone.Probe(t.Context(), nodetest.ClaimWith(t, n, nodetest.Options(t, c, c.Nodes[1])), n, c.Primary().PeerAddress(), clone.Options{})
	require.NoError(t, err)
	require.False(t, path.Proven || path.Broken)
	require.EqualValues(t, 1524, path.Number)
}

func TestAProbeRefusesAnAddressThatNoListCanHold(t *testing.T) {
	p := probing(t)
	_, err := clone.Probe(t.Context(), p.claim(t), p.node, "[::1]:3306", clone.Options{})
	require.ErrorContains(t, err, "IPv6")
}
