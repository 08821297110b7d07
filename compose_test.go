// Package clusterresync holds no code: its test checks docker-compose.yml with compose's own library and runs the file's set-up SQL on
// real servers.
package clusterresync

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// passwords are set so that the test sees its own values arrive.
var passwords = []string{"RESYNC_ADMIN_PASSWORD=admin-1", "RESYNC_DONOR_PASSWORD=donor-2", "RESYNC_REPLICATION_PASSWORD=replication-3"}

func load(t *testing.T, environment ...string) *types.Project {
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithEnv(environment))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

func TestComposeIsSafeByDefault(t *testing.T) {
	project := load(t)
	require.ElementsMatch(t, []string{"temporal", "primary", "secondary1", "secondary2", "setup", "worker"}, project.ServiceNames())
	for name, service := range project.Services {
		require.False(t, service.Privileged, name)
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s publishes %s", name, port.Published)
		}
		for _, config := range service.Configs {
			require.Contains(t, project.Configs, config.Source, name)
		}
	}
	for _, name := range []string{"primary", "secondary1", "secondary2"} {
		// 3707: the image has no supervisor inside, so that a clone ends with the server stopped, exit code 0.
		require.Equal(t, types.RestartPolicyUnlessStopped, project.Services[name].Restart, name)
		require.Contains(t, project.Services[name].Command, "--plugin-load-add=mysql_clone.so", name)
	}
	worker := project.Services["worker"]
	require.Equal(t, []string{"ALL"}, worker.CapDrop)
	require.True(t, worker.ReadOnly)
	dockerfile, err := os.ReadFile(filepath.Join(project.WorkingDir, "Dockerfile"))
	require.NoError(t, err)
	require.Contains(t, string(dockerfile), "\nUSER 65532:65532\n")
	require.Contains(t, string(dockerfile), "FROM scratch\n")
	// The names under which every hint, mail and page speaks of the programs.
	require.Contains(t, string(dockerfile), "COPY --from=build /out/worker /out/starter /usr/local/bin/\n")
	require.Contains(t, string(dockerfile), `ENTRYPOINT ["/usr/local/bin/worker"]`)
}

func TestComposeInventoryIsValid(t *testing.T) {
	project := load(t, passwords...)
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(path, []byte(project.Configs["inventory.yaml"].Content), 0o600))
	loaded, err := inventory.Load(path)
	require.NoError(t, err)
	cluster, err := loaded.Cluster("trial")
	require.NoError(t, err)
	require.Len(t, cluster.Nodes, 3)
	for variable, value := range project.Services["worker"].Environment {
		if value != nil {
			t.Setenv(variable, *value)
		}
	}
	require.NoError(t, cluster.CheckSecrets())
	password, err := cluster.Accounts.Admin.Resolve()
	require.NoError(t, err)
	require.Equal(t, "admin-1", password.Reveal())
}

// TestComposeSetUpMakesACluster runs what the setup service runs, on three fresh servers.
func TestComposeSetUpMakesACluster(t *testing.T) {
	project := load(t, passwords...)
	nodes := sandbox.Nodes(3)
	nodes[1].Standalone, nodes[2].Standalone = true, true
	servers := sandbox.ForTest(t, sandbox.Options{Nodes: nodes})
	primary := servers.Nodes[0]
	ctx := t.Context()

	for _, file := range []string{"accounts.sql", "accounts.sql", "sample.sql", "sample.sql"} { // both can be run twice
		require.NoError(t, primary.Exec(ctx, statements(project, file)...), file)
	}
	requireGrants(ctx, t, project, servers)
	for _, secondary := range servers.Nodes[1:] {
		var follow []string
		for _, statement := range statements(project, "follow.sql") {
			// The service's name is a host name among containers only.
			statement = strings.ReplaceAll(statement, "SOURCE_HOST='primary'", "SOURCE_HOST='127.0.0.1'")
			statement = strings.ReplaceAll(statement, "SOURCE_PORT=3306", "SOURCE_PORT="+port(primary.PeerAddress()))
			follow = append(follow, statement)
		}
		require.NoError(t, secondary.Exec(ctx, follow...))
		gtids, err := primary.QueryString(ctx, "SELECT @@gtid_executed")
		require.NoError(t, err)
		reached, err := secondary.QueryString(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)", gtids)
		require.NoError(t, err)
		require.Equal(t, "0", reached, "the secondary follows")
		items, err := secondary.QueryString(ctx, "SELECT COUNT(*) FROM shop.item")
		require.NoError(t, err)
		require.Equal(t, "3", items)
	}
}

// requireGrants compares the file's grants with those that the product says it needs.
func requireGrants(ctx context.Context, t *testing.T, project *types.Project, servers *sandbox.Cluster) {
	version, err := node.ParseVersion(strings.Fields(servers.MySQLVersion())[0])
	require.NoError(t, err)
	accounts := project.Configs["accounts.sql"].Content
	for role, user := range map[inventory.Role]string{
		inventory.RoleAdmin: "resync_admin", inventory.RoleDonor: "resync_donor", inventory.RoleReplication: "resync_replication",
	} {
		wanted, err := inventory.SQL(inventory.Grantee{Role: role, User: user, Host: "%"}, version)
		require.NoError(t, err)
		require.Contains(t, accounts, wanted[1]+";", "docker-compose.yml must grant exactly what internal/inventory says")
	}
	grants, err := servers.Nodes[0].QueryString(ctx, "SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'resync\\_%' AND Super_priv = 'Y'")
	require.NoError(t, err)
	require.Equal(t, "0", grants)
}

func statements(project *types.Project, config string) []string {
	var all []string
	for statement := range strings.SplitSeq(project.Configs[config].Content, ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			all = append(all, strings.TrimSuffix(statement, ";"))
		}
	}
	return all
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }
