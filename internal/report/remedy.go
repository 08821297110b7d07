package report

import (
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Remedies are the statements that one node is to be given, out of the findings of a plan.
type Remedies struct {
	Node    string `json:"node"`
	Address string `json:"address,omitempty"`
	// Primary says that the statements are for the primary, from which replication carries them on.
	Primary bool `json:"primary,omitempty"`
	// SQL are the remedies in the order of their findings, each whole, with its semicolons.
	SQL []string `json:"sql"`
}

// onPrimary ends a remedy for a node that is to be applied on the primary.
const onPrimary = "(on the primary)"

// RemediesOf collects the remedies that are SQL and nothing else, by node: the primary first, then the order of the plan. What needs a
// person's judgement ("if db1 is the primary: ...") is no such remedy, and neither is an option, a line of the inventory, or SQL of which
// nobody says where it belongs.
func RemediesOf(plan contract.Plan) []Remedies {
	var all []Remedies
	for i, node := range append([]contract.PlanNode{plan.Primary}, plan.Secondaries...) {
		if node.Name == "" {
			continue
		}
		one := Remedies{Node: node.Name, Address: node.Address, Primary: i == 0}
		for _, finding := range plan.Findings {
			sql, elsewhere := strings.CutSuffix(strings.TrimSpace(finding.Remedy), onPrimary)
			sql = strings.TrimSpace(sql)
			here := finding.Node == node.Name && !elsewhere || one.Primary && elsewhere
			if finding.Verdict == contract.VerdictPass || !here || !isSQL(sql) || slices.Contains(one.SQL, sql) {
				continue
			}
			one.SQL = append(one.SQL, sql)
		}
		if len(one.SQL) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// verbs begin the statements that remedies consist of.
var verbs = []string{
	"ALTER", "CHANGE", "CREATE", "DROP", "FLUSH", "GRANT", "INSTALL", "KILL", "RENAME", "RESET", "REVOKE", "SET", "START", "STOP", "UNINSTALL",
}

// isSQL reports whether a text is nothing but statements, each with its semicolon.
func isSQL(text string) bool {
	statements, rest := statementsOf(text)
	if strings.TrimSpace(rest) != "" {
		return false
	}
	for _, statement := range statements {
		words := strings.Fields(statement)
		if len(words) < 2 || !slices.Contains(verbs, words[0]) {
			return false
		}
	}
	return len(statements) > 0
}

// statementsOf splits at semicolons outside of quotes; rest is what follows the last one.
func statementsOf(text string) (statements []string, rest string) {
	var quote rune
	begin, escaped := 0, false
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != 0 && quote != '`':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"' || r == '`':
			quote = r
		case r == ';':
			statements = append(statements, strings.TrimSpace(text[begin:i]))
			begin = i + 1
		}
	}
	return statements, text[begin:]
}

// pasted is the block for one node, to be given to one session. A remedy that keeps itself out of the binary log must not keep the next
// one out as well.
func (r Remedies) pasted() string {
	var lines []string
	for i, sql := range r.SQL {
		lines = append(lines, sql)
		if strings.Contains(strings.ToLower(sql), "sql_log_bin = 0") && i < len(r.SQL)-1 {
			lines = append(lines, "SET SESSION sql_log_bin = 1;")
		}
	}
	return strings.Join(lines, "\n")
}
