package endtoend

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/clusterresync/clusterresync/internal/shop"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestRescue: what only db2 has is shown, kept, and then destroyed; the hooks are called, the primary was quiet, and the audit tells of it.
// Two workers serve the run, each with an archive of its own, so that the erase must come to the one that wrote.
func TestRescue(t *testing.T) {
	archives := []string{t.TempDir(), t.TempDir()}
	for _, archive := range archives {
		startWorker(t, "CLUSTERRESYNC_ARCHIVE_DIR="+archive)
	}
	require.NoError(t, os.RemoveAll(filepath.Join(lab.hooks, "noted")))
	db, err := node("db2").DB()
	require.NoError(t, err)
	harm, err := shop.HarmErrantWrites(t.Context(), db)
	require.NoError(t, err)

	request := hooked(resync("db2"))
	request.UnreplicatedWrites = contract.UnreplicatedRescue
	request.Quiet = &contract.Quiet{Sessions: 1000, For: contract.Duration(1e9)}
	run := start(t, "rescue", request)
	atHook(t, "db2")()
	report := finish(t, run)
	requireOutcome(t, contract.OutcomeSucceeded, report)
	requireHealthy(t, node("db2"))

	preview := report.Plan.Chosen()[0].Loss.Preview
	require.NotNil(t, preview)
	require.Empty(t, preview.Unreadable)
	require.Contains(t, preview.Tables, contract.TableChanges{Schema: "shop_archive", Table: "documents", Deleted: 1})
	require.Contains(t, preview.Tables, contract.TableChanges{Schema: "shop", Table: "gift cards", Inserted: 2, Updated: 1})
	require.Len(t, preview.Statements, 2)

	rescued := nodeOf(t, report, "db2").Rescued
	require.NotNil(t, rescued)
	require.Equal(t, harm.Errant, rescued.GTIDs)
	require.EqualValues(t, 6, rescued.Transactions)
	manifest, err := os.ReadFile(filepath.Join(rescued.Where, "manifest.json"))
	require.NoError(t, err)
	require.Contains(t, string(manifest), harm.Errant)

	require.True(t, strings.HasPrefix(rescued.Where, archives[0]) || strings.HasPrefix(rescued.Where, archives[1]), rescued.Where)
	require.Contains(t, eraseQueue(t, contract.NodeWorkflowID(clusterHooked, "db2")), contract.DefaultTaskQueue+"/archive/")

	noted, err := os.ReadFile(filepath.Join(lab.hooks, "noted"))
	require.NoError(t, err)
	require.Equal(t, "runStart  \nafterReturn db2 proven\nrunEnd  succeeded\n", string(noted))
	requireAudit(t, archives, report)
}

// eraseQueue is the task queue to which the node's erase was given.
func eraseQueue(t *testing.T, id string) string {
	t.Helper()
	events := lab.temporal.GetWorkflowHistory(t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled.GetActivityType().GetName() == "Erase" {
			return scheduled.GetTaskQueue().GetName()
		}
	}
	require.Fail(t, "nothing was erased")
	return ""
}

// requireAudit: the run's approval and its end are each in the record of the worker that wrote them.
func requireAudit(t *testing.T, archives []string, report contract.Report) {
	t.Helper()
	var events []string
	for _, archive := range archives {
		err := filepath.WalkDir(filepath.Join(archive, "audit"), func(path string, entry os.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil // each line is where the worker that wrote it keeps its own
			}
			if err != nil || entry.IsDir() || !strings.Contains(path, report.RunID) || !strings.HasSuffix(path, ".jsonl") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(text)) {
				var said struct{ Event string }
				if err := json.Unmarshal([]byte(line), &said); err != nil {
					return err
				}
				events = append(events, said.Event)
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.ElementsMatch(t, []string{"approved", "ended"}, events)
	require.Contains(t, report.Audit, report.RunID)
}
