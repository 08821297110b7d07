package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/node"
)

// TestTheFloorIsJudgedByWhoServesNow (I9): not by what the plan saw.
func TestTheFloorIsJudgedByWhoServesNow(t *testing.T) {
	primary := ask(t, "db1", "SELECT @@server_uuid")
	keeps := func(floor int, others ...string) error {
		return check.KeepsFloor(t.Context(), "db2", primary, floor, others, func(name string) (*node.Node, error) {
			address := "127.0.0.1:1"
			if n := servers.Node(name); n != nil {
				address = n.WorkerAddress()
			}
			return node.Open(node.Endpoint{
				Name: name, Address: address, User: servers.Accounts.Admin.User, Password: servers.Accounts.Admin.Password.Reveal(),
			})
		})
	}
	connected(t)
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
	} {
		t.Run(broken, func(t *testing.T) {
			as(t, "db3", broken)
			err := keeps(1, "db3")
			as(t, "db3", test.mended)
			connected(t)
			require.ErrorAs(t, err, &few)
			require.Contains(t, few.Error(), test.why)
			require.NoError(t, keeps(1, "db3"))
		})
	}
}
