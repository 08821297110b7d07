package proof

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// SettingChange is one variable that can be brought in line while the server runs.
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

// Alignment computes what would bring a secondary's settings in line with its primary's; it changes nothing. Left out are those that
// need a restart, a stopped thread or a person's judgement (docs/proof.md says which).
func Alignment(ctx context.Context, primary, secondary node.Reader) ([]SettingChange, error) {
	found, _, err := readDrifts(ctx, primary, secondary)
	if err != nil {
		return nil, err
	}
	var out []SettingChange
	for _, d := range found {
		if d.setting.align == bySetPersist {
			out = append(out, SettingChange{Name: d.name, From: d.secondary, To: d.want, Why: d.setting.why})
		}
	}
	return out, nil
}

// Align makes changes that Alignment computed, on the secondary alone, one after another, and reads each back. A change that was made
// before is none; a value that is neither From nor To was set by somebody since: an error, and nothing further is changed. A
// name that the list does not let be aligned is an error before anything is changed.
func Align(ctx context.Context, secondary node.Pinned, changes []SettingChange) error {
	for _, c := range changes {
		allowed := slices.ContainsFunc(settings, func(s setting) bool { return s.align == bySetPersist && slices.Contains(s.names, c.Name) })
		if !allowed {
			return fmt.Errorf("%s: %s is not among the settings that can be aligned; see docs/proof.md", secondary.Node, c.Name)
		}
	}
	for _, c := range changes {
		now, err := readValues(ctx, secondary)
		if err != nil {
			return err
		}
		switch value := now[c.Name]; {
		case strings.EqualFold(value, c.To):
			continue
		case value != c.From:
			return fmt.Errorf("%s: %s is %q and was %q when the change was planned: somebody else set it; plan again", secondary.Node, c.Name, value, c.From)
		}
		if _, err := secondary.Conn.ExecContext(ctx, c.Statement()); err != nil {
			return nodeError(ctx, secondary.Node, "SET PERSIST "+c.Name, err)
		}
		if now, err = readValues(ctx, secondary); err != nil {
			return err
		}
		if !strings.EqualFold(now[c.Name], c.To) {
			return fmt.Errorf("%s: %s is %q after it was set to %q; set it by hand", secondary.Node, c.Name, now[c.Name], c.To)
		}
	}
	return nil
}
