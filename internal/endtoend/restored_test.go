package endtoend

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestPrimaryRestoredFromABackup: the primary went back to an older state, under its own server_uuid or under a new one. Its secondary has
// what it lost: the run names that and refuses; on consent to that very plan the secondary is made equal to what the primary is now.
func TestPrimaryRestoredFromABackup(t *testing.T) {
	cluster := sandbox.ForTest(t, sandbox.Options{Name: "restored", Nodes: sandbox.Nodes(2)})
	startWorkerFor(t, cluster)
	primary, secondary := cluster.Nodes[0], cluster.Nodes[1]
	require.NoError(t, primary.Exec(t.Context(), "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"))
	write := func(v string) {
		require.NoError(t, primary.Exec(t.Context(), "INSERT INTO app.t (v) VALUES ("+v+")", "INSERT INTO app.t (v) VALUES ("+v+")"))
	}
	request := resync()
	request.Cluster, request.Confirm = "restored", "restored"
	for _, uuid := range []string{"its own uuid", "a new uuid"} {
		t.Run(uuid, func(t *testing.T) {
			write("1")
			require.NoError(t, secondary.WaitFor(t.Context(), primary))
			backup := filepath.Join(t.TempDir(), "data")
			replaceData(t, primary, func(data string) { require.NoError(t, os.CopyFS(backup, os.DirFS(data))) })
			write("2")
			require.NoError(t, secondary.WaitFor(t.Context(), primary))
			replaceData(t, primary, func(data string) {
				require.NoError(t, os.RemoveAll(data))
				require.NoError(t, os.CopyFS(data, os.DirFS(backup)))
				if uuid == "a new uuid" {
					require.NoError(t, os.Remove(filepath.Join(data, "auto.cnf")))
				}
			})
			// Fewer than were lost: once it has given as many numbers again, only rows tell the difference.
			require.NoError(t, primary.Exec(t.Context(), "INSERT INTO app.t (v) VALUES (3)"))

			report := finish(t, start(t, "", request))
			requireOutcome(t, contract.OutcomeRefused, report)
			require.Equal(t, contract.PreconditionError("restored-primary"), report.ErrorType, "%+v", report.Plan.Failures())

			consented := request
			consented.UnreplicatedWrites, consented.Mode = contract.UnreplicatedDiscard, contract.ModePlan
			planned := finish(t, start(t, "", consented))
			requireOutcome(t, contract.OutcomePlanned, planned)
			require.False(t, planned.Plan.Chosen()[0].Loss.None())
			consented.Mode, consented.Plan = contract.ModeResync, planned.Plan.ID
			requireOutcome(t, contract.OutcomeSucceeded, finish(t, start(t, "", consented)))

			const rows = "SELECT GROUP_CONCAT(id, '=', v ORDER BY id) FROM app.t"
			want, err := primary.QueryString(t.Context(), rows)
			require.NoError(t, err)
			got, err := secondary.QueryString(t.Context(), rows)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

// replaceData does something to a server's data directory while the server is down.
func replaceData(t *testing.T, node *sandbox.Node, do func(data string)) {
	t.Helper()
	// As a crash leaves it: a clean stop would wait for the replicas.
	require.NoError(t, node.Kill9AndStayDown(t.Context()))
	for _, socket := range []string{"mysql.sock", "mysql.sock.lock"} {
		require.NoError(t, os.RemoveAll(filepath.Join(node.DataDir(), socket)))
	}
	do(node.DataDir())
	require.NoError(t, node.Start())
	require.NoError(t, node.WaitReady(t.Context()))
}
