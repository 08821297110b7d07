package scale

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestPayloadsAreNoSmallerThanReal holds what the stand-ins answer to what the activities answered in runs on real servers, which are kept
// for the replay tests: figures of lighter payloads would flatter.
func TestPayloadsAreNoSmallerThanReal(t *testing.T) {
	one := contract.Request{Cluster: "shop"}.WithDefaults()
	answers := map[string]any{
		"Note": noteOf(), "Erase": activities.EraseResult{Destroyed: destroyed()}, "Clone": activities.CloneResult{Copy: copyFrom(secondary(1))},
		"Verify": activities.VerifyResult{Proof: proofOf(secondary(1))}, "Preconditions": planOf("shop", 3, one),
	}
	real := map[string]int{}
	for _, name := range []string{"node-succeeded", "resync-succeeded"} {
		for activity, size := range answersOf(t, name) {
			real[activity] = max(real[activity], size)
		}
	}
	for activity, answer := range answers {
		text, err := json.Marshal(answer)
		require.NoError(t, err)
		require.NotZero(t, real[activity], activity)
		require.GreaterOrEqual(t, len(text), real[activity], "the stand-in of %s answers less than it did on real servers", activity)
	}
}

// The runs are approved in advance and must not be refused.
func TestPlanIsOfHealthyClusters(t *testing.T) {
	made := planOf("shop", 3, contract.Request{Cluster: "shop"}.WithDefaults())
	require.Empty(t, made.Failures())
	require.False(t, made.Destroys())
	require.Len(t, made.Chosen(), 3)
	for _, node := range made.Secondaries {
		require.True(t, node.Serving, node.State)
	}
}

// answersOf is the size of each activity's result in a stored history, in bytes.
func answersOf(t *testing.T, name string) map[string]int {
	file, err := os.Open(filepath.Join("..", "..", "workflows", "testdata", "histories", name+".json"))
	require.NoError(t, err)
	defer file.Close()
	past, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	names := map[int64]string{}
	sizes := map[string]int{}
	for _, event := range past.Events {
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			names[event.EventId] = scheduled.ActivityType.Name
		}
		if completed := event.GetActivityTaskCompletedEventAttributes(); completed != nil {
			sizes[names[completed.ScheduledEventId]] = sizeOf(t, event)
		}
	}
	return sizes
}

func sizeOf(t *testing.T, event *history.HistoryEvent) int {
	size, err := payloads(event)
	require.NoError(t, err)
	return size
}
