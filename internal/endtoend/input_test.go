package endtoend

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestBadInput: each mistake has an error type of its own and a message that says what to do; nothing is changed, and the outcome is
// mailed.
func TestBadInput(t *testing.T) {
	startWorker(t)
	before := fingerprint(t)
	of := func(cluster string) contract.Request {
		request := resync()
		request.Cluster, request.Confirm = cluster, cluster
		return request
	}
	wrongConfirm := resync()
	wrongConfirm.Confirm = "shop2"
	for id, test := range map[string]struct {
		input any
		typ   contract.ErrorType
		says  []string
	}{
		"unknown-cluster": {of("nowhere"), contract.ErrorUnknownCluster, []string{`"nowhere"`, clusterShop}},
		"one-node":        {of(clusterLonely), contract.PreconditionError("two-nodes"), nil},
		"no-primary":      {of(clusterHeadless), contract.PreconditionError("one-primary"), nil},
		"wrong-password":  {of(clusterWrong), contract.PreconditionError("node-access"), []string{"1045"}},
		"wrong-confirm":   {wrongConfirm, contract.ErrorWrongConfirm, []string{"shop2"}},
		"mistyped": {map[string]any{"cluster": clusterShop, "maxParalel": 2, "nodes": "db2", "mode": "erase"}, contract.ErrorInvalidInput,
			[]string{"maxParalel: unknown field", "nodes: want a list", `mode: "erase"`}},
		"no-object":    {"shop", contract.ErrorInvalidInput, []string{"not a JSON object"}},
		"unknown-node": {resync("db9"), contract.PreconditionError("nodes-known"), []string{"db9"}},
	} {
		t.Run(id, func(t *testing.T) {
			report := finish(t, start(t, "bad-"+id, test.input))
			requireOutcome(t, contract.OutcomeRefused, report)
			require.Equal(t, test.typ, report.ErrorType, report.Reason)
			require.NotEmpty(t, report.Reason)
			mail, err := os.ReadFile(filepath.Join(lab.cluster.Outbox(), report.RunID+".report.eml"))
			require.NoError(t, err, "the outcome is mailed")
			require.Contains(t, string(mail), report.RunID)
			said := report.Reason
			if report.Plan != nil {
				for _, failure := range report.Plan.Failures() {
					said += failure.Observed + failure.Remedy
					require.NotEmpty(t, failure.Remedy, "a failure says what to do: %+v", failure)
				}
			}
			for _, want := range test.says {
				require.Contains(t, said, want)
			}
		})
	}
	t.Run("a missing grant", func(t *testing.T) {
		breakAndMend(t, "REVOKE CLONE_ADMIN ON *.* FROM resync_admin", "GRANT CLONE_ADMIN ON *.* TO resync_admin")
		report := finish(t, start(t, "bad-grant", resync()))
		require.Equal(t, contract.PreconditionError("admin-grants"), report.ErrorType, report.Reason)
		require.Contains(t, report.Plan.Failures()[0].Remedy, "GRANT CLONE_ADMIN ON *.* TO")
	})
	t.Run("a missing plugin", func(t *testing.T) {
		require.NoError(t, node("db3").Exec(t.Context(), "SET GLOBAL super_read_only = OFF", "SET SESSION sql_log_bin = 0", "UNINSTALL PLUGIN clone",
			"SET GLOBAL super_read_only = ON"))
		defer func() { require.NoError(t, node("db3").Restart(t.Context())) }() // the option loads it again
		report := finish(t, start(t, "bad-plugin", resync()))
		require.Equal(t, contract.PreconditionError("clone-plugin"), report.ErrorType, report.Reason)
		require.Equal(t, "db3", report.Plan.Failures()[0].Node)
	})
	t.Run("two primaries", func(t *testing.T) {
		secondary := node("db3")
		require.NoError(t, secondary.Exec(t.Context(), "STOP REPLICA", "RESET REPLICA ALL"))
		defer func() {
			require.NoError(t, secondary.Follow(t.Context(), lab.cluster.Primary(), lab.cluster.Accounts.Replication))
		}()
		request := resync()
		request.Cluster, request.Confirm = clusterUnpinned, clusterUnpinned
		report := finish(t, start(t, "bad-two-primaries", request))
		require.Equal(t, contract.PreconditionError("one-primary"), report.ErrorType, report.Reason)
	})
	require.Equal(t, before, fingerprint(t), "nothing was changed on any node")
	requireHealthy(t, node("db2"), node("db3"))
}

// breakAndMend changes the primary for one test, and waits until the secondaries have the change.
func breakAndMend(t *testing.T, breaking, mending string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	change := func(statement string) {
		require.NoError(t, lab.cluster.Primary().Exec(ctx, statement))
		gtids, err := lab.cluster.Primary().QueryString(ctx, "SELECT @@gtid_executed")
		require.NoError(t, err)
		for _, secondary := range lab.cluster.Secondaries() {
			_, err := secondary.QueryString(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)", gtids)
			require.NoError(t, err)
		}
	}
	change(breaking)
	t.Cleanup(func() { change(mending) })
}

// fingerprint is what a refused run must leave alone: the persisted settings, the identity and the channel of each node.
func fingerprint(t *testing.T) string {
	t.Helper()
	var all []string
	for _, n := range lab.cluster.Nodes {
		one, err := n.QueryString(t.Context(), `SELECT CONCAT_WS(' ', @@server_uuid, @@offline_mode, @@super_read_only, @@event_scheduler,
			(SELECT COALESCE(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY VARIABLE_NAME), '') FROM performance_schema.persisted_variables),
			(SELECT COALESCE(GROUP_CONCAT(HOST, ':', PORT), '') FROM performance_schema.replication_connection_configuration))`)
		require.NoError(t, err)
		all = append(all, n.Name+" "+one)
	}
	return strings.Join(all, "\n")
}
