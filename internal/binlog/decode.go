package binlog

import (
	"bytes"
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
}

var (
	errTooLarge    = errors.New("it has an event that is too large to be looked into")
	errUndecodable = errors.New("it has an event that cannot be decoded")
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
			err := d.one(d.packed, raw, visit)
			if errors.Is(err, errUndecodable) {
				undecoded = err
				return nil
			}
			return err
		})
		return errors.Join(err, undecoded)
	}
	return d.one(d.events, e.Raw, visit)
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

func (d *Decoder) one(p *replication.BinlogParser, raw []byte, visit func(Change) error) error {
	change, err := d.change(p, raw)
	if err != nil || change == (Change{}) {
		return err
	}
	return visit(change)
}

func (d *Decoder) change(p *replication.BinlogParser, raw []byte) (change Change, err error) {
	defer func() {
		if r := recover(); r != nil {
			change, err = Change{}, errUndecodable
		}
	}()
	d.kind = replication.EventType(raw[4])
	if d.kind == replication.TABLE_MAP_EVENT {
		raw = bytes.Clone(raw) // the events of rows that follow refer to it
	}
	parsed, err := p.Parse(raw)
	if err != nil {
		return Change{}, errUndecodable // the library's own words quote the event
	}
	switch e := parsed.Event.(type) {
	case *replication.QueryEvent:
		return Change{Statement: &Statement{Schema: string(e.Schema), Text: string(e.Query)}}, nil
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
	if d.kind == replication.XA_PREPARE_LOG_EVENT {
		// Its first byte tells XA COMMIT ... ONE PHASE (MySQL source: XA_prepare_event).
		return Change{XAPrepared: raw[replication.EventHeaderSize] == 0}, nil
	}
	return Change{}, nil
}
