package check_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// copyFolder copies what a cold backup of a data directory would.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o750)
		case !entry.Type().IsRegular():
			return nil // a socket
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o640)
	}))
}

// restorePrimary puts the primary back to where it was before the last three transactions, which its secondaries have, and lets it write two
// others. asNew takes its server_uuid away, as who restores onto a new server does.
func restorePrimary(t *testing.T, c *sandbox.Cluster, asNew bool) {
	t.Helper()
	primary := c.Primary()
	backup := t.TempDir()
	require.NoError(t, primary.Stop(t.Context()))
	copyFolder(t, backup, primary.DataDir())
	require.NoError(t, primary.Start())
	require.NoError(t, primary.WaitReady(t.Context()))
	require.NoError(t, primary.Exec(t.Context(), "INSERT INTO app.t VALUES (11)", "INSERT INTO app.t VALUES (12)", "INSERT INTO app.t VALUES (13)"))
	for _, s := range c.Secondaries() {
		require.NoError(t, s.Exec(t.Context(), "STOP REPLICA", "START REPLICA"))
		require.NoError(t, s.WaitFor(t.Context(), primary))
	}
	require.NoError(t, primary.Stop(t.Context()))
	require.NoError(t, os.RemoveAll(primary.DataDir()))
	copyFolder(t, primary.DataDir(), backup)
	if asNew {
		require.NoError(t, os.Remove(filepath.Join(primary.DataDir(), "auto.cnf")))
	}
	require.NoError(t, primary.Start())
	require.NoError(t, primary.WaitReady(t.Context()))
	require.NoError(t, primary.Exec(t.Context(), "INSERT INTO app.t VALUES (21)", "INSERT INTO app.t VALUES (22)"))
}

func TestARestoredPrimaryIsRecognised(t *testing.T) {
	for name, asNew := range map[string]bool{"under the same server_uuid": false, "under a new server_uuid": true} {
		t.Run(name, func(t *testing.T) {
			l := newPathLab(t)
			former, err := l.Primary().QueryString(t.Context(), "SELECT @@server_uuid")
			require.NoError(t, err)
			restorePrimary(t, l.Cluster, asNew)
			now, err := l.Primary().QueryString(t.Context(), "SELECT @@server_uuid")
			require.NoError(t, err)
			require.Equal(t, asNew, now != former)

			o := l.observe(t)
			require.Equal(t, "db1", o.Roles.Primary)
			require.NoError(t, o.PreviewAll(t.Context(), l.opened))
			require.NoError(t, o.CompareAll(t.Context(), l.opened))
			judged := func(writes contract.UnreplicatedWrites, code, node string) contract.Finding {
				o.Request.UnreplicatedWrites = writes
				return finding(t, o, code, node)
			}
			lost := int64(1) // under the same uuid the primary has taken two of the three numbers again
			if asNew {
				lost = 3
			}
			for _, secondary := range []string{"db2", "db3"} {
				loss := o.Loss(secondary)
				require.Equal(t, lost, loss.Transactions)
				require.True(t, strings.HasPrefix(loss.ErrantGTIDs, former+":"))
				require.False(t, loss.None())
				if asNew {
					require.Empty(t, loss.Unknown)
					require.True(t, loss.Rescuable())
				} else {
					require.Contains(t, loss.Unknown, "history went back")
					require.False(t, loss.Rescuable(), "what the equal numbers stand for is nowhere to be compared")
				}
				require.Equal(t, contract.VerdictFail, judged(contract.UnreplicatedRefuse, "unreplicated-writes", secondary).Verdict)
				require.Equal(t, contract.VerdictWarn, judged(contract.UnreplicatedDiscard, "unreplicated-writes", secondary).Verdict)
			}
			refused := judged(contract.UnreplicatedRefuse, "restored-primary", "db1")
			require.Equal(t, contract.VerdictFail, refused.Verdict)
			require.Contains(t, refused.Observed, "restored from an older backup")
			require.Contains(t, refused.Observed, "db2 has executed "+former)
			require.Contains(t, refused.Observed, "db3 has executed "+former)
			require.Contains(t, refused.Remedy, "promote one of them")
			require.Equal(t, asNew, strings.Contains(refused.Observed, "former primary"))
			require.Equal(t, contract.VerdictWarn, judged(contract.UnreplicatedDiscard, "restored-primary", "db1").Verdict)
			rescued := contract.VerdictFail
			if asNew {
				rescued = contract.VerdictWarn
			}
			require.Equal(t, rescued, judged(contract.UnreplicatedRescue, "restored-primary", "db1").Verdict)

			// Behind the fence the approval of that very loss holds, while the primary goes on.
			require.NoError(t, l.Primary().Exec(t.Context(), "INSERT INTO app.t VALUES (23)"))
			loss := o.Loss("db2")
			approved := check.Approved{
				NodeUUID: o.Nodes[1].Identity.UUID, PrimaryUUID: now, Errant: loss.ErrantGTIDs, LossUnknown: loss.Unknown != "",
				Data: loss.Data(), SeenAt: loss.SeenAt,
			}
			require.NoError(t, check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved))
			approved.Errant = ""
			var grew *check.LossGrewError
			if asNew {
				require.ErrorAs(t, check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved), &grew)
			}
		})
	}
}

// finding is the one that the check made on the node.
func finding(t *testing.T, o *check.Observations, code, node string) contract.Finding {
	t.Helper()
	var codes []string
	for _, f := range check.Judge(o) {
		if f.Code == code && f.Node == node {
			return f
		}
		codes = append(codes, f.Code+" "+f.Node)
	}
	require.Failf(t, "no such finding", "%s on %s among %v", code, node, codes)
	return contract.Finding{}
}
