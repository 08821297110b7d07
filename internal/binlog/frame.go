package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"
)

// Event is one event that belongs to an errant transaction, or the format description that holds for those that follow.
type Event struct {
	// Format marks a format description. It belongs to no transaction.
	Format bool
	// GTID is the transaction, First and Last are its ends; one event can be both.
	GTID        GTID
	First, Last bool
	// Committed is when the node committed the transaction, by its own clock; set on the first event.
	Committed time.Time
	// Raw is the event as the server sent it: header, body and, if Checksummed, its checksum. It is valid during the call only. Of an
	// event that is larger than the reader keeps, it is the beginning.
	Raw         []byte
	Checksummed bool
	// Size is the event's whole length in bytes.
	Size int
}

// Whole reports whether Raw is all of the event.
func (e Event) Whole() bool { return len(e.Raw) == e.Size }

func (e Event) kind() replication.EventType { return replication.EventType(e.Raw[4]) }

func (e Event) body() []byte { return body(e.Raw, e.Checksummed && e.Whole()) }

func body(raw []byte, checksummed bool) []byte {
	if checksummed {
		raw = raw[:len(raw)-replication.BinlogChecksumLength]
	}
	return raw[replication.EventHeaderSize:]
}

var (
	errChecksum = errors.New("an event does not fit its checksum")
	errCut      = errors.New("a transaction ends before its last event")
	errIncident = errors.New("the server itself marked events as lost (an incident event)")
)

// frame sorts a stream of events into transactions, and keeps those that are wanted.
type frame struct {
	left        Set // wanted and not yet begun
	seen        int64
	checksummed bool
	formatted   bool

	within bool // a transaction
	keep   bool // which is wanted
	begun  bool // and which began with BEGIN or XA START
	gtid   GTID
}

// take judges one event. kept is false for those that nobody asked for.
func (f *frame) take(raw []byte, size int) (e Event, kept bool, err error) {
	if len(raw) < replication.EventHeaderSize || size < replication.EventHeaderSize || int(binary.LittleEndian.Uint32(raw[9:])) != size {
		return Event{}, false, errors.New("an event's length is not what its header says")
	}
	e = Event{Raw: raw, Size: size}
	switch e.kind() {
	case replication.ROTATE_EVENT, replication.HEARTBEAT_EVENT, replication.HEARTBEAT_LOG_EVENT_V2, replication.PREVIOUS_GTIDS_EVENT, replication.STOP_EVENT:
		return e, false, nil // about files, and not about transactions
	case replication.FORMAT_DESCRIPTION_EVENT:
		return f.format(e)
	}
	if !f.formatted {
		return Event{}, false, errors.New("events come before their format description")
	}
	if e.Checksummed = f.checksummed; e.Checksummed && e.Whole() && !checksumHolds(raw) {
		return Event{}, false, errChecksum
	}
	switch e.kind() {
	case replication.GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT, replication.ANONYMOUS_GTID_EVENT:
		return f.begin(e)
	}
	if !f.within {
		return e, false, nil
	}
	if e.Last, err = f.ends(e); err != nil {
		return Event{}, false, err
	}
	e.GTID = f.gtid
	kept = f.keep
	if e.Last {
		f.within, f.keep = false, false
		if kept {
			f.seen++
		}
	}
	return e, kept, nil
}

func (f *frame) format(e Event) (Event, bool, error) {
	if f.within {
		return Event{}, false, errCut
	}
	var format replication.FormatDescriptionEvent
	// A format description always has a checksum of its own (MySQL source: Format_description_event).
	if !e.Whole() || len(e.Raw) < minFormat || format.Decode(e.Raw[replication.EventHeaderSize:]) != nil {
		return Event{}, false, errors.New("its format description is none of MySQL 5.6 or later")
	}
	if format.ChecksumAlgorithm > replication.BINLOG_CHECKSUM_ALG_CRC32 {
		return Event{}, false, fmt.Errorf("its checksum algorithm %d is unknown", format.ChecksumAlgorithm)
	}
	f.formatted, f.checksummed = true, format.ChecksumAlgorithm == replication.BINLOG_CHECKSUM_ALG_CRC32
	if f.checksummed && !checksumHolds(e.Raw) {
		return Event{}, false, errChecksum
	}
	e.Format, e.Checksummed = true, true
	return e, true, nil
}

// minFormat is the shortest format description with a checksum: version, server version, time, header length, algorithm, checksum.
const minFormat = replication.EventHeaderSize + 2 + 50 + 4 + 1 + 1 + 4

func (f *frame) begin(e Event) (Event, bool, error) {
	if f.within {
		return Event{}, false, errCut
	}
	f.within, f.keep, f.begun, f.gtid = true, false, false, GTID{}
	if e.kind() == replication.ANONYMOUS_GTID_EVENT {
		return e, false, nil
	}
	gtid, committed, err := decodeGTID(e)
	if err != nil {
		return Event{}, false, err
	}
	if !f.left.Contains(gtid) {
		return e, false, nil
	}
	f.left = f.left.Minus(single(gtid))
	f.keep, f.gtid = true, gtid
	e.First, e.GTID, e.Committed = true, gtid, committed
	return e, true, nil
}

func single(g GTID) Set {
	var s Set
	s.Add(g)
	return s
}

// ends reports whether the event is the transaction's last: as an applier of MySQL does (MySQL source: Transaction_boundary_parser).
func (f *frame) ends(e Event) (bool, error) {
	switch e.kind() {
	case replication.XID_EVENT, replication.XA_PREPARE_LOG_EVENT, replication.TRANSACTION_PAYLOAD_EVENT:
		return true, nil
	case replication.INCIDENT_EVENT:
		return false, errIncident
	case replication.QUERY_EVENT:
		query, err := decodeQuery(e)
		if err != nil {
			return false, err
		}
		word := strings.ToUpper(string(query.Query[:min(len(query.Query), 16)]))
		switch {
		case f.begun:
			return word == "COMMIT" || word == "ROLLBACK", nil
		case word == "BEGIN" || strings.HasPrefix(word, "XA START"):
			f.begun = true
			return false, nil
		}
		return true, nil // DDL, XA COMMIT, XA ROLLBACK
	}
	return false, nil
}

// end judges the end of the stream.
func (f *frame) end() error {
	if f.within && f.keep {
		return errCut
	}
	return nil
}

func checksumHolds(raw []byte) bool {
	at := len(raw) - replication.BinlogChecksumLength
	return at > 0 && crc32.ChecksumIEEE(raw[:at]) == binary.LittleEndian.Uint32(raw[at:])
}

func decodeGTID(e Event) (gtid GTID, committed time.Time, err error) {
	undecodable := errors.New("an event that begins a transaction cannot be decoded")
	defer func() {
		if r := recover(); r != nil {
			err = undecodable
		}
	}()
	var decoded replication.GTIDEvent
	if e.kind() == replication.GTID_TAGGED_LOG_EVENT {
		var tagged replication.GtidTaggedLogEvent
		err = tagged.Decode(e.body())
		decoded = tagged.GTIDEvent
	} else {
		err = decoded.Decode(e.body())
	}
	if err != nil || len(decoded.SID) != 16 {
		return GTID{}, time.Time{}, undecodable
	}
	committed = time.Unix(int64(binary.LittleEndian.Uint32(e.Raw)), 0).UTC() // the header's own time, in seconds
	if micros := decoded.ImmediateCommitTimestamp; micros != 0 {
		committed = time.UnixMicro(int64(micros)).UTC()
	}
	return GTID{Source: Source{UUID: uuidText(decoded.SID), Tag: decoded.Tag}, Number: decoded.GNO}, committed, nil
}

func decodeQuery(e Event) (query replication.QueryEvent, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("a statement's event cannot be decoded")
		}
	}()
	return query, query.Decode(e.body())
}
