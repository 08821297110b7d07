package check

import (
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

// Grants is what an account holds on *.*, as SHOW GRANTS says it.
type Grants struct {
	// Privileges are names in capitals, such as "REPLICATION SLAVE".
	Privileges []string
	// Revoked are partial revokes, as "PRIVILEGE ON `schema`.*" (MySQL manual: partial_revokes).
	Revoked []string
}

// allPrivileges is how older servers abbreviate.
const allPrivileges = "ALL PRIVILEGES"

// parseGrants reads the lines of SHOW GRANTS. Grants below *.*, roles and proxies are not what a run can rely on, and are
// left out.
func parseGrants(lines []string) Grants {
	var g Grants
	for _, line := range lines {
		if names, ok := between(line, "GRANT ", " ON *.* TO "); ok {
			g.Privileges = append(g.Privileges, names...)
		} else if strings.HasPrefix(line, "REVOKE ") {
			what, _, _ := strings.Cut(strings.TrimPrefix(line, "REVOKE "), " FROM ")
			g.Revoked = append(g.Revoked, what)
		}
	}
	slices.Sort(g.Privileges)
	g.Privileges = slices.Compact(g.Privileges)
	return g
}

func between(line, before, after string) ([]string, bool) {
	rest, ok := strings.CutPrefix(line, before)
	if !ok {
		return nil, false
	}
	list, _, ok := strings.Cut(rest, after)
	if !ok {
		return nil, false
	}
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		names = append(names, strings.ToUpper(strings.TrimSpace(name)))
	}
	return names, true
}

// Missing names what the role needs on that version and the account does not hold on *.*.
func (g Grants) Missing(role inventory.Role, version inventory.Version) []string {
	held := g.Privileges
	if slices.Contains(held, allPrivileges) {
		// The abbreviation stands for the static privileges alone; the dynamic ones, which bear underscores, are listed.
		for _, p := range inventory.Requirements(role, version) {
			if !strings.Contains(p.Name, "_") {
				held = append(slices.Clip(held), p.Name)
			}
		}
	}
	var names []string
	for _, p := range inventory.Missing(role, version, held) {
		names = append(names, p.Name)
	}
	return names
}
