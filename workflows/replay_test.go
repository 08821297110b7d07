package workflows_test

import (
	"encoding/base64"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/workflows"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// histories are runs on real servers, as `temporal workflow show --output json` prints them. A run may last for hours: a worker that is
// replaced meanwhile must come to the same commands from the same past. See testdata/histories/README.md before you touch one.
var histories = map[string]string{
	"planned":                     "a plan: no lock, no children",
	"resync-refused":              "a resync whose plan would destroy unreplicated writes: the first lock only",
	"verify-diverged":             "a verification of three nodes, two of which differ",
	"resync-succeeded":            "a resync of three nodes one after the other, approved in advance by the plan's ID; the second and third fed by the first",
	"resync-rescued":              "hooks at all four places, an archive with its audit record, an approval by update looked at again, the quiet gate, two nodes at a time",
	"node-rescued":                "a node between hooks whose errant writes are kept before its erase",
	"resync-cancelled":            "an awaited approval with its mail, two refused signals, an approval by signal, throttle, pause and resume by update, a cancel in mid clone",
	"resync-aborted":              "an abort by update in mid clone: the only node stays fenced, the run fails",
	"node-succeeded":              "every step of a node with errant writes, refilled from another secondary",
	"node-diverged":               "a node that is proven as it is, and differs",
	"node-cancelled-behind-erase": "a throttle and a cancel during the clone; the node is finished",
	"node-aborted":                "an abort during the clone; the node is left fenced",
	"lock":                        "a lock that is held and released",
}

func historyFile(name string) string { return filepath.Join("testdata", "histories", name+".json") }

func replay(t *testing.T, past *history.History) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(workflows.ResyncCluster, workflow.RegisterOptions{Name: contract.WorkflowResyncCluster})
	replayer.RegisterWorkflowWithOptions(workflows.ResyncNode, workflow.RegisterOptions{Name: contract.WorkflowResyncNode})
	replayer.RegisterWorkflowWithOptions(workflows.VerifyNodes, workflow.RegisterOptions{Name: contract.WorkflowVerifyNodes})
	replayer.RegisterWorkflowWithOptions(workflows.ClusterLock, workflow.RegisterOptions{Name: contract.WorkflowClusterLock})
	return replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), past)
}

func readHistory(t *testing.T, text string) *history.History {
	t.Helper()
	past, err := client.HistoryFromJSON(strings.NewReader(text), client.HistoryJSONOptions{})
	require.NoError(t, err)
	return past
}

func TestStoredHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob(historyFile("*"))
	require.NoError(t, err)
	require.Len(t, files, len(histories), "each history has its line, and each line its history")
	for name, covers := range histories {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(historyFile(name))
			require.NoError(t, err)
			require.NoError(t, replay(t, readHistory(t, string(text))), covers)
		})
	}
}

// TestReplayNoticesAChange: a past in which two steps were taken in another order is not ours.
func TestReplayNoticesAChange(t *testing.T) {
	text, err := os.ReadFile(historyFile("node-succeeded"))
	require.NoError(t, err)
	swapped := strings.NewReplacer(`"Judge"`, `"Rehearse"`, `"Rehearse"`, `"Judge"`).Replace(string(text))
	require.ErrorContains(t, replay(t, readHistory(t, swapped)), "nondeterministic")
}

// TestHistoriesNameNoMachine: they were recorded somewhere, and that is nobody's business.
func TestHistoriesNameNoMachine(t *testing.T) {
	payload := regexp.MustCompile(`"data": "([A-Za-z0-9+/=]+)"`)
	private := regexp.MustCompile(`/(tmp|root|home|work|Users)/|root@|"identity": "[^"]*@|(?i)"password"`)
	for name := range histories {
		text, err := os.ReadFile(historyFile(name))
		require.NoError(t, err)
		require.NotRegexp(t, private, string(text), name)
		payloads := payload.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, payloads, name)
		for _, match := range payloads {
			plain, err := base64.StdEncoding.DecodeString(match[1])
			require.NoError(t, err)
			require.NotRegexp(t, private, string(plain), name)
		}
	}
}
