package proof

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"math/bits"
)

// appendValue writes one value so that different rows never encode alike: a tag for its type, then a fixed width or a length and the
// bytes. NULL, the empty string, and values that swap their border ('p#q','r' and 'p','q#r') all differ; a FLOAT keeps its bits.
func appendValue(buf []byte, v driver.Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(buf, 'n'), nil
	case int64:
		return binary.LittleEndian.AppendUint64(append(buf, 'i'), uint64(v)), nil
	case uint64:
		return binary.LittleEndian.AppendUint64(append(buf, 'u'), v), nil
	case float32:
		return binary.LittleEndian.AppendUint32(append(buf, 'f'), math.Float32bits(v)), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(buf, 'd'), math.Float64bits(v)), nil
	case []byte:
		return append(binary.AppendUvarint(append(buf, 's'), uint64(len(v))), v...), nil
	case string:
		return append(binary.AppendUvarint(append(buf, 's'), uint64(len(v))), v...), nil
	}
	// A time.Time cannot hold every date that a column can: the streams are opened without parseTime.
	return nil, fmt.Errorf("no exact encoding for a %T", v)
}

func appendRow(buf []byte, row []driver.Value) ([]byte, error) {
	var err error
	for _, v := range row {
		if buf, err = appendValue(buf, v); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// digester hashes rows in order.
type digester struct {
	hash hash.Hash
	buf  []byte
}

const digestBuffer = 64 << 10

func newDigester() *digester {
	return &digester{hash: sha256.New(), buf: make([]byte, 0, digestBuffer)}
}

// add takes the bytes of a row, behind their number.
func (d *digester) add(row []byte) {
	if len(d.buf)+binary.MaxVarintLen64+len(row) > digestBuffer {
		d.flush()
	}
	d.buf = binary.AppendUvarint(d.buf, uint64(len(row)))
	if len(row) > digestBuffer/2 {
		d.flush()
		d.hash.Write(row)
		return
	}
	d.buf = append(d.buf, row...)
}

func (d *digester) flush() {
	d.hash.Write(d.buf)
	d.buf = d.buf[:0]
}

// sum ends the digest and makes d ready for the next.
func (d *digester) sum() [sha256.Size]byte {
	d.flush()
	var out [sha256.Size]byte
	d.hash.Sum(out[:0])
	d.hash.Reset()
	return out
}

// multiset is the sum modulo 2^256 of the rows' hashes: it does not depend on their order and, unlike an XOR, sees how often a row
// occurs.
type multiset [4]uint64

func (m *multiset) add(h [sha256.Size]byte) {
	var carry uint64
	for i := range m {
		m[i], carry = bits.Add64(m[i], binary.LittleEndian.Uint64(h[i*8:]), carry)
	}
}
