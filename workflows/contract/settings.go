package contract

import (
	"regexp"
	"strings"
)

// SettingChange is one variable of a secondary that can be brought in line with the primary while the server runs.
type SettingChange struct {
	Name string `json:"name"`
	// From is the secondary's value, To the one that is wanted.
	From string `json:"from"`
	To   string `json:"to"`
	// Why says what the difference would do.
	Why string `json:"why"`
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]+$`)

// Statement is the statement that makes the change, as a plan shows it. It survives a restart, and a clone: that brings data, no
// settings (MySQL manual: SET PERSIST).
func (c SettingChange) Statement() string {
	value := c.To
	if !wholeNumber.MatchString(value) {
		value = "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(value) + "'"
	}
	return "SET PERSIST " + c.Name + " = " + value
}
