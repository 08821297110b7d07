package channel_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
)

// background is for what a Cleanup does, when the test's own context has ended.
var background = context.Background()

func sprint(verb string) string { return fmt.Sprintf(verb, source()) }

func executed(t *testing.T) string {
	t.Helper()
	return nodetest.String(t, servers.Primary(), "SELECT @@global.gtid_executed")
}

func TestCatchUpSaysHowFarItIs(t *testing.T) {
	s := usual(t)
	n := nodetest.Open(t, servers, s)
	nodetest.Exec(t, s, "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=4", "START REPLICA SQL_THREAD")
	nodetest.Exec(t, servers.Primary(), "CREATE DATABASE slowly", "DROP DATABASE slowly")
	var seen []channel.CatchUpProgress
	require.NoError(t, channel.CatchUp(t.Context(), n, executed(t), func(p channel.CatchUpProgress) { seen = append(seen, p) }))
	require.NotEmpty(t, seen)
	require.EqualValues(t, 2, seen[0].MissingCount)
	require.NotEmpty(t, seen[0].Missing)
	require.NoError(t, channel.CatchUp(t.Context(), n, executed(t), func(channel.CatchUpProgress) { t.Error("nothing is missing") }))
}

func TestCatchUpNamesWhatStopsIt(t *testing.T) {
	p := servers.Primary()
	t.Run("no channel", func(t *testing.T) {
		s := usual(t)
		nodetest.Exec(t, s, "STOP REPLICA", "RESET REPLICA ALL")
		nodetest.Exec(t, p, "CREATE DATABASE IF NOT EXISTS one", "DROP DATABASE one")
		require.ErrorIs(t, channel.CatchUp(t.Context(), nodetest.Open(t, servers, s), executed(t), nil), channel.ErrNoChannel)
	})
	t.Run("stopped by somebody", func(t *testing.T) {
		s := usual(t)
		nodetest.Exec(t, s, "STOP REPLICA SQL_THREAD")
		nodetest.Exec(t, p, "CREATE DATABASE IF NOT EXISTS one", "DROP DATABASE one")
		require.ErrorIs(t, channel.CatchUp(t.Context(), nodetest.Open(t, servers, s), executed(t), nil), channel.ErrStopped)
	})
	t.Run("a transaction that cannot be applied", func(t *testing.T) {
		s := usual(t)
		nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "CREATE DATABASE clash", "SET GLOBAL super_read_only = ON")
		nodetest.Exec(t, p, "CREATE DATABASE clash")
		t.Cleanup(func() {
			nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "DROP DATABASE clash", "SET GLOBAL super_read_only = ON", "START REPLICA")
			nodetest.Exec(t, p, "DROP DATABASE clash")
		})
		err := channel.CatchUp(t.Context(), nodetest.Open(t, servers, s), executed(t), nil)
		var applier *channel.ApplierError
		require.ErrorAs(t, err, &applier)
		require.Equal(t, 1007, applier.Errno)
		require.Contains(t, applier.Text, "clash")
		require.Contains(t, applier.GTID, nodetest.UUID(t, p))
	})
	t.Run("a password that is refused", func(t *testing.T) {
		s := usual(t)
		c := nodetest.Claim(t, servers, s)
		require.NoError(t, channel.Forget(t.Context(), c)) // a channel that runs shows that its password is right
		wrong := source()
		wrong.Password = "not-the-password"
		require.NoError(t, channel.Follow(t.Context(), c, wrong, channel.Note{}))
		nodetest.Exec(t, p, "CREATE DATABASE IF NOT EXISTS one", "DROP DATABASE one")
		err := channel.CatchUp(t.Context(), c, executed(t), nil)
		var receiver *channel.ReceiverError
		require.ErrorAs(t, err, &receiver)
		require.Equal(t, channel.Refused, receiver.Problem)
		require.NotContains(t, err.Error(), wrong.Password)
	})
	t.Run("a source that cannot be reached is waited for", func(t *testing.T) {
		s := usual(t)
		nodetest.Exec(t, s, "STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_PORT=1", "START REPLICA")
		nodetest.Exec(t, p, "CREATE DATABASE IF NOT EXISTS one", "DROP DATABASE one")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := channel.CatchUp(ctx, nodetest.Open(t, servers, s), executed(t), func(p channel.CatchUpProgress) {
			if p.Waiting != "" {
				cancel()
			}
		})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// 13114 stands for two opposite troubles; the text tells them apart.
func TestCatchUpTellsAPurgedSourceFromOneThatWentBack(t *testing.T) {
	p, s := servers.Primary(), usual(t)
	n := nodetest.Open(t, servers, s)
	id, err := n.Identity(t.Context())
	require.NoError(t, err)
	heal := func() {
		nodetest.Exec(t, s, "STOP REPLICA", "RESET REPLICA ALL", id.Version.ResetBinaryLogs(), "SET GLOBAL gtid_purged = '"+executed(t)+"'")
		follow(t, s)
	}
	var receiver *channel.ReceiverError

	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET GTID_NEXT = '"+nodetest.UUID(t, p)+":999999'", "BEGIN", "COMMIT", "SET GTID_NEXT = AUTOMATIC", "SET GLOBAL super_read_only = ON", "STOP REPLICA", "START REPLICA")
	nodetest.Exec(t, p, "CREATE DATABASE IF NOT EXISTS one", "DROP DATABASE one")
	require.ErrorAs(t, channel.CatchUp(t.Context(), n, executed(t), nil), &receiver)
	require.Equal(t, channel.SourceBehind, receiver.Problem)
	heal()

	nodetest.Exec(t, p, "CREATE DATABASE IF NOT EXISTS one", "DROP DATABASE one", "FLUSH BINARY LOGS")
	require.NoError(t, s.WaitFor(t.Context(), p))
	nodetest.Exec(t, p, "PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
	nodetest.Exec(t, s, "STOP REPLICA", "RESET REPLICA", id.Version.ResetBinaryLogs(), "START REPLICA")
	require.ErrorAs(t, channel.CatchUp(t.Context(), n, executed(t), nil), &receiver)
	require.Equal(t, channel.SourcePurged, receiver.Problem)
	heal()
}
