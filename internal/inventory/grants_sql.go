package inventory

import (
	"errors"
	"strings"
)

// PasswordPlaceholder stands in statements that a person is to complete.
const PasswordPlaceholder = "<password>"

// Grantee is an account to be set up.
type Grantee struct {
	Role Role
	User string
	// Host is from where it connects: % for anywhere, or as narrow as the network allows.
	Host string
	// Password may be left out: the statements then hold PasswordPlaceholder.
	Password Secret
}

// SQL gives the statements that set the account up, to be run on the primary by an account that may grant them, such as root. They can
// be run twice; the password of an account that is there already is left as it is. With a Password they hold it in clear text: hand
// them to the server only. Literals are quoted for a session without NO_BACKSLASH_ESCAPES.
func SQL(g Grantee, v Version) ([]string, error) {
	var names []string
	for _, p := range Requirements(g.Role, v) {
		names = append(names, p.Name)
	}
	if len(names) == 0 || g.User == "" || g.Host == "" {
		return nil, errors.New("an account needs a role (admin, donor or replication), a user and a host, such as '%'")
	}
	password := g.Password.Reveal()
	if password == "" {
		password = PasswordPlaceholder
	}
	account := literal(g.User) + "@" + literal(g.Host)
	return []string{
		"CREATE USER IF NOT EXISTS " + account + " IDENTIFIED BY " + literal(password),
		"GRANT " + strings.Join(names, ", ") + " ON *.* TO " + account,
	}, nil
}

var escapes = strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", `\0`)

func literal(s string) string { return "'" + escapes.Replace(s) + "'" }
