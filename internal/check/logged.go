package check

import (
	"regexp"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	// An identifier as a statement writes it, quoted or not.
	identifier = "(?:`(?:[^`]|``)+`|[0-9A-Za-z$_\u0080-\uffff]+)"
	// The name of a table, with its schema or without, in two groups.
	named = "(" + identifier + `)(?:\s*\.\s*(` + identifier + "))?"
)

var (
	usesSchema = regexp.MustCompile(`^USE (` + identifier + `); `)
	// Such a statement is logged even when the table was there before. For a schema that does not matter: what it holds is judged table by table.
	makesUnless = regexp.MustCompile(`(?is)^CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\s+` + named)
	makesSchema = regexp.MustCompile(`(?is)^CREATE\s+(?:DATABASE|SCHEMA)\s+(?:IF\s+NOT\s+EXISTS\s+)?(` + identifier + `)`)
	dropsSchema = regexp.MustCompile(`(?is)^DROP\s+(?:DATABASE|SCHEMA)\s+(?:IF\s+EXISTS\s+)?(` + identifier + `)`)
	makesTable  = regexp.MustCompile(`(?is)^CREATE\s+TABLE\s+` + named)
	dropsTables = regexp.MustCompile(`(?is)^DROP\s+TABLES?\s+(?:IF\s+EXISTS\s+)?`)
	next        = regexp.MustCompile(`(?is)^` + named + `\s*,?\s*`)
	alters      = regexp.MustCompile(`(?is)^ALTER\s+TABLE\s+` + named)
	alterMoves  = regexp.MustCompile(`(?is)[\s,]RENAME\s+(?:(?:TO|AS)\s+|=\s*)?` + named)
	// What such a statement brings into a table, or takes from another, never was in a binary log. Nor can it be told what a comment that the
	// server runs does.
	alterBrings = regexp.MustCompile(`(?is)(?:/\*!|[\s,](?:IMPORT|EXCHANGE)\s)(?:.*\sWITH\s+TABLE\s+` + named + `)?`)
	renames     = regexp.MustCompile(`(?is)^RENAME\s+TABLES?\s`)
	renamesOne  = regexp.MustCompile(`(?is)` + named + `\s+TO\s+` + named)
)

// markLogged marks what the errant transactions made or changed by a statement that the preview shows: that is in the binary log, from its
// first row on. there are the primary's tables and made says when each of the node's own was made, by name. The preview is capped, and what it does not show stays unmarked: then a rescue is
// refused, which loses nothing.
func markLogged(objects []contract.OnlyHere, preview *contract.LossPreview, there map[string]bool, made map[string]time.Time) {
	if preview == nil || preview.Unreadable != "" {
		return
	}
	l := logged{there: there, made: made, schemas: map[string]bool{}, whole: map[string]bool{}, changed: map[string]bool{}, brought: map[string]bool{}}
	for i, statement := range preview.Statements {
		began := time.Time{}
		if i < len(preview.Began) { // the last may be none of the log's
			began = preview.Began[i]
		}
		l.follow(statement, began)
	}
	for i, object := range objects {
		switch {
		case object.Kind == contract.ObjectSchema:
			objects[i].Logged = l.schemas[object.Name]
		case object.Kind != contract.ObjectTable:
		case object.Differs != "":
			objects[i].Logged = l.changed[object.Name] && !l.brought[object.Name]
		default:
			objects[i].Logged = l.keeps(object.Name)
		}
	}
}

// logged is what the statements up to one tell of tables, by name.
type logged struct {
	there   map[string]bool
	made    map[string]time.Time
	schemas map[string]bool // that were made
	whole   map[string]bool // the rows of a table are in the log; false if they may not be. Of others there tells.
	changed map[string]bool
	brought map[string]bool
}

// keeps reports whether the log has the table whole: made there, or the primary's own under its old name or a new one.
func (l *logged) keeps(table string) bool {
	if whole, known := l.whole[table]; known {
		return whole
	}
	return l.there[table]
}

func (l *logged) move(from, to string) {
	l.whole[to] = l.keeps(from)
	l.changed[to] = l.whole[to]
	l.whole[from] = false
}

func (l *logged) bring(table string) { l.whole[table], l.brought[table] = false, true }

func (l *logged) follow(statement string, began time.Time) {
	schema := ""
	if use := usesSchema.FindStringSubmatch(statement); use != nil {
		schema, statement = unquoted(use[1]), statement[len(use[0]):]
	}
	name := func(parts []string) string {
		if parts[1] == "" {
			return schema + "." + unquoted(parts[0])
		}
		return unquoted(parts[0]) + "." + unquoted(parts[1])
	}
	if m := makesSchema.FindStringSubmatch(statement); m != nil {
		l.schemas[unquoted(m[1])] = true
	} else if m := dropsSchema.FindStringSubmatch(statement); m != nil {
		l.dropSchema(unquoted(m[1]))
	} else if m := makesUnless.FindStringSubmatch(statement); m != nil {
		// It made the table if that bears its time, and did nothing otherwise.
		if at, known := l.made[name(m[1:])]; known && !began.IsZero() && at.Equal(began) {
			l.whole[name(m[1:])] = true
		}
	} else if m := makesTable.FindStringSubmatch(statement); m != nil && !strings.EqualFold(m[1], "IF") {
		l.whole[name(m[1:])], l.changed[name(m[1:])] = true, true
	} else if drop := dropsTables.FindString(statement); drop != "" {
		for rest := statement[len(drop):]; ; {
			m := next.FindStringSubmatch(rest)
			if m == nil {
				break
			}
			l.whole[name(m[1:])] = false
			rest = rest[len(m[0]):]
		}
	} else if m := alters.FindStringSubmatch(statement); m != nil {
		l.alter(name, name(m[1:]), statement[len(m[0]):])
	} else if renames.MatchString(statement) {
		for _, m := range renamesOne.FindAllStringSubmatch(statement, -1) {
			l.move(name(m[1:]), name(m[3:]))
		}
	}
}

func (l *logged) alter(name func(parts []string) string, table, how string) {
	l.changed[table] = true
	if m := alterBrings.FindStringSubmatch(how); m != nil {
		l.bring(table)
		if m[1] != "" {
			l.bring(name(m[1:]))
		}
	}
	for _, m := range alterMoves.FindAllStringSubmatch(how, -1) {
		switch strings.ToUpper(m[1]) {
		case "COLUMN", "INDEX", "KEY":
		default:
			l.move(table, name(m[1:]))
		}
	}
}

func (l *logged) dropSchema(schema string) {
	delete(l.schemas, schema)
	for table := range l.whole {
		if strings.HasPrefix(table, schema+".") {
			l.whole[table] = false
		}
	}
}

func unquoted(identifier string) string {
	if inner, quoted := strings.CutPrefix(identifier, "`"); quoted {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "`"), "``", "`")
	}
	return identifier
}
