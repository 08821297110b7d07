package binlog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Summary adds up what events did. Rows that an XA transaction changed count when it was committed, and when it is still prepared at the
// end, not when it was rolled back.
type Summary struct {
	decoder *Decoder
	also    func(Event, Change, error) error

	bytes        int64
	transactions int64
	first, last  time.Time
	tables       changes
	statements   []string
	began        []time.Time // of each of statements
	inAll        int
	undecoded    map[string]int64 // events, by why
	loads        int64

	// Of the transaction that is being read.
	current  changes
	xid      string
	prepared bool

	undecided map[string]changes // by xid
}

// NewSummary makes an empty one. also, if not nil, is told each change, or why an event could not be decoded; its error ends Add.
func NewSummary(decoder *Decoder, also func(Event, Change, error) error) *Summary {
	if also == nil {
		also = func(Event, Change, error) error { return nil }
	}
	return &Summary{
		decoder: decoder, also: also,
		tables: changes{}, current: changes{}, undecoded: map[string]int64{}, undecided: map[string]changes{},
	}
}

// Add takes the next event.
func (s *Summary) Add(e Event) error {
	if !e.Format {
		s.bytes += int64(e.Size)
	}
	if e.First {
		s.current, s.xid, s.prepared = changes{}, "", false
		if s.first.IsZero() || e.Committed.Before(s.first) {
			s.first = e.Committed
		}
		if e.Committed.After(s.last) {
			s.last = e.Committed
		}
	}
	var told error
	err := s.decoder.Decode(e, func(c Change) error {
		s.change(c)
		told = s.also(e, c, nil)
		return told
	})
	if told != nil {
		return told
	}
	if err != nil {
		s.undecoded[err.Error()]++
		if err := s.also(e, Change{}, err); err != nil {
			return err
		}
	}
	if e.Last {
		s.transactions++
		if s.prepared {
			s.undecided[s.xid] = s.current
		} else {
			s.tables.addAll(s.current)
		}
	}
	return nil
}

func (s *Summary) change(c Change) {
	switch {
	case c.Rows != nil:
		s.current.add(c.Rows)
	case c.XAPrepared:
		s.prepared = true
	case c.Statement != nil:
		if c.Loads {
			s.loads++
		}
		s.statement(*c.Statement)
	}
}

func (s *Summary) statement(statement Statement) {
	verb, rest, _ := strings.Cut(statement.Text, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "BEGIN", "COMMIT", "SAVEPOINT", "ROLLBACK":
		return
	case "XA":
		verb, xid, _ := strings.Cut(rest, " ")
		switch strings.ToUpper(verb) {
		case "START":
			s.xid = xid
			return
		case "END":
			return
		case "COMMIT", "ROLLBACK":
			rows, prepared := s.undecided[xid]
			delete(s.undecided, xid)
			if prepared {
				if strings.EqualFold(verb, "COMMIT") {
					s.current.addAll(rows)
				}
				return
			}
		}
	}
	s.inAll++
	if len(s.statements) < contract.MaxPreviewStatements {
		use := ""
		if statement.Schema != "" {
			use = "USE " + node.Quote(statement.Schema) + "; " // a name has at most 64 characters
		}
		s.statements = append(s.statements, use+redact(statement.Text, contract.MaxPreviewStatement-len(use)))
		s.began = append(s.began, statement.At)
	}
}

// Transactions is how many were read whole.
func (s *Summary) Transactions() int64 { return s.transactions }

// Bytes is the size of all events in the binary log.
func (s *Summary) Bytes() int64 { return s.bytes }

// Period is when the first and the last of the transactions were committed, by the node's own clock.
func (s *Summary) Period() (first, last time.Time) { return s.first, s.last }

// Tables are what became of the rows of each table, those with the most changes first.
func (s *Summary) Tables() []contract.TableChanges {
	all := changes{}
	all.addAll(s.tables)
	for _, rows := range s.undecided {
		all.addAll(rows)
	}
	size := func(t contract.TableChanges) int64 { return t.Inserted + t.Updated + t.Deleted }
	return slices.SortedFunc(maps.Values(all), func(a, b contract.TableChanges) int {
		return cmp.Or(cmp.Compare(size(b), size(a)), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Table, b.Table))
	})
}

// Statements are those that were logged as text, without literals, and how many there were in all.
func (s *Summary) Statements() (some []string, inAll int) {
	some, inAll = slices.Clone(s.statements), s.inAll
	if n := s.Undecided(); n > 0 {
		some = append(some, fmt.Sprintf("XA PREPARE (%d, neither committed nor rolled back)", n))
		inAll++
	}
	return some[:min(len(some), contract.MaxPreviewStatements)], inAll
}

// Undecided is how many XA transactions were prepared, and neither committed nor rolled back.
func (s *Summary) Undecided() int { return len(s.undecided) }

// Loads counts the statements that load a file.
func (s *Summary) Loads() int64 { return s.loads }

// Undecoded says what could not be looked into, empty if all was.
func (s *Summary) Undecoded() string {
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(s.undecoded)) {
		why = append(why, fmt.Sprintf("%s (%d times)", strings.ReplaceAll(reason, "\n", "; "), s.undecoded[reason]))
	}
	return strings.Join(why, "; ")
}

// Preview is the summary as a plan shows it, capped.
func (s *Summary) Preview() contract.LossPreview {
	tables := s.Tables()
	statements, inAll := s.Statements()
	return contract.LossPreview{
		Partial: s.Undecoded(), Bytes: s.bytes, First: s.first, Last: s.last,
		Tables: tables[:min(len(tables), contract.MaxPreviewTables)], TablesInAll: len(tables),
		Statements: statements, StatementsInAll: inAll, Began: slices.Clone(s.began),
	}
}

type table struct{ schema, name string }

type changes map[table]contract.TableChanges

func (c changes) add(rows *Rows) {
	t := contract.TableChanges{Schema: rows.Schema, Table: rows.Table}
	switch rows.Operation {
	case Inserted:
		t.Inserted = rows.Count
	case Updated:
		t.Updated = rows.Count
	case Deleted:
		t.Deleted = rows.Count
	}
	c.sum(t)
}

func (c changes) addAll(more changes) {
	for _, t := range more {
		c.sum(t)
	}
}

func (c changes) sum(t contract.TableChanges) {
	key := table{t.Schema, t.Table}
	all := c[key]
	t.Inserted, t.Updated, t.Deleted = t.Inserted+all.Inserted, t.Updated+all.Updated, t.Deleted+all.Deleted
	c[key] = t
}
