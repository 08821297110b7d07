package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestEventsAndChannelSurvive: after a resync the primary's events are disabled on the secondary with their definers kept, and the
// channel has the options it had.
func TestEventsAndChannelSurvive(t *testing.T) {
	startWorker(t)
	secondary := node("db3")
	require.NoError(t, secondary.Exec(t.Context(), "STOP REPLICA",
		"CHANGE REPLICATION SOURCE TO SOURCE_CONNECT_RETRY=7, SOURCE_RETRY_COUNT=77, SOURCE_HEARTBEAT_PERIOD=3.5, SOURCE_COMPRESSION_ALGORITHMS='zstd,uncompressed'",
		"START REPLICA"))
	const channel = `SELECT CONCAT_WS(' ', HOST, PORT, USER, CONNECTION_RETRY_INTERVAL, CONNECTION_RETRY_COUNT, HEARTBEAT_INTERVAL, COMPRESSION_ALGORITHM, AUTO_POSITION)
		FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''`
	before, err := secondary.QueryString(t.Context(), channel)
	require.NoError(t, err)

	requireOutcome(t, contract.OutcomeSucceeded, finish(t, start(t, "events", resync("db3"))))

	after, err := secondary.QueryString(t.Context(), channel)
	require.NoError(t, err)
	require.Equal(t, before, after)
	const events = "SELECT GROUP_CONCAT(CONCAT_WS(' ', EVENT_SCHEMA, EVENT_NAME, DEFINER, INTERVAL_VALUE, INTERVAL_FIELD) ORDER BY EVENT_NAME) FROM information_schema.EVENTS"
	want, err := lab.cluster.Primary().QueryString(t.Context(), events)
	require.NoError(t, err)
	require.NotEmpty(t, want)
	got, err := secondary.QueryString(t.Context(), events)
	require.NoError(t, err)
	require.Equal(t, want, got)
	status, err := secondary.QueryString(t.Context(), "SELECT GROUP_CONCAT(DISTINCT STATUS) FROM information_schema.EVENTS")
	require.NoError(t, err)
	require.Equal(t, "REPLICA_SIDE_DISABLED", status)
	requireHealthy(t, secondary)
}
