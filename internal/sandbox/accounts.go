package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

// Account is a MySQL account of the sandbox, valid from anywhere.
type Account struct {
	User     string
	Password inventory.Secret
	// File holds the password, readable by its owner alone.
	File string
}

// Accounts are the accounts of a cluster. Admin, Donor and Replication hold
// what inventory.SQL grants and no more; Root holds everything and is for
// setting up and judging, never for the product.
type Accounts struct {
	Root, Admin, Donor, Replication Account
}

var users = map[string]string{"root": "root", "admin": "resync_admin", "donor": "resync_donor", "replication": "repl"}

// makeAccounts makes a password for each account and writes it to its file.
func makeAccounts(folder string) (Accounts, error) {
	if err := os.Mkdir(filepath.Join(folder, secretsDir), 0o700); err != nil {
		return Accounts{}, fmt.Errorf("make the accounts: %w", err)
	}
	for role := range users {
		// 26 letters and digits; a replication password may have up to 32.
		if err := os.WriteFile(secretFile(folder, role), []byte(rand.Text()+"\n"), 0o600); err != nil {
			return Accounts{}, fmt.Errorf("make the accounts: %w", err)
		}
	}
	return readAccounts(folder)
}

// readAccounts reads the accounts; those of an Up that was killed before it
// wrote them have no password.
func readAccounts(folder string) (Accounts, error) {
	read := func(role string) (Account, error) {
		account := Account{User: users[role], File: secretFile(folder, role)}
		content, err := os.ReadFile(account.File)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return account, fmt.Errorf("read the password of %s: %w", account.User, err)
		}
		account.Password = inventory.NewSecret(strings.TrimSuffix(string(content), "\n"))
		return account, nil
	}
	root, rootErr := read("root")
	admin, adminErr := read("admin")
	donor, donorErr := read("donor")
	replication, replicationErr := read("replication")
	return Accounts{Root: root, Admin: admin, Donor: donor, Replication: replication},
		errors.Join(rootErr, adminErr, donorErr, replicationErr)
}

func secretFile(folder, role string) string {
	return filepath.Join(folder, secretsDir, role)
}

// setUpSQL are the statements that make the cluster's accounts on the primary.
func (a Accounts) setUpSQL(version inventory.Version) ([]string, error) {
	var statements []string
	for _, account := range []struct {
		Account
		role inventory.Role
	}{{a.Admin, inventory.RoleAdmin}, {a.Donor, inventory.RoleDonor}, {a.Replication, inventory.RoleReplication}} {
		sql, err := inventory.SQL(inventory.Grantee{Role: account.role, User: account.User, Host: "%", Password: account.Password}, version)
		if err != nil {
			return nil, fmt.Errorf("make the account %s: %w", account.User, err)
		}
		statements = append(statements, sql...)
	}
	return statements, nil
}

// rootSQL is run by a server's very first start, before it listens, so that it
// is never to be reached without a password. It stays out of the binary log:
// each node does the same for itself.
func (a Accounts) rootSQL() string {
	password := a.Root.Password.Reveal() // letters and digits: nothing to quote
	return strings.Join([]string{
		"SET SESSION sql_log_bin = 0;",
		"ALTER USER 'root'@'localhost' IDENTIFIED BY '" + password + "';",
		"CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '" + password + "';",
		"GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;",
		"",
	}, "\n")
}
