package proof

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// differenceCounts are exact unless atLeast is set.
type differenceCounts struct {
	missing, extra, changed int64
	atLeast                 bool
}

func (c differenceCounts) total() int64 { return c.missing + c.extra + c.changed }

func (c differenceCounts) String() string {
	s := fmt.Sprintf("%d rows missing, %d extra, %d changed", c.missing, c.extra, c.changed)
	if c.atLeast {
		s += " (at least)"
	}
	return s
}

// locator merges one span of the primary and of one secondary down to the rows that differ.
type locator struct {
	ctx          context.Context
	span         span
	ours, theirs *session
	options      Options

	counts differenceCounts
	listed []contract.ProofDifference
}

// listedPerSpan bounds the listed rows of one span, so that one broken table does not hide all others.
const listedPerSpan = 20

// found is one differing row before it is described.
type found struct {
	kind contract.ProofDifferenceKind
	at   position
	key  string
}

// ordered walks the span in blocks of the primary: a block's rows are kept by key, the secondary's rows of the same stretch are
// streamed past them. Memory is one block of the primary, however many rows the secondary has there.
func (l *locator) ordered() error {
	t := l.span.table
	identity := t.identity()
	at := l.span
	limit := min(l.options.sizes.limitFor(t.rowBytes(), blockBytes, blockRowsMin), locateRows)
	if l.options.ServerSide {
		limit = min(limit, fineRows)
	}
	var finds []found
	find := func(kind contract.ProofDifferenceKind, row []driver.Value) error {
		if len(finds) >= listedPerSpan {
			return nil
		}
		p, err := t.positionOf(row)
		if err == nil {
			finds = append(finds, found{kind: kind, at: p, key: t.describeKey(row)})
		}
		return err
	}
	for {
		if l.options.ServerSide {
			if more, err := l.skipEqual(&at); err != nil || !more {
				return err
			}
		}
		ours := make(map[string][sha256.Size]byte, limit)
		var rows int64
		var last position
		err := l.ours.rows(l.ctx, at.statement(limit, identity...), func(row []driver.Value) error {
			key, hash, err := t.identify(row, len(identity))
			if err != nil {
				return err
			}
			if rows++; rows == int64(limit) {
				if last, err = t.positionOf(row); err != nil {
					return err
				}
			}
			ours[key] = hash
			return nil
		})
		if err != nil {
			return nodeError(l.ctx, l.ours.Node, "read a differing block", err)
		}
		stretch := at
		if rows == int64(limit) {
			stretch.upTo = last
		}
		err = l.theirs.rows(l.ctx, stretch.statement(0, identity...), func(row []driver.Value) error {
			key, hash, err := t.identify(row, len(identity))
			if err != nil {
				return err
			}
			was, has := ours[key]
			switch {
			case !has:
				l.counts.extra++
				return find(contract.ProofExtra, row)
			case was != hash:
				l.counts.changed++
				err = find(contract.ProofChanged, row)
			}
			delete(ours, key)
			return err
		})
		if err != nil {
			return nodeError(l.ctx, l.theirs.Node, "read a differing block", err)
		}
		if len(ours) > 0 {
			l.counts.missing += int64(len(ours))
			// Which keys they are is read once more, rather than kept for every row.
			err = l.ours.rows(l.ctx, stretch.statement(0, identity...), func(row []driver.Value) error {
				key, _, err := t.identify(row, len(identity))
				if _, missing := ours[key]; err == nil && missing {
					err = find(contract.ProofMissing, row)
				}
				return err
			})
			if err != nil {
				return nodeError(l.ctx, l.ours.Node, "read a differing block", err)
			}
		}
		if err := l.describe(&finds); err != nil {
			return err
		}
		if err := l.releaseLocks(); err != nil {
			return err
		}
		if rows < int64(limit) {
			return nil
		}
		at.after = last
	}
}

func (l *locator) releaseLocks() error {
	for _, s := range []*session{l.ours, l.theirs} {
		if err := s.releaseLocks(l.ctx); err != nil {
			return nodeError(l.ctx, s.Node, "release locks", err)
		}
	}
	return nil
}

// identity gives the expressions by which rows of both sides are paired: for text the collation's own weights, so that a key that
// differs in case only, under a collation that does not see case, is one changed row and not two.
func (t *table) identity() []string {
	var out []string
	for _, k := range t.key {
		c := t.columns[k.column]
		if c.dataType != "char" && c.dataType != "varchar" {
			continue
		}
		if c.padSpace && c.maxLength > 0 { // trailing blanks do not count
			out = append(out, fmt.Sprintf("WEIGHT_STRING(%s AS CHAR(%d))", node.Quote(c.name), c.maxLength))
		} else {
			out = append(out, "WEIGHT_STRING("+node.Quote(c.name)+")")
		}
	}
	return out
}

// identify gives a row's key for pairing, and its hash. The last n values are those of identity.
func (t *table) identify(row []driver.Value, n int) (string, [sha256.Size]byte, error) {
	var key []byte
	var err error
	for _, k := range t.key {
		if c := t.columns[k.column]; c.dataType == "char" || c.dataType == "varchar" {
			continue
		}
		if key, err = appendValue(key, row[k.column]); err != nil {
			return "", [sha256.Size]byte{}, err
		}
	}
	if key, err = appendRow(key, row[len(row)-n:]); err != nil {
		return "", [sha256.Size]byte{}, err
	}
	whole, err := appendRow(nil, row[:len(t.columns)])
	return string(key), sha256.Sum256(whole), err
}

// describe lists finds; for a changed row both sides are asked again for the one row, to name its columns.
func (l *locator) describe(finds *[]found) error {
	t := l.span.table
	for _, f := range *finds {
		d := contract.ProofDifference{Kind: f.kind, Object: "row", Schema: t.schema, Name: t.name, Member: l.span.partition}
		if !l.options.HideKeys {
			d.Key = f.key
		}
		if f.kind == contract.ProofChanged {
			if err := l.columnsOf(&d, f.at); err != nil {
				return err
			}
		}
		l.list(d)
	}
	*finds = (*finds)[:0]
	return nil
}

func (l *locator) list(d contract.ProofDifference) {
	if len(l.listed) < listedPerSpan {
		l.listed = append(l.listed, d)
	}
}

func (l *locator) columnsOf(d *contract.ProofDifference, p position) error {
	t := l.span.table
	var encoded [2][][]byte
	var shown [2][]string
	for i, s := range []*session{l.ours, l.theirs} {
		from := t.sqlName()
		if l.span.partition != "" {
			from += " PARTITION (" + node.Quote(l.span.partition) + ")"
		}
		err := s.rows(l.ctx, "SELECT "+t.selectList()+" FROM "+from+" FORCE INDEX ("+node.Quote(t.keyName)+") WHERE "+t.at(p), func(row []driver.Value) error {
			encoded[i], shown[i] = nil, nil
			if i == 0 && !l.options.HideKeys { // where only the collation calls both keys equal, the primary's is the key
				d.Key = t.describeKey(row)
			}
			for j, v := range row[:len(t.columns)] {
				b, err := appendValue(nil, v)
				if err != nil {
					return err
				}
				encoded[i] = append(encoded[i], b)
				shown[i] = append(shown[i], t.columns[j].show(v))
			}
			return nil
		})
		if err != nil {
			return nodeError(l.ctx, s.Node, "read a differing row", err)
		}
	}
	if encoded[0] == nil || encoded[1] == nil {
		return nil
	}
	var values [2][]string
	for j, c := range t.columns {
		if !bytes.Equal(encoded[0][j], encoded[1][j]) {
			d.Columns = append(d.Columns, c.name)
			for i := range values {
				values[i] = append(values[i], shown[i][j])
			}
		}
	}
	if l.options.ShowValues {
		d.Primary, d.Secondary = cut(strings.Join(values[0], ", "), shownRow), cut(strings.Join(values[1], ", "), shownRow)
	}
	return nil
}

// describeKey writes a row's key for people.
func (t *table) describeKey(row []driver.Value) string {
	var out []string
	for _, k := range t.key {
		c := t.columns[k.column]
		out = append(out, node.Quote(c.name)+"="+c.show(row[k.column]))
	}
	return strings.Join(out, " AND ")
}

// shownValue and shownRow bound, in bytes, how much is shown of a value, and of a row's values.
const (
	shownValue = 64
	shownRow   = 400
)

// show writes a value as SQL: text where it is text, else hexadecimal.
func (c column) show(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []byte:
		switch {
		case slices.Contains([]string{"decimal", "bigint"}, c.dataType):
			return string(v)
		case c.text() && utf8.Valid(v):
			return "'" + strings.ReplaceAll(cut(string(v), shownValue), "'", "''") + "'"
		case len(v) > shownValue:
			return fmt.Sprintf("x'%x'...", v[:shownValue])
		}
		return fmt.Sprintf("x'%x'", v)
	}
	return "?"
}

// text says whether the server sends the column's values as readable text.
func (c column) text() bool {
	switch c.dataType {
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", "vector",
		"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		return false
	}
	return true
}
