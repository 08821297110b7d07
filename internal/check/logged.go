package check

import (
	"regexp"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// An identifier as a statement writes it, quoted or not.
const identifier = "(?:`(?:[^`]|``)+`|[0-9A-Za-z$_\u0080-\uffff]+)"

var (
	usesSchema = regexp.MustCompile(`^USE (` + identifier + `); `)
	// CREATE TABLE IF NOT EXISTS is logged even when the table was there before, so it tells nothing. For a schema that does not matter: what
	// it holds is judged table by table.
	makesSchema = regexp.MustCompile(`(?is)^CREATE\s+(?:DATABASE|SCHEMA)\s+(?:IF\s+NOT\s+EXISTS\s+)?(` + identifier + `)`)
	makesTable  = regexp.MustCompile(`(?is)^(CREATE|ALTER)\s+TABLE\s+(` + identifier + `)(?:\s*\.\s*(` + identifier + `))?`)
	renames     = regexp.MustCompile(`(?is)^RENAME\s+TABLES?\s`)
	renamesTo   = regexp.MustCompile(`(?is)\sTO\s+(` + identifier + `)(?:\s*\.\s*(` + identifier + `))?`)
)

// markLogged marks what the errant transactions made or changed by a statement that the preview shows: that is in the binary log, from its
// first row on. The preview is capped, and what it does not show stays unmarked: then a rescue is refused, which loses nothing.
func markLogged(objects []contract.OnlyHere, preview *contract.LossPreview) {
	if preview == nil || preview.Unreadable != "" {
		return
	}
	made, changed := map[string]bool{}, map[string]bool{}
	for _, statement := range preview.Statements {
		schema := ""
		if use := usesSchema.FindStringSubmatch(statement); use != nil {
			schema, statement = unquoted(use[1]), statement[len(use[0]):]
		}
		name := func(first, second string) string {
			if second == "" {
				return schema + "." + unquoted(first)
			}
			return unquoted(first) + "." + unquoted(second)
		}
		if m := makesSchema.FindStringSubmatch(statement); m != nil {
			made[unquoted(m[1])] = true
		} else if m := makesTable.FindStringSubmatch(statement); m != nil && !strings.EqualFold(m[2], "IF") {
			if strings.EqualFold(m[1], "CREATE") {
				made[name(m[2], m[3])] = true
			}
			changed[name(m[2], m[3])] = true
		}
		if renames.MatchString(statement) {
			for _, m := range renamesTo.FindAllStringSubmatch(statement, -1) {
				made[name(m[1], m[2])] = true
			}
		}
	}
	for i, object := range objects {
		switch {
		case object.Kind != contract.ObjectSchema && object.Kind != contract.ObjectTable:
		case object.Differs != "":
			objects[i].Logged = changed[object.Name]
		default:
			objects[i].Logged = made[object.Name]
		}
	}
}

func unquoted(identifier string) string {
	if inner, quoted := strings.CutPrefix(identifier, "`"); quoted {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "`"), "``", "`")
	}
	return identifier
}
