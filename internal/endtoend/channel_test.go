package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestTheChannelKeepsItsOptions: a deliberately delayed secondary is refused, and on consent resynced, with every option of its channel as
// before. (A filtered one is never equal to its primary, and is refused.)
func TestTheChannelKeepsItsOptions(t *testing.T) {
	startWorker(t)
	change := func(options string) {
		require.NoError(t, node("db2").Exec(t.Context(), "STOP REPLICA", "CHANGE REPLICATION SOURCE TO "+options, "START REPLICA"))
	}
	former := stateOf(t, node("db2")).channel
	change(`SOURCE_DELAY = 3, SOURCE_CONNECT_RETRY = 7, SOURCE_RETRY_COUNT = 77, SOURCE_HEARTBEAT_PERIOD = 11.5, SOURCE_SSL = 1,
		SOURCE_TLS_VERSION = 'TLSv1.2,TLSv1.3', SOURCE_COMPRESSION_ALGORITHMS = 'zstd,uncompressed', SOURCE_ZSTD_COMPRESSION_LEVEL = 5,
		REQUIRE_ROW_FORMAT = 1, REQUIRE_TABLE_PRIMARY_KEY_CHECK = OFF`)
	before := stateOf(t, node("db2"))

	report := finish(t, start(t, "delayed", resync("db2")))
	requireOutcome(t, contract.OutcomeRefused, report)
	require.Equal(t, contract.PreconditionError("delayed-replica"), report.ErrorType)
	require.Equal(t, before, stateOf(t, node("db2")))

	request := resync("db2")
	request.DelayedReplicas = contract.DelayedResync
	report = finish(t, start(t, "delayed", request))
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.Equal(t, before.channel, stateOf(t, node("db2")).channel)

	change(`SOURCE_DELAY = 0, SOURCE_CONNECT_RETRY = ` + former.Options["SOURCE_CONNECT_RETRY"] + `, SOURCE_RETRY_COUNT = ` +
		former.Options["SOURCE_RETRY_COUNT"] + `, SOURCE_HEARTBEAT_PERIOD = ` + former.Options["SOURCE_HEARTBEAT_PERIOD"] + `, SOURCE_SSL = ` +
		former.Options["SOURCE_SSL"] + `, SOURCE_TLS_VERSION = '', SOURCE_COMPRESSION_ALGORITHMS = 'uncompressed', SOURCE_ZSTD_COMPRESSION_LEVEL = 3,
		REQUIRE_ROW_FORMAT = 0, REQUIRE_TABLE_PRIMARY_KEY_CHECK = STREAM`)
	requireHealthy(t, node("db2"))
}
