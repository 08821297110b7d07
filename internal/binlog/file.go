package binlog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/replication"
)

// Magic begins every binary log file.
func Magic() []byte { return append([]byte(nil), replication.BinLogFileHeader...) }

// SameFormat reports whether two format descriptions, as they were sent, say the same of the events that follow, whenever they were made.
func SameFormat(a, b []byte) bool {
	const (
		made    = replication.EventHeaderSize + 2 + 50 // version, server version
		madeEnd = made + 4
	)
	if len(a) != len(b) || len(a) < minFormat {
		return false
	}
	end := len(a) - replication.BinlogChecksumLength
	return bytes.Equal(a[replication.EventHeaderSize:made], b[replication.EventHeaderSize:made]) && bytes.Equal(a[madeEnd:end], b[madeEnd:end])
}

// Verifier reads binary log files that hold nothing but transactions of a set, each whole and exactly once over all of them.
type Verifier struct {
	wanted Set
	frame  frame
}

// NewVerifier wants the transactions of a set.
func NewVerifier(gtids string) (*Verifier, error) {
	wanted, err := ParseSet(gtids)
	return &Verifier{wanted: wanted, frame: frame{left: wanted}}, err
}

// File reads one file to its end. name is for the error, an *IncompleteError.
func (v *Verifier) File(name string, from io.Reader) error {
	if err := v.file(from); err != nil {
		return &IncompleteError{Where: name, Seen: v.frame.seen, Wanted: v.wanted.Count(), Why: err.Error()}
	}
	return nil
}

func (v *Verifier) file(from io.Reader) error {
	from = bufio.NewReaderSize(from, 1<<16)
	magic := make([]byte, 4)
	if _, err := io.ReadFull(from, magic); err != nil || string(magic) != string(replication.BinLogFileHeader) {
		return errors.New("it is no binary log file")
	}
	v.frame.formatted = false
	var raw []byte
	for {
		header := make([]byte, replication.EventHeaderSize)
		if _, err := io.ReadFull(from, header); err == io.EOF {
			if v.frame.within {
				return errCut
			}
			return nil
		} else if err != nil {
			return fmt.Errorf("it ends within an event: %w", err)
		}
		size := int(binary.LittleEndian.Uint32(header[9:]))
		if size < replication.EventHeaderSize {
			return errors.New("an event's length is not what its header says")
		}
		raw = append(raw[:0], header...)
		var err error
		if raw, err = readInto(raw, from, size-len(header)); err != nil {
			return fmt.Errorf("it ends within an event: %w", err)
		}
		e, kept, err := v.frame.take(raw, size)
		if err != nil {
			return err
		}
		if !kept && !e.Format {
			return errors.New("it holds an event, or a transaction, that does not belong there, or is there twice")
		}
	}
}

// readInto appends n bytes without trusting n: a length that is wrong costs no more memory than there are bytes.
func readInto(raw []byte, from io.Reader, n int) ([]byte, error) {
	const piece = 1 << 20
	for n > 0 {
		next := min(n, piece)
		at := len(raw)
		raw = append(raw, make([]byte, next)...)
		if _, err := io.ReadFull(from, raw[at:]); err != nil {
			return raw, err
		}
		n -= next
	}
	return raw, nil
}

// Transactions is how many were read whole so far.
func (v *Verifier) Transactions() int64 { return v.frame.seen }

// Done returns an *IncompleteError unless every transaction was read.
func (v *Verifier) Done(name string) error {
	if !v.frame.left.Empty() {
		return &IncompleteError{Where: name, Seen: v.frame.seen, Wanted: v.wanted.Count(), Missing: v.frame.left.String()}
	}
	return nil
}
