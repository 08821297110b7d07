package rescue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/clusterresync/clusterresync/internal/binlog"
)

// text writes changes for people and their programs, one JSON object a line. Columns bear their names if the server logged them
// (binlog_row_metadata=FULL), else their number as mysqlbinlog shows it: @1 is the first.
type text struct {
	to        io.Writer
	committed time.Time
	line      bytes.Buffer
}

// add writes what one event did. It is told as well why an event could not be decoded.
func (t *text) add(e binlog.Event, change binlog.Change, undecoded error) error {
	switch {
	case undecoded != nil:
		return t.write(e, field{"notDecoded", undecoded.Error()})
	case change.XAPrepared:
		return t.write(e, field{"xa", "prepared, not decided"})
	case change.Statement != nil:
		return t.write(e, field{"schema", change.Statement.Schema}, field{"statement", printable(change.Statement.Text)})
	case change.Rows == nil:
		return nil
	}
	r := change.Rows
	fields := []field{{"schema", r.Schema}, {"table", r.Table}, {"change", string(r.Operation)}}
	if r.Event == nil {
		return t.write(e, append(fields, field{"rows", r.Count}, field{"notDecoded", "JSON columns were updated in part: see the events"})...)
	}
	columns := columnsOf(r.Event.Table)
	for i := 0; i < len(r.Event.Rows); i++ {
		image := row{columns, r.Event.Rows[i], r.Event.SkippedColumns[i]}
		all := append(fields[:len(fields):len(fields)], field{"row", image})
		if r.Operation == binlog.Updated {
			i++
			all[len(all)-1].name = "before"
			all = append(all, field{"after", row{columns, r.Event.Rows[i], r.Event.SkippedColumns[i]}})
		}
		if err := t.write(e, all...); err != nil {
			return err
		}
	}
	return nil
}

type field struct {
	name  string
	value any
}

func (t *text) write(e binlog.Event, fields ...field) error {
	t.line.Reset()
	t.line.WriteByte('{')
	for i, f := range append([]field{{"gtid", e.GTID.String()}, {"committed", t.committed}}, fields...) {
		if i > 0 {
			t.line.WriteByte(',')
		}
		if err := member(&t.line, f.name, f.value); err != nil {
			return err
		}
	}
	t.line.WriteString("}\n")
	_, err := t.to.Write(t.line.Bytes())
	return err
}

func member(to *bytes.Buffer, name string, value any) error {
	if err := encode(to, name); err != nil {
		return err
	}
	to.WriteByte(':')
	if r, is := value.(row); is {
		return r.encode(to)
	}
	return encode(to, value)
}

func encode(to *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write a change as text: a value of type %T has no text", value) // the error itself may quote it
	}
	to.Truncate(to.Len() - 1) // the encoder's line break
	return nil
}

// row is one image of a row, in the order of its columns.
type row struct {
	columns []column
	values  []any
	absent  []int // columns that the image leaves out
}

func (r row) encode(to *bytes.Buffer) error {
	to.WriteByte('{')
	absent, first := r.absent, true
	for i, v := range r.values {
		if len(absent) > 0 && absent[0] == i {
			absent = absent[1:]
			continue
		}
		if !first {
			to.WriteByte(',')
		}
		first = false
		c := column{name: "@" + strconv.Itoa(i+1)}
		if i < len(r.columns) {
			c = r.columns[i]
		}
		if err := member(to, c.name, c.value(v)); err != nil {
			return err
		}
	}
	to.WriteByte('}')
	return nil
}

// column is what a table map says of a column.
type column struct {
	name     string
	kind     byte
	unsigned bool
	binary   bool
	labels   []string // of an ENUM, if logged
}

// binaryCollation is the ID of the collation "binary".
const binaryCollation = 63

func columnsOf(table *replication.TableMapEvent) []column {
	unsigned, collations, labels := table.UnsignedMap(), table.CollationMap(), table.EnumStrValueMap()
	names := table.ColumnNameString()
	columns := make([]column, len(table.ColumnType))
	for i, kind := range table.ColumnType {
		columns[i] = column{
			name: "@" + strconv.Itoa(i+1), kind: kind,
			unsigned: unsigned[i], binary: collations[i] == binaryCollation, labels: labels[i],
		}
		if i < len(names) {
			columns[i].name = names[i]
		}
	}
	return columns
}

// value is a value as JSON has it. Bytes that are no text are {"base64": ...}; integers keep all their digits; times are UTC.
func (c column) value(v any) any {
	switch v := v.(type) {
	case int8:
		if c.unsigned {
			return uint8(v)
		}
	case int16:
		if c.unsigned {
			return uint16(v)
		}
	case int32:
		if c.unsigned && c.kind == mysql.MYSQL_TYPE_INT24 {
			return uint32(v) & 0xffffff
		}
		if c.unsigned {
			return uint32(v)
		}
	case int64:
		if n := int(v); c.labels != nil && n > 0 && n <= len(c.labels) {
			return c.labels[n-1]
		}
		if c.unsigned {
			return uint64(v)
		}
	case string:
		if c.kind == mysql.MYSQL_TYPE_JSON && json.Valid([]byte(v)) {
			return json.RawMessage(v)
		}
		if c.binary {
			return base64Of([]byte(v))
		}
		return printable(v)
	case []byte:
		if c.binary || c.kind == mysql.MYSQL_TYPE_GEOMETRY || c.kind == mysql.MYSQL_TYPE_VECTOR {
			return base64Of(v)
		}
		return printable(string(v))
	}
	return v
}

func printable(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return base64Of([]byte(s))
}

func base64Of(b []byte) any {
	return map[string][]byte{"base64": b}
}
