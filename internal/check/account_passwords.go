package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// accountPasswords: a wrong password of the donor shows at the rehearsal, one of replication only behind the erase.
var accountPasswords = Check{
	Code:         "account-passwords",
	Wanted:       "the primary takes the passwords that the worker has for the donor and the replication account",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partAccounts)
		if p == nil || o.Look == nil {
			return nil
		}
		var all []contract.Finding
		for _, login := range o.Look.Logins {
			rows := slices.DeleteFunc(slices.Clone(p.Accounts), func(a Account) bool { return a.User != login.User })
			unusable := func(a Account) bool { return a.Locked || a.Expired }
			if login.Admitted || len(rows) == 0 || slices.ContainsFunc(rows, unusable) {
				continue // what has no account, or one that is closed, run-accounts says
			}
			all = append(all, judgeLogin(o, p, login, rows))
		}
		return all
	},
}

// judgeLogin tells a wrong password from an account that does not admit the worker itself: the server gives one number for both, so
// that nobody can learn which accounts it has.
func judgeLogin(o *Observations, p *Observation, login Login, rows []Account) contract.Finding {
	tried := slices.DeleteFunc(slices.Clone(rows), func(a Account) bool { return !admits(a.Host, p.ClientHost) || !p.meets(a.TLS) })
	what := fmt.Sprintf("the %s account %s", login.Role, accountNames(rows))
	switch {
	case login.Number != node.ErrnoAccessDenied:
		return warns(p.Node, fmt.Sprintf("the password of %s could not be tried: %s", what, login.Text), "", "run again once that is mended; see the other findings on "+p.Node)
	case len(tried) == 0:
		return warns(p.Node, fmt.Sprintf("the password of %s could not be tried: it admits no client at %s with such a connection as the worker has", what, p.ClientHost), "",
			"compare the password with that of a channel that runs, or let the account in from the worker's host as well")
	}
	source := accountOf(o.Cluster.Accounts, login.Role).Secret
	return fails(p.Node, fmt.Sprintf("the primary refuses the password that the worker has for the %s account %s", login.Role, accountNames(tried)), "",
		fmt.Sprintf("put the account's password where accounts.%s.secret says (%s); or on the primary: ALTER USER %s IDENTIFIED BY '<the password there>';",
			login.Role, source, account(tried[0].User, tried[0].Host)))
}

// meets reports whether the worker's connection is what the account demands. Certificates are beyond what is judged here.
func (o *Observation) meets(demand string) bool {
	return demand == "" || demand == "ANY" && o.Encrypted
}

func accountNames(rows []Account) string {
	var names []string
	for _, a := range rows {
		names = append(names, account(a.User, a.Host))
	}
	return strings.Join(names, ", ")
}
