package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/sandbox/mysqldist"
)

func TestAccountsHoldWhatTheInventoryGrantsAndNoMore(t *testing.T) {
	version := distributionVersion(t)
	for role, account := range map[inventory.Role]Account{
		inventory.RoleAdmin: shared.Accounts.Admin, inventory.RoleDonor: shared.Accounts.Donor, inventory.RoleReplication: shared.Accounts.Replication,
	} {
		var wanted []string
		for _, privilege := range inventory.Requirements(role, version) {
			wanted = append(wanted, privilege.Name)
		}
		for _, n := range shared.Nodes {
			db, err := n.Open(account)
			require.NoError(t, err)
			var held string
			require.NoError(t, db.QueryRowContext(t.Context(),
				"SELECT GROUP_CONCAT(PRIVILEGE_TYPE) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE <> 'USAGE' AND GRANTEE = CONCAT(QUOTE(?), '@', QUOTE('%'))",
				account.User).Scan(&held), "%s on %s", account.User, n.Name)
			require.NoError(t, db.Close())
			require.ElementsMatch(t, wanted, strings.Split(held, ","), "%s on %s", account.User, n.Name)
		}
	}
}

func distributionVersion(t *testing.T) mysqldist.Version {
	t.Helper()
	return shared.distribution.Version
}

func TestNobodyGetsInWithoutAPassword(t *testing.T) {
	for _, n := range shared.Nodes {
		for _, user := range []string{"root", shared.Accounts.Admin.User, ""} {
			db, err := n.Open(Account{User: user})
			require.NoError(t, err)
			require.ErrorContains(t, db.PingContext(t.Context()), "Access denied", "%q on %s", user, n.Name)
			require.NoError(t, db.Close())
		}
		open, err := n.QueryString(t.Context(), "SELECT COUNT(*) FROM mysql.user WHERE authentication_string = '' AND account_locked = 'N'")
		require.NoError(t, err)
		require.Equal(t, "0", open)
	}
}

// Passwords are in their own files, which the owner alone can read, and
// nowhere else in the sandbox but inside the servers' data.
func TestPasswordsAreInTheirFilesAlone(t *testing.T) {
	accounts := []Account{shared.Accounts.Root, shared.Accounts.Admin, shared.Accounts.Donor, shared.Accounts.Replication}
	var files []string
	for _, account := range accounts {
		require.Regexp(t, regexp.MustCompile(`^[A-Z2-7]{20,32}$`), account.Password.Reveal())
		info, err := os.Stat(account.File)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode())
		files = append(files, account.File)
	}
	searched := 0
	require.NoError(t, filepath.WalkDir(shared.Folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "data" {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() || slices.Contains(files, path) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		searched++
		for _, account := range accounts {
			require.NotContains(t, string(content), account.Password.Reveal(), path)
		}
		return nil
	}))
	require.Greater(t, searched, 8)
	for _, account := range accounts {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", account, shared.Accounts, shared), account.Password.Reveal())
	}
}

func TestInventoryIsOneThatLoads(t *testing.T) {
	loaded, err := inventory.Load(shared.Inventory())
	require.NoError(t, err)
	cluster, err := loaded.Cluster(shared.Name)
	require.NoError(t, err)
	require.Equal(t, shared.Primary().Name, cluster.Primary)
	require.Len(t, cluster.Nodes, len(shared.Nodes))
	for i, n := range cluster.Nodes {
		require.Equal(t, shared.Nodes[i].Name, n.Name)
		require.Equal(t, shared.Nodes[i].WorkerAddress(), n.Address.String())
		require.Equal(t, shared.Nodes[i].PeerAddress(), n.PeerAddress.String())
		require.Equal(t, inventory.Supervised, n.Supervised)
	}
	for _, pair := range []struct {
		declared inventory.Account
		made     Account
	}{
		{cluster.Accounts.Admin, shared.Accounts.Admin},
		{cluster.Accounts.Donor, shared.Accounts.Donor},
		{cluster.Accounts.Replication, shared.Accounts.Replication},
	} {
		require.Equal(t, pair.made.User, pair.declared.User)
		password, err := pair.declared.Resolve()
		require.NoError(t, err)
		require.Equal(t, pair.made.Password.Reveal(), password.Reveal())
	}
}
