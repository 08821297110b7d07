package endtoend

import (
	"context"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestSemiSync (I9): the primary's commits wait for one acknowledgement of two secondaries. A run that may work on both at a time keeps one
// acknowledging; no commit goes without, and in the end both acknowledge as before.
func TestSemiSync(t *testing.T) {
	t.Parallel()
	nodes := sandbox.Nodes(3)
	for i := range nodes {
		nodes[i].Settings = []string{"plugin_load_add=semisync_source.so", "plugin_load_add=semisync_replica.so", "rpl_semi_sync_replica_enabled=ON"}
	}
	c := newCompany(t, "semisync", nodes)
	primary := c.Primary()
	require.NoError(t, primary.Exec(t.Context(), "SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = 1",
		"SET GLOBAL rpl_semi_sync_source_timeout = 3600000", "SET GLOBAL rpl_semi_sync_source_enabled = ON"))
	status := func(node *sandbox.Node, name string) string {
		return ask(t, node, "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = ?", name)
	}
	requireAcknowledging := func() {
		t.Helper()
		require.Equal(t, "ON 2 0", status(primary, "Rpl_semi_sync_source_status")+" "+status(primary, "Rpl_semi_sync_source_clients")+" "+
			status(primary, "Rpl_semi_sync_source_no_tx"), "semi-synchronous, replicas, commits without an acknowledgement")
		for _, node := range c.Secondaries() {
			require.Equal(t, "1 ON", ask(t, node, "SELECT @@rpl_semi_sync_replica_enabled")+" "+status(node, "Rpl_semi_sync_replica_status"), node.Name)
		}
	}
	requireAcknowledging()
	before := c.persisted(t)
	requireSame := c.write(t)
	request := c.resync()
	request.MaxParallel = 2
	fewest := c.fewestAcknowledging(t)
	report := finish(t, c.start(t, request))
	// A commit that waits for its timeout, an hour, does not count as one without an acknowledgement: it is frozen.
	require.Equal(t, 1, fewest(), "replicas that could acknowledge, at the worst moment seen")
	requireOutcome(t, contract.OutcomeSucceeded, report)
	require.Equal(t, 1, report.Plan.MinServing)
	step := func(name string, step contract.Step) contract.StepReport {
		for _, taken := range nodeOf(t, report, name).Steps {
			if taken.Step == step {
				return taken
			}
		}
		require.Fail(t, "step not taken", "%s %s", name, step)
		return contract.StepReport{}
	}
	returned := step("db2", contract.StepReturn)
	require.False(t, step("db3", contract.StepFence).Began.Before(returned.Began.Add(returned.Duration.Std())), "one after the other")
	require.NotEqual(t, "0", status(primary, "Rpl_semi_sync_source_yes_tx"))
	requireAcknowledging()
	requireSame()
	c.requireOwnState(t, before)
}

// fewestAcknowledging looks at the primary again and again how many replicas could acknowledge a commit, and says in the end how many it were
// at the worst moment.
func (c *company) fewestAcknowledging(t *testing.T) (fewest func() int) {
	ctx, stop := context.WithCancel(t.Context())
	worst := make(chan int, 1)
	go func() {
		least := math.MaxInt
		for ctx.Err() == nil {
			text, err := c.Primary().QueryString(ctx,
				"SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_clients'")
			if clients, bad := strconv.Atoi(text); err == nil && bad == nil {
				least = min(least, clients)
			}
			time.Sleep(20 * time.Millisecond)
		}
		worst <- least
	}()
	return func() int {
		stop()
		return <-worst
	}
}
