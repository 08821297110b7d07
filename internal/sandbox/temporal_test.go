package sandbox

import (
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
)

func TestTemporalServesTheUIAndTheSearchAttributes(t *testing.T) {
	server := shared.Temporal
	response, err := http.Get(server.UI())
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)

	c, err := client.DialContext(t.Context(), client.Options{HostPort: server.Address(), Namespace: server.Namespace()})
	require.NoError(t, err)
	defer c.Close()
	attributes, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: server.Namespace()})
	require.NoError(t, err)
	require.Equal(t, enums.INDEXED_VALUE_TYPE_KEYWORD, attributes.GetCustomAttributes()["SandboxTest"])
}

func TestTemporalKeepsWhatItKnewThroughACrash(t *testing.T) {
	c := ForTest(t, Options{Temporal: &TemporalOptions{}})
	require.Empty(t, c.Nodes)
	sdk, err := client.DialContext(t.Context(), client.Options{HostPort: c.Temporal.Address()})
	require.NoError(t, err)
	defer sdk.Close()
	run, err := sdk.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "nobody-polls"}, "Anything")
	require.NoError(t, err)

	require.NoError(t, c.Temporal.Kill9())
	require.Eventually(t, func() bool { return !c.Temporal.keeper.Running() }, time.Minute, 20*time.Millisecond)
	require.ErrorContains(t, c.Temporal.WaitReady(t.Context()), "it ended")
	require.NoError(t, c.Temporal.Start())
	require.NoError(t, c.Temporal.WaitReady(t.Context()))
	found, err := sdk.DescribeWorkflowExecution(t.Context(), "kept", "")
	require.NoError(t, err)
	require.Equal(t, run.GetRunID(), found.GetWorkflowExecutionInfo().GetExecution().GetRunId())
}

func TestEnvironmentFilePointsTheCLIAtTheSandbox(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "/bin/sh", "-c",
		`. "$0" && temporal operator cluster health && printf '%s|%s' "$CLUSTERRESYNC_INVENTORY" "$TEMPORAL_ADDRESS"`, shared.Environment()).CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "SERVING")
	require.Contains(t, string(output), shared.Inventory()+"|"+shared.Temporal.Address())
}

func readFile(path string) (string, error) {
	content, err := os.ReadFile(path)
	return string(content), err
}
