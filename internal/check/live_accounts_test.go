package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// declaredSecret puts a password into the file that the inventory leads to.
func declaredSecret(t *testing.T, password string) inventory.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(password+"\n"), 0o600))
	return inventory.Source("file:" + path)
}

// liveAccountCases break accounts and their passwords.
func liveAccountCases() []live {
	const fail, warn = contract.VerdictFail, contract.VerdictWarn
	replicated := func(statements ...string) func(*testing.T) {
		return func(t *testing.T) { as(t, "db1", statements...); caughtUp(t) }
	}
	// What is done on a secondary alone stays out of its binary log.
	local := func(name string, statements ...string) func(*testing.T) {
		return func(t *testing.T) {
			as(t, name, append([]string{"SET GLOBAL super_read_only = OFF", "SET SESSION sql_log_bin = 0"}, append(statements, "SET GLOBAL super_read_only = ON")...)...)
		}
	}
	return []live{
		{name: "the donor's password is another", prepare: func(t *testing.T, l *lab) { l.cluster.Accounts.Donor.Secret = declaredSecret(t, "not the one") },
			code: "account-passwords", node: "db1", verdict: fail, observed: "donor account 'resync_donor'@'%'", remedy: "ALTER USER 'resync_donor'@'%'"},
		{name: "the channel's password is another", prepare: func(t *testing.T, l *lab) { l.cluster.Accounts.Replication.Secret = declaredSecret(t, "not the one") },
			code: "account-passwords", node: "db1", verdict: fail, observed: "replication account 'repl'@'%'", remedy: "accounts.replication.secret says (file:"},
		{name: "the donor account does not admit the worker", breaks: replicated("RENAME USER resync_donor TO resync_donor@'10.9.%'"),
			undo: replicated("RENAME USER resync_donor@'10.9.%' TO resync_donor@'%'"),
			code: "account-passwords", node: "db1", verdict: warn, observed: "'resync_donor'@'10.9.%' could not be tried: it admits no client at 127.0.0.1", remedy: "worker's host"},
		{name: "the donor account demands a certificate", breaks: replicated("ALTER USER resync_donor REQUIRE X509"), undo: replicated("ALTER USER resync_donor REQUIRE NONE"),
			code: "account-passwords", node: "db1", verdict: warn, observed: "could not be tried", remedy: "channel that runs"},
		{name: "a password too long for a channel", prepare: func(t *testing.T, l *lab) {
			// A cluster of the file alone knows which of its accounts is whose.
			l.reload(t, "replication", declaredSecret(t, strings.Repeat("x", 33)))
		}, code: "secrets", verdict: fail, observed: "33 bytes long; a replication channel takes at most 32", remedy: "accounts.replication.secret"},
		{name: "a password that is nowhere", prepare: func(_ *testing.T, l *lab) { l.cluster.Accounts.Donor.Secret = "file:/nowhere/at/all" },
			code: "secrets", verdict: fail, observed: "file:/nowhere/at/all", remedy: "accounts.donor.secret"},
		{name: "an application that passes the fence", breaks: replicated("CREATE USER proxy IDENTIFIED BY 'x'", "GRANT CONNECTION_ADMIN ON *.* TO proxy"),
			undo: replicated("DROP USER proxy"),
			code: "fence-passers", node: "db1", verdict: warn, observed: "'proxy'@'%' (CONNECTION_ADMIN)", remedy: "REVOKE CONNECTION_ADMIN ON *.* FROM 'proxy'@'%';"},
		{name: "an application that passes the fence by a role's role", breaks: replicated("CREATE USER proxy IDENTIFIED BY 'x'", "CREATE ROLE ops, chief",
			"GRANT SUPER ON *.* TO ops", "GRANT ops TO chief", "GRANT chief TO proxy"), undo: replicated("DROP USER proxy", "DROP ROLE ops, chief"),
			code: "fence-passers", node: "db1", verdict: warn, observed: "'proxy'@'%' (SUPER by the role 'chief'@'%')", remedy: "REVOKE 'chief'@'%' FROM 'proxy'@'%';"},
		{name: "the donor's password has expired", breaks: replicated("ALTER USER resync_donor PASSWORD EXPIRE"),
			undo: replicated("ALTER USER resync_donor IDENTIFIED BY '" + servers.Accounts.Donor.Password.Reveal() + "' PASSWORD EXPIRE DEFAULT"),
			code: "run-accounts", node: "db1", verdict: fail, observed: "has expired", remedy: "PASSWORD EXPIRE NEVER"},
		{name: "no replication account", breaks: replicated("RENAME USER repl TO elsewhere"), undo: replicated("RENAME USER elsewhere TO repl"),
			code: "run-accounts", node: "db1", verdict: fail, observed: "no replication account", remedy: "GRANT REPLICATION SLAVE"},
		{name: "a partial revoke", breaks: local("db2", "SET GLOBAL partial_revokes = ON", "REVOKE SELECT ON kept.* FROM resync_admin"),
			undo: local("db2", "GRANT SELECT ON kept.* TO resync_admin", "SET GLOBAL partial_revokes = OFF"),
			code: "admin-grants", node: "db2", verdict: fail, observed: "is restricted: SELECT ON `kept`.*", remedy: "give the privileges back"},
		{name: "a grant missing on one secondary", breaks: local("db2", "REVOKE CLONE_ADMIN ON *.* FROM resync_admin"), undo: local("db2", "GRANT CLONE_ADMIN ON *.* TO resync_admin"),
			code: "admin-grants", node: "db2", verdict: fail, observed: "lacks CLONE_ADMIN", remedy: "SET SESSION sql_log_bin = 0; GRANT CLONE_ADMIN ON *.* TO 'resync_admin'@'%'; SET GLOBAL super_read_only = ON;"},
		{name: "a part that cannot be read", breaks: local("db2", "REVOKE REPLICATION SLAVE ON *.* FROM resync_admin"), undo: local("db2", "GRANT REPLICATION SLAVE ON *.* TO resync_admin"),
			code: "node-readable", node: "db2", verdict: fail, observed: "list the servers that replicate from it: access denied", remedy: "admin-grants", othersMayAlert: true},
		{name: "offline, and no way in", breaks: local("db2", "REVOKE CONNECTION_ADMIN ON *.* FROM resync_admin", "SET GLOBAL offline_mode = ON"),
			undo: local("db2", "SET GLOBAL offline_mode = OFF", "GRANT CONNECTION_ADMIN ON *.* TO resync_admin"),
			code: "node-access", node: "db2", verdict: fail, observed: "offline mode", remedy: "GRANT CONNECTION_ADMIN", othersMayAlert: true},
		{name: "the worker is an account of the secondary alone", breaks: local("db2", "RENAME USER resync_admin TO resync_admin@'127.0.0.%'"),
			undo: local("db2", "RENAME USER resync_admin@'127.0.0.%' TO resync_admin"),
			code: "run-accounts", node: "db2", verdict: warn, observed: "the worker is resync_admin@127.0.0.% there", remedy: "CREATE USER 'resync_admin'@'127.0.0.%'"},
	}
}

// reload reads the sandbox's inventory anew with another place for one password.
func (l *lab) reload(t *testing.T, role string, source inventory.Source) {
	t.Helper()
	text, err := os.ReadFile(servers.Inventory())
	require.NoError(t, err)
	former := "file:" + map[string]string{"replication": servers.Accounts.Replication.File, "donor": servers.Accounts.Donor.File}[role]
	require.Contains(t, string(text), former)
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), former, string(source))), 0o600))
	inv, err := inventory.Load(path)
	require.NoError(t, err)
	cluster, err := inv.Cluster(servers.Name)
	require.NoError(t, err)
	l.cluster = *cluster
}
