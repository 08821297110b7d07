package check

import (
	"context"
	"net/netip"
	"regexp"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
)

// Login is one attempt to log in to the primary as an account of the run, with the password that the worker has for it.
type Login struct {
	Role inventory.Role
	User string
	// Admitted says that the server took the password.
	Admitted bool
	// Number is the server's error, 0 when it did not answer; Text is what was said. A password is in neither.
	Number uint16
	Text   string
}

// resolveSecrets looks for the password of every account of a run that erases. What it finds stays in memory and is in no observation.
func (o *Observations) resolveSecrets() map[inventory.Role]inventory.Secret {
	found := map[inventory.Role]inventory.Secret{}
	if !o.Erases() {
		return found // a verification uses the admin account alone
	}
	for _, role := range inventory.Roles() {
		secret, err := accountOf(o.Cluster.Accounts, role).Resolve()
		if err != nil {
			o.Secrets = append(o.Secrets, SecretProblem{Role: role, Text: err.Error()})
			continue
		}
		found[role] = secret
	}
	return found
}

// logins tries the donor and the replication account once each: a second wrong password could lock an account out
// (FAILED_LOGIN_ATTEMPTS). That of the admin is proven by every question the worker asks.
func logins(ctx context.Context, primary node.Endpoint, accounts inventory.Accounts, secrets map[inventory.Role]inventory.Secret) []Login {
	var all []Login
	for _, role := range []inventory.Role{inventory.RoleDonor, inventory.RoleReplication} {
		secret, found := secrets[role]
		if !found {
			continue // which a check of its own says
		}
		login := Login{Role: role, User: accountOf(accounts, role).User}
		err := logIn(ctx, primary, login.User, secret)
		if login.Admitted = err == nil; err != nil {
			login.Number, login.Text = node.Number(err), err.Error()
		}
		all = append(all, login)
	}
	return all
}

// logIn connects over the same path and with the same TLS as the worker's own account.
func logIn(ctx context.Context, primary node.Endpoint, user string, password inventory.Secret) error {
	primary.User, primary.Password = user, password.Reveal()
	server, err := node.Open(primary)
	if err != nil {
		return err
	}
	defer server.Close()
	return server.Ping(ctx)
}

func accountOf(accounts inventory.Accounts, role inventory.Role) inventory.Account {
	switch role {
	case inventory.RoleDonor:
		return accounts.Donor
	case inventory.RoleReplication:
		return accounts.Replication
	}
	return accounts.Admin
}

// admits reports whether an account's host part lets a client in that the server sees at host (MySQL manual: Specifying Account Names).
func admits(pattern, host string) bool {
	if network, mask, cut := strings.Cut(pattern, "/"); cut {
		return withinNetwork(network, mask, host)
	}
	// A % stands for any characters, a _ for one; a backslash takes that from them.
	var expression strings.Builder
	escaped := false
	for _, r := range pattern {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '%':
			expression.WriteString(".*")
		case !escaped && r == '_':
			expression.WriteString(".")
		default:
			expression.WriteString(regexp.QuoteMeta(string(r)))
		}
		escaped = false
	}
	matched, err := regexp.MatchString("(?is)^"+expression.String()+"$", host)
	return err == nil && matched
}

// withinNetwork judges base/mask and base/length.
func withinNetwork(base, mask, host string) bool {
	network, err := netip.ParseAddr(base)
	client, clientErr := netip.ParseAddr(host)
	if err != nil || clientErr != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(base + "/" + mask); err == nil {
		return prefix.Contains(client)
	}
	bits, err := netip.ParseAddr(mask)
	if err != nil || !bits.Is4() || !network.Is4() || !client.Is4() {
		return false
	}
	n, m, c := network.As4(), bits.As4(), client.As4()
	for i := range m {
		if c[i]&m[i] != n[i] {
			return false
		}
	}
	return true
}
