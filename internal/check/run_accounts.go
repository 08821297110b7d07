package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// runAccounts is judged on the primary alone: a clone replaces the accounts of its recipient with the primary's.
var runAccounts = Check{
	Code:         "run-accounts",
	Wanted:       "the accounts of the run exist on the primary, can log in and hold what they need on *.*",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partAccounts)
		if p == nil {
			return nil
		}
		var all []contract.Finding
		for _, a := range []struct {
			role inventory.Role
			user string
		}{
			{inventory.RoleDonor, o.Cluster.Accounts.Donor.User},
			{inventory.RoleReplication, o.Cluster.Accounts.Replication.User},
		} {
			if f, amiss := judgeAccount(p, a.role, a.user); amiss {
				all = append(all, f)
			}
		}
		return append(all, strangers(o, p)...)
	},
}

// judgeAccount is content with one usable row: which of several hosts will match is known only when the account logs in, as
// the rehearsal does.
func judgeAccount(p *Observation, role inventory.Role, user string) (contract.Finding, bool) {
	var rows []Account
	for _, a := range p.Accounts {
		if a.User == user {
			rows = append(rows, a)
		}
	}
	setUp, err := inventory.SQL(inventory.Grantee{Role: role, User: user, Host: "%"}, p.Identity.Version)
	if err != nil {
		return fails(p.Node, err.Error(), "", "correct accounts."+string(role)+" in the inventory"), true
	}
	if len(rows) == 0 {
		return fails(p.Node, fmt.Sprintf("there is no %s account %s", role, user), "", strings.Join(setUp, "; ")+";"), true
	}
	var amiss []contract.Finding
	for _, a := range rows {
		name := account(a.User, a.Host)
		missing := a.Grants.Missing(role, p.Identity.Version)
		switch {
		case a.Locked:
			amiss = append(amiss, fails(p.Node, fmt.Sprintf("the %s account %s is locked", role, name), "", "ALTER USER "+name+" ACCOUNT UNLOCK;"))
		case a.Expired:
			amiss = append(amiss, fails(p.Node, fmt.Sprintf("the password of the %s account %s has expired", role, name), "",
				"ALTER USER "+name+" IDENTIFIED BY '<the password that the inventory leads to>' PASSWORD EXPIRE NEVER;"))
		case len(missing) > 0:
			amiss = append(amiss, fails(p.Node, fmt.Sprintf("the %s account %s lacks %s", role, name, enumerated(missing)), "",
				fmt.Sprintf("GRANT %s ON *.* TO %s;", strings.Join(missing, ", "), name)))
		default:
			return contract.Finding{}, false
		}
	}
	return amiss[0], true
}

// strangers warns of secondaries on which the worker is an account that the primary does not have: it will be gone after the
// clone.
func strangers(o *Observations, p *Observation) []contract.Finding {
	var all []contract.Finding
	for _, n := range o.Recipients(partGrants) {
		user, host, _ := cutLast(n.Account, "@")
		if slices.ContainsFunc(p.Accounts, func(a Account) bool { return a.User == user && strings.EqualFold(a.Host, host) }) {
			continue
		}
		all = append(all, warns(n.Node, fmt.Sprintf("the worker is %s there, an account that the primary does not have; after the clone another one has to let it in", n.Account),
			"the same account on the primary", fmt.Sprintf("CREATE USER %s IDENTIFIED BY '<password>'; and grant it what admin-grants wants (on the primary)", account(user, host))))
	}
	return all
}
