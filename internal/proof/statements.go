package proof

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"regexp"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// information_schema leaves out a few things: that a column has no default at all, a full-text index's parser, a view's algorithm, an
// index's or a table's attributes for an engine, a table's general tablespace. They stand in the statement that would create the object.
const (
	createLine    = "line"      // of one column, index or constraint
	createOptions = "statement" // all the rest; it may hold the password of a FEDERATED table's connection
)

// errViewInvalid is the server's word for a view that names what is not there.
const errViewInvalid = 1356

var autoIncrement = regexp.MustCompile(` AUTO_INCREMENT=[0-9]+`)

// addStatements adds the statement of each wanted object to what is known of it.
func (d definitions) addStatements(ctx context.Context, s *session, a aspect, wanted func(objectID) bool) error {
	return createStatements(ctx, s, a.statement(nil), wanted, func(id objectID, text string) {
		sum := d[id]
		sum.add(sha256.Sum256([]byte(text)))
		d[id] = sum
	})
}

// createStatements hands out the statement of each wanted object that the list names. Of one that is gone meanwhile, or that the server
// cannot show (a view whose table is gone), it says only that; one that DDL keeps locked never looks alike twice.
func createStatements(ctx context.Context, s *session, list string, wanted func(objectID) bool, each func(objectID, string)) error {
	var all []objectID
	if err := eachText(ctx, s, list, func(row []sql.RawBytes) error {
		if id := (objectID{string(row[0]), string(row[1])}); wanted(id) {
			all = append(all, id)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, id := range all {
		err := eachText(ctx, s, "SHOW CREATE TABLE "+node.Quote(id.schema)+"."+node.Quote(id.name), func(row []sql.RawBytes) error {
			each(id, autoIncrement.ReplaceAllString(string(row[1]), ""))
			return nil
		})
		switch node.Number(err) {
		case node.ErrnoNoSuchTable, errBadDatabase, errViewInvalid:
			each(id, "cannot be shown")
		case node.ErrnoLockWaitTimeout, node.ErrnoQueryInterrupted: // not known this time: like nothing else, so that it is looked at again
			each(id, "not known at "+time.Now().String())
		default:
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// createFacts are the lines of one object's statement, each by what it is about.
func createFacts(ctx context.Context, s *session, a aspect, id objectID) (map[string]fact, error) {
	out := map[string]fact{}
	err := createStatements(ctx, s, a.statement(&id), func(found objectID) bool { return found == id }, func(_ objectID, text string) {
		for line := range strings.SplitSeq(text, "\n") {
			member, name := "", createOptions
			if described, ok := strings.CutPrefix(line, "  "); ok {
				line, name = strings.TrimSuffix(described, ","), createLine
				if kind, rest, quoted := strings.Cut(line, "`"); quoted {
					about, _, _ := strings.Cut(rest, "`")
					member = kind + about
				} else {
					member = line
				}
			}
			value := line
			if f, more := out[member]; more {
				value = f.values[0].String + "\n" + line
			}
			out[member] = fact{member: member, names: []string{name}, values: []sql.NullString{{String: value, Valid: true}}}
		}
	})
	return out, err
}
