package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"
)

// Operation is what became of rows.
type Operation string

// The operations on rows.
const (
	Inserted Operation = "insert"
	Updated  Operation = "update"
	Deleted  Operation = "delete"
)

// Change is what one event did: either Rows or Statement is set, or XAPrepared.
type Change struct {
	Rows      *Rows
	Statement *Statement
	// Loads says that the statement is a LOAD DATA, whose rows are in a file that the events before it hold.
	Loads bool
	// XAPrepared says that the transaction was prepared under XA and not decided.
	XAPrepared bool
}

// Rows are changed rows of one table.
type Rows struct {
	Schema, Table string
	Operation     Operation
	// Count is how many rows, an update counting once.
	Count int64
	// Event has the values, an update's as pairs of images; nil when values were not asked for or cannot be decoded. It is valid during the
	// visit only.
	Event *replication.RowsEvent
}

// Statement is what was logged as text.
type Statement struct {
	// Schema is the default one; it may be empty or not exist.
	Schema string
	Text   string
	// At is when it began, in whole seconds, by the node's own clock; what it made bears this time.
	At time.Time
}

var (
	errTooLarge    = errors.New("it has an event that is too large to be looked into")
	errUndecodable = errors.New("it has an event that cannot be decoded")
	errUnknown     = errors.New("it has an event of a kind that is not known")
	errLoaded      = errors.New("the file of a LOAD DATA that was logged as a statement is not looked into")
)

// Decoder says what events did.
type Decoder struct {
	values   bool
	maxEvent int
	events   *replication.BinlogParser
	packed   *replication.BinlogParser // for the events in a compressed transaction
	rows     int64                     // counted in the last event of rows
	kind     replication.EventType
}

// NewDecoder makes a decoder, with the values of rows or without. An event larger than maxEvent bytes is not looked into (0: every one is).
func NewDecoder(values bool, maxEvent int) *Decoder {
	return &Decoder{values: values, maxEvent: maxEvent}
}

// Decode visits what the event did; most do nothing. An error that is not the visitor's says, without any value, that the event, or a
// part of it, cannot be decoded; the next one may be.
func (d *Decoder) Decode(e Event, visit func(Change) error) error {
	if e.Format {
		return d.format(e.Raw)
	}
	switch e.kind() {
	case replication.GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT:
		return nil
	}
	if !e.Whole() {
		return errTooLarge
	}
	if e.kind() == replication.TRANSACTION_PAYLOAD_EVENT {
		var undecoded error
		err := unpack(e.body(), d.maxEvent, func(raw []byte) error {
			err := d.one(d.packed, raw, false, visit)
			if errors.Is(err, errUndecodable) || errors.Is(err, errUnknown) || errors.Is(err, errLoaded) {
				undecoded = err
				return nil
			}
			return err
		})
		return errors.Join(err, undecoded)
	}
	return d.one(d.events, e.Raw, e.Checksummed, visit)
}

func (d *Decoder) format(raw []byte) error {
	d.events, d.packed = d.parser(), d.parser()
	raw = bytes.Clone(raw) // the parsers refer to it
	within := bytes.Clone(raw)
	within[len(within)-replication.BinlogChecksumLength-1] = replication.BINLOG_CHECKSUM_ALG_OFF
	for _, p := range []struct {
		parser *replication.BinlogParser
		raw    []byte
	}{{d.events, raw}, {d.packed, within}} {
		if _, err := p.parser.Parse(p.raw); err != nil {
			return errUndecodable
		}
	}
	return nil
}

func (d *Decoder) parser() *replication.BinlogParser {
	p := replication.NewBinlogParser()
	p.SetTimestampStringLocation(time.UTC)
	if !d.values {
		p.SetTableMapOptionalMetaDecodeFunc(func([]byte) error { return nil })
	}
	p.SetRowsEventDecodeFunc(func(e *replication.RowsEvent, data []byte) (err error) {
		if d.rows, err = countRows(e, d.kind, data); err != nil || !d.values || d.kind == replication.PARTIAL_UPDATE_ROWS_EVENT {
			// Of a partial update that it cannot read, the library would print the values.
			return err
		}
		return e.Decode(data)
	})
	return p
}

func (d *Decoder) one(p *replication.BinlogParser, raw []byte, checksummed bool, visit func(Change) error) error {
	change, err := d.change(p, raw, checksummed)
	if err != nil || change == (Change{}) {
		return err
	}
	return visit(change)
}

func (d *Decoder) change(p *replication.BinlogParser, raw []byte, checksummed bool) (change Change, err error) {
	defer func() {
		if r := recover(); r != nil {
			change, err = Change{}, errUndecodable
		}
	}()
	d.kind = replication.EventType(raw[4])
	switch d.kind {
	case replication.TABLE_MAP_EVENT:
		raw = bytes.Clone(raw) // the events of rows that follow refer to it
	case replication.BEGIN_LOAD_QUERY_EVENT:
		return Change{}, errLoaded
	case replication.EXECUTE_LOAD_QUERY_EVENT:
		statement := loading(body(raw, checksummed))
		statement.At = began(raw)
		return Change{Statement: statement, Loads: true}, nil
	}
	parsed, err := p.Parse(raw)
	if err != nil {
		return Change{}, errUndecodable // the library's own words quote the event
	}
	switch e := parsed.Event.(type) {
	case *replication.QueryEvent:
		return Change{Statement: &Statement{Schema: string(e.Schema), Text: string(e.Query), At: began(raw)}}, nil
	case *replication.RowsEvent:
		rows := &Rows{Schema: string(e.Table.Schema), Table: string(e.Table.Table), Operation: operation(d.kind), Count: d.rows}
		if rows.Operation == "" {
			return Change{}, errUndecodable
		}
		if d.values && d.kind != replication.PARTIAL_UPDATE_ROWS_EVENT {
			rows.Event = e
		}
		return Change{Rows: rows}, nil
	}
	switch d.kind {
	case replication.XA_PREPARE_LOG_EVENT:
		// Its first byte tells XA COMMIT ... ONE PHASE (MySQL source: XA_prepare_event).
		return Change{XAPrepared: raw[replication.EventHeaderSize] == 0}, nil
	case replication.XID_EVENT, replication.TABLE_MAP_EVENT, replication.ROWS_QUERY_EVENT, // of a transaction in rows
		replication.INTVAR_EVENT, replication.RAND_EVENT, replication.USER_VAR_EVENT, // what a statement is run with
		replication.APPEND_BLOCK_EVENT, replication.DELETE_FILE_EVENT, // of a file
		replication.TRANSACTION_CONTEXT_EVENT, replication.VIEW_CHANGE_EVENT, // of Group Replication
		replication.ROTATE_EVENT, replication.STOP_EVENT, replication.PREVIOUS_GTIDS_EVENT:
		return Change{}, nil
	}
	if binary.LittleEndian.Uint16(raw[17:])&ignorable != 0 {
		return Change{}, nil
	}
	return Change{}, errUnknown
}

// began is the time in an event's header.
func began(raw []byte) time.Time { return time.Unix(int64(binary.LittleEndian.Uint32(raw)), 0).UTC() }

// ignorable is the flag, in an event's header, of one that whoever does not know its kind may skip (MySQL source: LOG_EVENT_IGNORABLE_F).
const ignorable = 0x80

// loading reads the statement of an event that the library reads without it: the header of a statement's event (the length of the schema's
// name at 8, that of the status variables at 11) and 13 bytes more, the variables, the name with a zero behind it, the text (MySQL source:
// Execute_load_query_event). A malformed one panics, as in the library.
func loading(body []byte) *Statement {
	const header = 26
	rest := body[header+int(binary.LittleEndian.Uint16(body[11:])):]
	schema := int(body[8])
	return &Statement{Schema: string(rest[:schema]), Text: string(rest[schema+1:])}
}
