package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Setter is a Reader that also changes: a claim on a node, or one pinned connection.
type Setter interface {
	node.Reader
	// Exec runs one statement that returns no rows; doing says in words what for.
	Exec(ctx context.Context, doing, query string, args ...any) error
}

// Alignment computes what would bring a secondary's settings in line with its primary's; it changes nothing. Left out are those that
// need a restart, a stopped thread or a person's judgement (docs/proof.md says which).
func Alignment(ctx context.Context, primary, secondary node.Reader) ([]contract.SettingChange, error) {
	found, _, err := readDrifts(ctx, primary, secondary)
	if err != nil {
		return nil, err
	}
	var out []contract.SettingChange
	for _, d := range found {
		if d.setting.align == bySetPersist {
			out = append(out, contract.SettingChange{Name: d.name, From: d.secondary, To: d.want, Why: d.setting.why})
		}
	}
	return out, nil
}

// Align makes changes that Alignment computed, on the secondary alone, one after another, and reads each back. A change that was made
// before is none; a value that is neither From nor To was set by somebody since: an error, and nothing further is changed. A
// name that the list does not let be aligned is an error before anything is changed.
func Align(ctx context.Context, secondary Setter, changes []contract.SettingChange) error {
	for _, c := range changes {
		allowed := slices.ContainsFunc(settings, func(s setting) bool { return s.align == bySetPersist && slices.Contains(s.names, c.Name) })
		if !allowed {
			return fmt.Errorf("%s: %s is not among the settings that can be aligned; see docs/proof.md", secondary.Name(), c.Name)
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
			return fmt.Errorf("%s: %s is %q and was %q when the change was planned: somebody else set it; plan again", secondary.Name(), c.Name, value, c.From)
		}
		if err := secondary.Exec(ctx, "SET PERSIST "+c.Name, c.Statement()); err != nil {
			return nodeError(ctx, secondary.Name(), "SET PERSIST "+c.Name, err)
		}
		if now, err = readValues(ctx, secondary); err != nil {
			return err
		}
		if !strings.EqualFold(now[c.Name], c.To) {
			return fmt.Errorf("%s: %s is %q after it was set to %q; set it by hand", secondary.Name(), c.Name, now[c.Name], c.To)
		}
	}
	return nil
}
