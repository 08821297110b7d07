package proof

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"sort"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// table is one base table as the comparison of rows needs it.
type table struct {
	schema, name string
	engine       string
	rows         int64 // the server's estimate
	bytes        int64 // the server's estimate, on disk
	columns      []column
	key          []keyPart // of the NOT NULL unique key that orders the rows; empty: none
	keyName      string
	partitions   []string // leaf partitions; empty: not partitioned
	// shape identifies everything above that the comparison relies on. Two sides are read in lockstep only while their shapes agree.
	shape [sha256.Size]byte
}

type column struct {
	name      string
	dataType  string // as in information_schema.COLUMNS.DATA_TYPE
	charset   string
	collation string
	maxLength int64 // characters
	padSpace  bool
	nullable  bool
	labels    string // of an ENUM or SET, in their order
	unsigned  bool   // rows as they are sent do not show it
}

type keyPart struct {
	column     int // index into table.columns
	descending bool
}

type tableName struct{ schema, name string }

func (t *table) id() tableName   { return tableName{t.schema, t.name} }
func (t *table) sqlName() string { return node.Quote(t.schema) + "." + node.Quote(t.name) }
func (t *table) String() string  { return t.schema + "." + t.name }

// transactional says that a snapshot shows the table as it was. Of the engines a MySQL server comes with, only InnoDB's does.
func (t *table) transactional() bool { return strings.EqualFold(t.engine, "InnoDB") }

type catalog map[tableName]*table

// sorted gives the tables in the order of their names.
func (c catalog) sorted() []*table {
	out := make([]*table, 0, len(c))
	for _, t := range c {
		out = append(out, t)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].schema != out[j].schema {
			return out[i].schema < out[j].schema
		}
		return out[i].name < out[j].name
	})
	return out
}

// readCatalog reads the shape of every user table: a handful of statements, however many tables there are. It reads what is committed
// now, not what a snapshot shows, so callers read it before and after they rely on it.
func readCatalog(ctx context.Context, s *session) (catalog, error) {
	c := catalog{}
	keep := interner{}
	err := eachText(ctx, s, `SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(ENGINE,'')
		FROM information_schema.TABLES WHERE TABLE_TYPE='BASE TABLE' AND TABLE_SCHEMA `+node.UserSchemas, func(r []sql.RawBytes) error {
		t := &table{schema: keep.string(r[0]), name: string(r[1]), engine: keep.string(r[2])}
		c[t.id()] = t
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := readColumns(ctx, s, c, keep); err != nil {
		return nil, err
	}
	if err := readKeys(ctx, s, c, keep); err != nil {
		return nil, err
	}
	err = eachText(ctx, s, `SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(SUBPARTITION_NAME, PARTITION_NAME) FROM information_schema.PARTITIONS
		WHERE PARTITION_NAME IS NOT NULL AND TABLE_SCHEMA `+node.UserSchemas+`
		ORDER BY TABLE_SCHEMA, TABLE_NAME, PARTITION_ORDINAL_POSITION, SUBPARTITION_ORDINAL_POSITION`, func(r []sql.RawBytes) error {
		if t := c[tableName{string(r[0]), string(r[1])}]; t != nil {
			t.partitions = append(t.partitions, string(r[2]))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, t := range c {
		t.shape = t.computeShape()
	}
	return c, nil
}

// readSizes adds the estimates. They come from InnoDB's own table: information_schema.TABLES would open every table for them, and a
// read-only server cannot even remember what it found (measured on 9.7: 1.4 ms a table, each time).
func readSizes(ctx context.Context, s *session, c catalog) error {
	return eachText(ctx, s, `SELECT database_name, SUBSTRING_INDEX(SUBSTRING_INDEX(table_name, '#P#', 1), '#p#', 1), n_rows,
		clustered_index_size * @@global.innodb_page_size FROM mysql.innodb_table_stats`, func(r []sql.RawBytes) error {
		if t := c[tableName{string(r[0]), string(r[1])}]; t != nil {
			t.rows += number(r[2])
			t.bytes += number(r[3])
		}
		return nil
	})
}

// rowBytes is about the size of one row; 0 when nothing is known.
func (t *table) rowBytes() int64 {
	if t.rows == 0 {
		return 0
	}
	return t.bytes / t.rows
}

// readColumns leaves virtual generated columns out: they hold nothing that the others do not, and their definitions are compared with
// the schema. Invisible ones are in, for SELECT names every column.
func readColumns(ctx context.Context, s *session, c catalog, keep interner) error {
	pads := map[string]bool{}
	if err := eachText(ctx, s, `SELECT COLLATION_NAME FROM information_schema.COLLATIONS WHERE PAD_ATTRIBUTE='PAD SPACE'`,
		func(r []sql.RawBytes) error { pads[string(r[0])] = true; return nil }); err != nil {
		return err
	}
	return eachText(ctx, s, `SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, COALESCE(CHARACTER_SET_NAME,''),
		COALESCE(COLLATION_NAME,''), COALESCE(CHARACTER_MAXIMUM_LENGTH,0), IS_NULLABLE, IF(DATA_TYPE IN ('enum','set'), COLUMN_TYPE, ''),
		COLUMN_TYPE LIKE '%unsigned%'
		FROM information_schema.COLUMNS
		WHERE EXTRA NOT LIKE '%VIRTUAL GENERATED%' AND TABLE_SCHEMA `+node.UserSchemas+`
		ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION`, func(r []sql.RawBytes) error {
		t := c[tableName{string(r[0]), string(r[1])}]
		if t == nil { // a view, or created since
			return nil
		}
		collation := keep.string(r[5])
		t.columns = append(t.columns, column{
			name: keep.string(r[2]), dataType: strings.ToLower(keep.string(r[3])), charset: keep.string(r[4]), collation: collation,
			maxLength: number(r[6]), padSpace: pads[collation], nullable: string(r[7]) == "YES", labels: keep.string(r[8]),
			unsigned: string(r[9]) == "1",
		})
		return nil
	})
}

// readKeys gives each table the key that its rows are ordered by: the primary key, else the first unique index by name whose parts are
// whole, NOT NULL, stored columns. An invisible index is no candidate, for it cannot be forced.
func readKeys(ctx context.Context, s *session, c catalog, keep interner) error {
	type candidate struct {
		name  string
		parts []keyPart
		bad   bool
	}
	var at tableName
	var found []*candidate
	choose := func() {
		t := c[at]
		if t == nil {
			return
		}
		var best *candidate
		for _, k := range found {
			if !k.bad && (best == nil || k.name == "PRIMARY" || (best.name != "PRIMARY" && k.name < best.name)) {
				best = k
			}
		}
		if best != nil {
			t.key, t.keyName = best.parts, best.name
		}
	}
	err := eachText(ctx, s, `SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COALESCE(COLUMN_NAME,''), COALESCE(COLLATION,''),
		SUB_PART IS NOT NULL OR NULLABLE='YES' OR IS_VISIBLE='NO' OR INDEX_TYPE<>'BTREE' FROM information_schema.STATISTICS
		WHERE NON_UNIQUE=0 AND TABLE_SCHEMA `+node.UserSchemas+`
		ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`, func(r []sql.RawBytes) error {
		name := tableName{string(r[0]), string(r[1])}
		if name != at {
			choose()
			at, found = name, nil
		}
		index := string(r[2])
		if len(found) == 0 || found[len(found)-1].name != index {
			found = append(found, &candidate{name: keep.string(r[2])})
		}
		k := found[len(found)-1]
		part := -1
		if t := c[name]; t != nil {
			for i, col := range t.columns {
				if strings.EqualFold(col.name, string(r[3])) {
					part = i
				}
			}
		}
		// A part that is no stored column is an expression or a virtual column. One whose order we cannot write as a condition is
		// as good as none.
		if part < 0 || string(r[5]) != "0" || !c[name].columns[part].ordered() {
			k.bad = true
			return nil
		}
		k.parts = append(k.parts, keyPart{column: part, descending: string(r[4]) == "D"})
		return nil
	})
	choose()
	return err
}

func (t *table) computeShape() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", t.schema, t.name, t.engine)
	for _, c := range t.columns {
		fmt.Fprintf(h, "%q %q %q %q %d %t %q %t\n", c.name, c.dataType, c.charset, c.collation, c.maxLength, c.nullable, c.labels, c.unsigned)
	}
	fmt.Fprintf(h, "%q %v\n", t.keyName, t.key)
	for _, p := range t.partitions {
		fmt.Fprintf(h, "%q\n", p)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// eachText hands out the rows of a metadata statement; values are valid until each returns.
func eachText(ctx context.Context, s *session, statement string, each func([]sql.RawBytes) error) error {
	rows, err := s.Conn.QueryContext(ctx, statement)
	if err != nil {
		return nodeError(ctx, s.Node, "read metadata", err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nodeError(ctx, s.Node, "read metadata", err)
	}
	values := make([]sql.RawBytes, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nodeError(ctx, s.Node, "read metadata", err)
		}
		if err := each(values); err != nil {
			return err
		}
	}
	return nodeError(ctx, s.Node, "read metadata", rows.Err())
}

func number(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		if n > (1<<62)/10 {
			return 1 << 62
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// interner keeps one copy of strings that occur in thousands of tables.
type interner map[string]string

func (i interner) string(b []byte) string {
	if s, ok := i[string(b)]; ok {
		return s
	}
	s := string(b)
	i[s] = s
	return s
}
