package check_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/node"
)

// TestTheFloorIsJudgedByWhoServesNow (I9): not by what the plan saw.
func TestTheFloorIsJudgedByWhoServesNow(t *testing.T) {
	primary := ask(t, "db1", "SELECT @@server_uuid")
	look := func(name string) (*node.Node, error) {
		address := "127.0.0.1:1"
		if n := servers.Node(name); n != nil {
			address = n.WorkerAddress()
		}
		return node.Open(node.Endpoint{
			Name: name, Address: address, User: servers.Accounts.Admin.User, Password: servers.Accounts.Admin.Password.Reveal(),
		})
	}
	keeps := func(floor int, others ...string) error {
		return check.KeepsFloor(t.Context(), "db2", primary, floor, others, look)
	}
	serves := func(name string) bool {
		serves, err := check.ServesNow(t.Context(), name, primary, look)
		require.NoError(t, err)
		return serves
	}
	connected(t)
	require.True(t, serves("db3"))
	require.False(t, serves("gone"))
	require.False(t, serves("db1"), "the primary")
	require.NoError(t, keeps(0))
	require.NoError(t, keeps(1, "db3"))
	require.NoError(t, keeps(1, "db3", "gone"), "once enough serve nobody else is asked")
	var few *check.FloorError
	require.ErrorAs(t, keeps(2, "gone", "db3", "db1"), &few)
	require.Equal(t, 1, few.Serving)
	require.Contains(t, few.Error(), "serve beside it: 1, wanted while it is out of service: 2 (gone: ")
	require.Contains(t, few.Error(), "db1: it does not follow the primary")

	for broken, test := range map[string]struct{ mended, why string }{
		"STOP REPLICA":                 {"START REPLICA", "db3: replication stopped"},
		"STOP REPLICA IO_THREAD":       {"START REPLICA", "db3: receiver stopped"},
		"SET GLOBAL offline_mode = ON": {"SET GLOBAL offline_mode = OFF", "db3: it is in offline mode"},
		"STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 3600; START REPLICA": {
			"STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0; START REPLICA", "db3: it is kept 3600 s behind on purpose"},
	} {
		t.Run(broken, func(t *testing.T) {
			as(t, "db3", strings.Split(broken, "; ")...)
			err, served := keeps(1, "db3"), serves("db3")
			as(t, "db3", strings.Split(test.mended, "; ")...)
			connected(t)
			require.ErrorAs(t, err, &few)
			require.Contains(t, few.Error(), test.why)
			require.False(t, served)
			require.NoError(t, keeps(1, "db3"))
		})
	}
}
