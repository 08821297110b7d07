package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Check is one precondition.
type Check struct {
	// Code names the check in findings; it never changes its meaning.
	Code string
	// Wanted says in words what the check wants; findings that say nothing more exact bear it.
	Wanted string
	// OnlyErasing checks are about what an erase and a clone need; a verification does without them.
	OnlyErasing bool
	// NeedsPrimary checks can say nothing as long as the primary is unknown, which is a failure of its own.
	NeedsPrimary bool
	// Judge is pure. It returns what is amiss; nothing means that all is well.
	Judge func(*Observations) []contract.Finding
}

// Applies reports whether the check has something to say about these observations.
func (c Check) Applies(o *Observations) bool {
	return (!c.OnlyErasing || o.Erases()) && (!c.NeedsPrimary || o.Primary() != nil)
}

// Judge runs every check that applies, in the order of All. A check with nothing to object says so with one finding that
// passes.
func Judge(o *Observations) []contract.Finding {
	var all []contract.Finding
	for _, c := range All() {
		if !c.Applies(o) {
			continue
		}
		found := c.Judge(o)
		if len(found) == 0 {
			found = []contract.Finding{{Verdict: contract.VerdictPass, Observed: "as wanted"}}
		}
		for _, f := range found {
			f.Code = c.Code
			if f.Wanted == "" {
				f.Wanted = c.Wanted
			}
			all = append(all, f)
		}
	}
	return all
}

// found is one finding of the check that returns it.
func found(verdict contract.Verdict, nodeName, observed, wanted, remedy string) contract.Finding {
	return contract.Finding{Verdict: verdict, Node: nodeName, Observed: observed, Wanted: wanted, Remedy: remedy}
}

func fails(nodeName, observed, wanted, remedy string) contract.Finding {
	return found(contract.VerdictFail, nodeName, observed, wanted, remedy)
}

func warns(nodeName, observed, wanted, remedy string) contract.Finding {
	return found(contract.VerdictWarn, nodeName, observed, wanted, remedy)
}

// severity is a failure where it concerns what the run works on, else a warning.
func severity(fail bool) contract.Verdict {
	if fail {
		return contract.VerdictFail
	}
	return contract.VerdictWarn
}

// quoted writes a text as a MySQL string for a remedy.
func quoted(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "'", "''") + "'"
}

// account writes user@host as SQL does.
func account(user, host string) string { return quoted(user) + "@" + quoted(host) }

// shortened keeps a GTID set or a list readable in a message; the plan has it whole.
func shortened(text string) string {
	const limit = 300
	if len(text) <= limit {
		return text
	}
	return fmt.Sprintf("%s... (%d characters)", text[:limit], len(text))
}

func enumerated(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// plural counts things in words: "1 transaction", "2 transactions".
func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// switchedOn is the judgement that many checks share: a switch must be on, on each of the nodes.
func switchedOn(nodes []*Observation, setting, remedy string) []contract.Finding {
	var all []contract.Finding
	for _, n := range nodes {
		if !n.Has(setting) || n.On(setting) {
			continue // one that the version lacks cannot be off
		}
		all = append(all, fails(n.Node, setting+" = "+n.Value(setting), setting+" = ON", remedy))
	}
	return slices.Clip(all)
}

func sorted(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}
