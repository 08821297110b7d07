package check_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestObservationOfAHealthyCluster(t *testing.T) {
	as(t, "db1", "CREATE DATABASE seen", "CREATE TABLE seen.a (id INT PRIMARY KEY)", "CREATE TABLE seen.b (id INT PRIMARY KEY)", "CREATE VIEW seen.v AS SELECT * FROM seen.a")
	t.Cleanup(func() { as(t, "db1", "DROP DATABASE seen"); caughtUp(t) })
	caughtUp(t)
	l := newLab(t)
	before := state(t)
	o := l.observe(t)
	require.Empty(t, changed(before, state(t)), "an observation changes nothing")

	require.Equal(t, "db1", o.Roles.Primary)
	require.Equal(t, []string{"db1"}, o.Roles.Candidates)
	require.Empty(t, o.NotCompared)
	uuids := map[string]bool{}
	for i, n := range o.Nodes {
		require.Nil(t, n.Problem)
		require.Empty(t, n.Gaps)
		require.Equal(t, servers.Nodes[i].Name, n.Node)
		require.EqualValues(t, ask(t, n.Node, "SELECT @@server_uuid"), n.Identity.UUID)
		require.Equal(t, "resync_admin@%", n.Account)
		require.Contains(t, n.Schemas, check.Schema{Name: "seen", Tables: 2}, "views are no tables")
		require.Greater(t, n.DataBytes, int64(100<<10), "two tables take two files")
		require.True(t, n.Settings["persisted_globals_load"].On())
		clone, there := n.Plugin("clone")
		require.True(t, there && clone.Active && !clone.Installed)
		uuids[n.Identity.UUID] = true
	}
	require.Len(t, uuids, 3)
	require.Len(t, o.Nodes[0].Downstreams, 2)
	require.Len(t, o.Nodes[0].DumpThreads, 2)
	for _, d := range o.Nodes[0].Downstreams {
		require.True(t, uuids[d.UUID])
	}
	for _, n := range o.Nodes[1:] {
		require.Empty(t, n.Downstreams)
		require.True(t, o.Serving(&n))
		require.Equal(t, check.Comparison{Shared: true}, o.Against[n.Node])
	}
	// The documented least privileges are enough, and nothing is amiss but what is so by design of a sandbox: its servers are young, and
	// root may log in from anywhere. Rows that an earlier round of these tests put into the error log stay there.
	require.Equal(t, []check.Passer{{User: "root", Host: "%", By: "CONNECTION_ADMIN, SUPER"}, {User: "root", Host: "localhost", By: "CONNECTION_ADMIN, SUPER"}},
		o.Look.FencePassers)
	require.Positive(t, o.Look.Uptime)
	require.Equal(t, ask(t, "db1", "SELECT COUNT(*) FROM performance_schema.error_log WHERE PRIO = 'Error'"), strconv.FormatInt(o.Look.ErrorCount, 10))
	for _, login := range o.Look.Logins {
		require.True(t, login.Admitted, "%+v", login)
	}
	require.Len(t, o.Look.Logins, 2)
	o.Limits.Young, o.Look.FencePassers, o.Look.ErrorCount = 0, nil, 0
	require.Empty(t, objections(check.Judge(o)))
}

func TestEachBrokenPreconditionOnRealServers(t *testing.T) {
	for _, c := range slices.Concat(liveCases(), liveAccountCases(), livePrimaryCases(), liveOptionCases()) {
		t.Run(c.name, func(t *testing.T) {
			connected(t)
			l := newLab(t)
			if c.breaks != nil {
				c.breaks(t)
			}
			if c.undo != nil {
				t.Cleanup(func() { c.undo(t) })
			}
			if c.prepare != nil {
				c.prepare(t, l)
			}
			before := state(t)
			findings := objections(check.Judge(l.observe(t)))
			require.Empty(t, changed(before, state(t)), "an observation changes nothing")
			i := slices.IndexFunc(findings, func(f contract.Finding) bool {
				return f.Code == c.code && f.Node == c.node && strings.Contains(f.Observed, c.observed)
			})
			require.GreaterOrEqual(t, i, 0, "no finding %s on %q that says %q in %+v", c.code, c.node, c.observed, findings)
			t.Logf("%s %s %s: %s", findings[i].Verdict, c.code, c.node, findings[i].Observed)
			require.Equal(t, c.verdict, findings[i].Verdict, "%+v", findings[i])
			require.NotEmpty(t, findings[i].Wanted)
			require.Contains(t, findings[i].Remedy, c.remedy)
			for j, other := range findings {
				require.True(t, j == i || c.othersMayAlert || other.Verdict != contract.VerdictFail, "unexpected: %+v", other)
			}
			for _, f := range findings {
				for _, account := range []sandbox.Account{servers.Accounts.Root, servers.Accounts.Admin, servers.Accounts.Donor, servers.Accounts.Replication} {
					require.NotContains(t, fmt.Sprintf("%+v", f), account.Password.Reveal())
				}
			}
		})
	}
}

// One privilege of one account at a time: without any of them the run is refused, and the finding names it.
func TestEachMissingGrantIsNamed(t *testing.T) {
	version, err := node.ParseVersion(servers.MySQLVersion())
	require.NoError(t, err)
	accounts := servers.Accounts
	for _, a := range []struct {
		role inventory.Role
		user string
		code string
		// observed and remedy hold the privilege's name.
		observed, remedy string
	}{
		{inventory.RoleAdmin, accounts.Admin.User, "admin-grants", "resync_admin@% lacks %s", "GRANT %s ON *.* TO 'resync_admin'@'%'; (on the primary)"},
		{inventory.RoleDonor, accounts.Donor.User, "run-accounts", "the donor account 'resync_donor'@'%' lacks %s", "GRANT %s ON *.* TO 'resync_donor'@'%';"},
		{inventory.RoleReplication, accounts.Replication.User, "run-accounts", "the replication account 'repl'@'%' lacks %s", "GRANT %s ON *.* TO 'repl'@'%';"},
	} {
		for _, p := range inventory.Requirements(a.role, version) {
			t.Run(strings.ReplaceAll(a.user+" "+p.Name, " ", "-"), func(t *testing.T) {
				as(t, "db1", "REVOKE "+p.Name+" ON *.* FROM "+a.user)
				t.Cleanup(func() { as(t, "db1", "GRANT "+p.Name+" ON *.* TO "+a.user); caughtUp(t) })
				caughtUp(t)
				findings := check.Judge(newLab(t).observe(t))
				named := 0
				for _, f := range findings {
					if f.Code == a.code && f.Verdict == contract.VerdictFail {
						require.Equal(t, strings.ReplaceAll(a.observed, "%s", p.Name), f.Observed)
						require.Contains(t, f.Remedy, strings.ReplaceAll(a.remedy, "%s", p.Name))
						named++
					}
				}
				// Without some of them a node cannot even be told a secondary, or be chosen; the primary names it in any case.
				require.Positive(t, named, "%+v", objections(findings))
			})
		}
	}
}

// What the primary commits while the nodes are read must never be taken for a secondary's own writes.
func TestLiveWritesAreNeverErrant(t *testing.T) {
	as(t, "db1", "CREATE DATABASE busy", "CREATE TABLE busy.t (id BIGINT AUTO_INCREMENT PRIMARY KEY)")
	t.Cleanup(func() { as(t, "db1", "DROP DATABASE busy"); caughtUp(t) })
	db, err := servers.Primary().DB()
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	wrote := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			if _, err := db.ExecContext(context.WithoutCancel(ctx), "INSERT INTO busy.t () VALUES ()"); err == nil {
				n++
			}
		}
		wrote <- n
	}()
	l := newLab(t)
	for range 10 {
		o := l.observe(t)
		for name, c := range o.Against {
			require.Empty(t, c.Errant, name)
			require.True(t, c.Shared)
		}
		require.Len(t, o.Against, 2)
	}
	stop()
	require.Positive(t, <-wrote)
}

func TestObservationEndsWithItsContext(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := check.ObserveAll(ctx, l.cluster, l.opened, l.request)
	require.ErrorIs(t, err, context.Canceled)
}
