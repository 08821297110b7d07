package clone_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// TestARehearsalWithoutASchemaIsRefused (I2): super_read_only stops a clone at the drop of the first user schema, an empty one
// included. Where there is none, nothing would stop it.
func TestARehearsalWithoutASchemaIsRefused(t *testing.T) {
	cluster := sandbox.ForTest(t, sandbox.Options{Nodes: sandbox.Nodes(2)})
	secondary := cluster.Nodes[1]
	account := clone.Account{User: cluster.Accounts.Donor.User, Password: cluster.Accounts.Donor.Password.Reveal()}
	donor := cluster.Primary().PeerAddress()
	record := func() string {
		return nodetest.String(t, secondary, "SELECT COUNT(*) FROM performance_schema.clone_status WHERE STATE <> 'Failed'")
	}
	claim := nodetest.Claim(t, cluster, secondary)
	_, err := fence.Raise(t.Context(), claim)
	require.NoError(t, err)

	require.ErrorIs(t, clone.Rehearse(t.Context(), claim, donor, account, clone.Options{}), clone.ErrNothingStopsIt)
	require.Equal(t, "0", record(), "no clone ran")

	nodetest.Exec(t, secondary, "SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF", "CREATE DATABASE empty_one", "SET GLOBAL super_read_only = ON")
	require.NoError(t, clone.Rehearse(t.Context(), claim, donor, account, clone.Options{}))
	require.Equal(t, "0", record(), "no clone ran")
	require.Equal(t, "1", nodetest.String(t, secondary, "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'empty_one'"))
}
