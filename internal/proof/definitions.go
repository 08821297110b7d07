package proof

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// aspect is one view of objects: a statement whose first column is the object's schema, the second its name, the third the member
// (a column, an index part, a privilege; empty if the row is about the object itself), and whose further columns are attributes.
// Every row of every aspect of an object together is its canonical definition.
type aspect struct {
	object string // what a row is about, in results: column, index, ...
	sql    string // SELECT list and FROM, without WHERE
	where  string // condition, without WHERE; "" for none
	schema string // expression for the first column, to ask for one object
	name   string // expression for the second
	// secret attributes are compared and named, their values never shown.
	secret []string
	// long attributes are texts of code: they may hold anything, so only that they differ is shown.
	long []string
	// optional aspects are left out where the server has no such table.
	since string
	// create says that sql lists the objects alone: SHOW CREATE describes each.
	create bool
}

// objectID names an object whose definition is compared as one.
type objectID struct{ schema, name string }

// definitions holds a digest per object: with 10,000 tables the texts themselves would be tens of megabytes a server.
type definitions map[objectID]multiset

func (a aspect) statement(one *objectID) string {
	var where []string
	if a.where != "" {
		where = append(where, a.where)
	}
	if one != nil {
		where = append(where, equals(a.schema, one.schema), equals(a.name, one.name))
	}
	if len(where) == 0 {
		return a.sql
	}
	return a.sql + " WHERE " + strings.Join(where, " AND ")
}

// equals asks for one object. An aspect without a schema, or without a name, says so with an empty literal.
func equals(expression, value string) string {
	if expression == "''" {
		return strconv.FormatBool(value == "")
	}
	return expression + " = " + literal(value)
}

// readDefinitions digests every object that the aspects show, and the statements of those that are wanted.
func readDefinitions(ctx context.Context, s *session, aspects []aspect, wanted func(objectID) bool) (definitions, error) {
	out := definitions{}
	var buf []byte
	for i, a := range aspects {
		if a.create {
			if err := out.addStatements(ctx, s, a, wanted); err != nil {
				return nil, err
			}
			continue
		}
		if ok, err := s.serves(ctx, a); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		err := eachText(ctx, s, a.statement(nil), func(row []sql.RawBytes) error {
			buf = appendTexts(binary.AppendUvarint(buf[:0], uint64(i)), row)
			id := objectID{string(row[0]), string(row[1])}
			sum := out[id]
			sum.add(sha256.Sum256(buf))
			out[id] = sum
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// serves says whether the server has the aspect's table.
func (s *session) serves(ctx context.Context, a aspect) (bool, error) {
	if a.since == "" {
		return true, nil
	}
	v, err := s.value(ctx, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA='information_schema' AND TABLE_NAME=?", a.since)
	return v != "0", err
}

func appendTexts(buf []byte, row []sql.RawBytes) []byte {
	for _, v := range row {
		if v == nil {
			buf = append(buf, 'n')
			continue
		}
		buf = append(binary.AppendUvarint(append(buf, 's'), uint64(len(v))), v...)
	}
	return buf
}

func differing(a, b definitions) []objectID {
	var out []objectID
	for id, sum := range a {
		if other, ok := b[id]; !ok || other != sum {
			out = append(out, id)
		}
	}
	for id := range b {
		if _, ok := a[id]; !ok {
			out = append(out, id)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].schema != out[j].schema {
			return out[i].schema < out[j].schema
		}
		return out[i].name < out[j].name
	})
	return out
}

// Definitions are not part of a snapshot, and a secondary is always a little behind. An object's difference counts only when the
// primary's definition was the same before and after the secondary's was read, and the secondary had by then applied all that the
// primary had executed after the first reading. That is not enough where DDL takes back what it did (a column added and dropped again
// between the primary's two readings): it has to hold at several looks, on both sides with the same definition throughout.
const (
	definitionTries = 12
	definitionLooks = 3
	definitionPause = 250 * time.Millisecond
)

// judgement is what came out about one secondary.
type judgement struct {
	differ   []objectID // for good
	restless []objectID // never stood still
}

// definitionOf is one object's definition at one look, or that there was none.
type definitionOf struct {
	sum   multiset
	known bool
}

func (d definitions) of(id objectID) definitionOf {
	sum, known := d[id]
	return definitionOf{sum, known}
}

// sighting is a difference that was seen at some looks running.
type sighting struct {
	ours, theirs definitionOf
	looks        int
}

// compareDefinitions judges all secondaries, and gives the number of objects on the primary.
func (e *engine) compareDefinitions(ctx context.Context, aspects []aspect, skip func(objectID) bool) ([]judgement, int, error) {
	out := make([]judgement, len(e.replicas))
	seen := make([]map[objectID]sighting, len(e.replicas))
	wanted := func(objectID) bool { return true }
	for try := 1; ; try++ {
		before, err := readDefinitions(ctx, e.primary.control, aspects, wanted)
		if err != nil {
			return nil, 0, err
		}
		theirs := make([]definitions, len(e.replicas))
		err = e.onceCaughtUp(ctx, func(r *replica) (err error) {
			theirs[r.index], err = readDefinitions(ctx, r.control, aspects, wanted)
			return err
		})
		if err != nil {
			return nil, 0, err
		}
		suspects := make([][]objectID, len(e.replicas))
		found := false
		for _, r := range e.alive() {
			i := r.index
			suspects[i] = slices.DeleteFunc(differing(before, theirs[i]), skip)
			found = found || len(suspects[i]) > 0
			out[i] = judgement{}
		}
		if !found {
			return out, len(before), nil
		}
		after, err := readDefinitions(ctx, e.primary.control, aspects, wanted)
		if err != nil {
			return nil, 0, err
		}
		open := false
		for _, r := range e.alive() {
			i := r.index
			now := map[objectID]sighting{}
			for _, id := range suspects[i] {
				s := sighting{ours: before.of(id), theirs: theirs[i].of(id)}
				if s.ours == after.of(id) {
					s.looks = 1
					if was := seen[i][id]; was.ours == s.ours && was.theirs == s.theirs {
						s.looks += was.looks
					}
				}
				now[id] = s
				if s.looks >= definitionLooks {
					out[i].differ = append(out[i].differ, id)
				} else {
					out[i].restless = append(out[i].restless, id)
					open = true
				}
			}
			seen[i] = now
		}
		if !open || try >= definitionTries {
			return out, len(before), nil
		}
		// A statement takes a round trip, and one look at which two were alike is enough.
		wanted = func(id objectID) bool {
			return slices.ContainsFunc(seen, func(of map[objectID]sighting) bool { return of[id].looks > 0 })
		}
		if err := pause(ctx, definitionPause); err != nil {
			return nil, 0, err
		}
	}
}

// fact is one row of an aspect.
type fact struct {
	member string
	names  []string
	values []sql.NullString
}

// factsOf reads one object's rows of one aspect, by member.
func factsOf(ctx context.Context, s *session, a aspect, id objectID) (map[string]fact, error) {
	if a.create {
		return createFacts(ctx, s, a, id)
	}
	out := map[string]fact{}
	if ok, err := s.serves(ctx, a); err != nil || !ok {
		return out, err
	}
	rows, err := s.Conn.QueryContext(ctx, a.statement(&id))
	if err != nil {
		return nil, nodeError(ctx, s.Node, "read the definition of "+id.schema+"."+id.name, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, nodeError(ctx, s.Node, "read a definition", err)
	}
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nodeError(ctx, s.Node, "read a definition", err)
		}
		out[values[2].String] = fact{member: values[2].String, names: names[3:], values: values[3:]}
	}
	return out, nodeError(ctx, s.Node, "read a definition", rows.Err())
}

// explain turns a differing object into differences: which member, and which attributes with what values.
func (e *engine) explain(ctx context.Context, r *replica, aspects []aspect, id objectID) ([]contract.ProofDifference, error) {
	var out []contract.ProofDifference
	for _, a := range aspects {
		if a.create && len(out) > 0 { // told by name already
			continue
		}
		ours, err := factsOf(ctx, e.primary.control, a, id)
		if err != nil {
			return nil, err
		}
		theirs, err := factsOf(ctx, r.control, a, id)
		if err != nil {
			return nil, err
		}
		members := map[string]bool{}
		for m := range ours {
			members[m] = true
		}
		for m := range theirs {
			members[m] = true
		}
		for _, m := range sortedKeys(members) {
			p, has := ours[m]
			s, had := theirs[m]
			d := contract.ProofDifference{Object: a.object, Schema: id.schema, Name: id.name, Member: m}
			switch {
			case !had:
				d.Kind = contract.ProofMissing
			case !has:
				d.Kind = contract.ProofExtra
			default:
				d.Kind = contract.ProofChanged
				var left, right []string
				for i, name := range p.names {
					if p.values[i] == s.values[i] {
						continue
					}
					d.Columns = append(d.Columns, strings.ToLower(name))
					left = append(left, a.show(name, p.values[i]))
					right = append(right, a.show(name, s.values[i]))
				}
				if len(d.Columns) == 0 {
					continue
				}
				d.Primary, d.Secondary = strings.Join(left, "; "), strings.Join(right, "; ")
			}
			out = append(out, d)
		}
	}
	return wholeObject(out), nil
}

// wholeObject keeps, of an object that is missing or extra as a whole, only the line that says so.
func wholeObject(all []contract.ProofDifference) []contract.ProofDifference {
	for _, d := range all {
		if d.Member == "" && d.Kind != contract.ProofChanged {
			return slices.DeleteFunc(all, func(o contract.ProofDifference) bool { return o.Kind == d.Kind && o.Member != "" })
		}
	}
	return all
}

func (a aspect) show(attribute string, v sql.NullString) string {
	switch {
	case slices.Contains(a.secret, attribute):
		return "(withheld)"
	case !v.Valid:
		return "NULL"
	case slices.Contains(a.long, attribute):
		return fmt.Sprintf("(%d characters)", len([]rune(v.String)))
	}
	return cut(v.String, 120)
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
