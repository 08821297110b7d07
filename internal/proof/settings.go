package proof

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// readValues reads the variables of the list, and the one of its entries that is a status.
func readValues(ctx context.Context, r node.Reader) (values, error) {
	var names []string
	for _, s := range settings {
		for _, name := range s.names {
			names = append(names, "'"+name+"'")
		}
	}
	names = append(names, "'rpl_semi_sync_source_enabled'", "'rpl_semi_sync_master_enabled'") // what acknowledges looks at
	in := " WHERE VARIABLE_NAME IN (" + strings.Join(names, ",") + ")"
	out := values{}
	err := node.Each(ctx, r, "read the settings", "SELECT VARIABLE_NAME, COALESCE(VARIABLE_VALUE,'') FROM performance_schema.global_variables"+in+
		" UNION ALL SELECT VARIABLE_NAME, COALESCE(VARIABLE_VALUE,'') FROM performance_schema.global_status"+in, nil,
		func(scan func(...any) error) error {
			var name, value string
			err := scan(&name, &value)
			out[strings.ToLower(name)] = value
			return err
		})
	return out, nodeError(ctx, r.Name(), "read the settings", err)
}

// settingsPause lies between two looks: somebody may just be setting a variable on one server after the other.
const settingsPause = time.Second

// readDrifts gives what is not fine on a secondary, at two looks.
func readDrifts(ctx context.Context, primary, secondary node.Reader) (found []drift, examined int, err error) {
	for look := range 2 {
		if look > 0 {
			if err := pause(ctx, settingsPause); err != nil {
				return nil, 0, err
			}
		}
		ours, err := readValues(ctx, primary)
		if err != nil {
			return nil, 0, err
		}
		theirs, err := readValues(ctx, secondary)
		if err != nil {
			return nil, 0, err
		}
		now := drifts(ours, theirs)
		if look > 0 {
			now = slices.DeleteFunc(now, func(d drift) bool {
				return !slices.ContainsFunc(found, func(o drift) bool { return o.name == d.name })
			})
		}
		found, examined = now, len(theirs)
		if len(found) == 0 {
			break
		}
	}
	return found, examined, nil
}

// proveSettings judges the variables that matter. A clone brings none of them, so no resync mends a drift: it is a warning, and only
// one that makes equal names mean different tables is a difference.
func (e *engine) proveSettings(ctx context.Context) error {
	for _, r := range e.alive() {
		found, examined, err := readDrifts(ctx, e.primary.control, r.control)
		if err != nil {
			return e.blame(r, err)
		}
		r.layer(contract.ProofSettings).Examined = int64(examined)
		for _, d := range found {
			report := contract.ProofDifference{Kind: contract.ProofChanged, Object: "setting", Name: d.name, Member: string(d.setting.class),
				Primary: cut(d.primary, 200), Secondary: cut(d.secondary, 200), Detail: d.detail()}
			if d.setting.class == sameNames {
				r.differ(contract.ProofSettings, e.options.Listed, report)
			} else {
				r.warn(contract.ProofSettings, e.options.Listed, report)
			}
		}
	}
	return nil
}
