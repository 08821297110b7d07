package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"
)

// The fields of a compressed transaction and its compressions (MySQL source: Transaction_payload_event).
const (
	payloadEnd         = 0
	payloadCompression = 2

	compressionZstd = 0
	compressionNone = 255
)

var errPayload = errors.New("a compressed transaction is malformed")

// unpack visits the events within a compressed transaction, one after another, so that its size unpacked costs no memory. They have no
// checksums; the whole had one. An event larger than max bytes is skipped, and unpack says so at the end.
func unpack(body []byte, max int, visit func(raw []byte) error) error {
	compression, packed, err := payloadFields(body)
	if err != nil {
		return err
	}
	var from io.Reader = bytes.NewReader(packed)
	switch compression {
	case compressionNone:
	case compressionZstd:
		unzipped, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return errPayload
		}
		defer unzipped.Close()
		from = unzipped
	default:
		return fmt.Errorf("a transaction's compression %d is unknown", compression)
	}
	skipped := false
	var raw []byte
	for {
		header := make([]byte, replication.EventHeaderSize)
		if _, err := io.ReadFull(from, header); err == io.EOF {
			break
		} else if err != nil {
			return errPayload
		}
		size := int(binary.LittleEndian.Uint32(header[9:]))
		if size < len(header) {
			return errPayload
		}
		if max > 0 && size > max {
			skipped = true
			if _, err := io.CopyN(io.Discard, from, int64(size-len(header))); err != nil {
				return errPayload
			}
			continue
		}
		raw = append(raw[:0], header...)
		if raw, err = readInto(raw, from, size-len(header)); err != nil {
			return errPayload
		}
		if err := visit(raw); err != nil {
			return err
		}
	}
	if skipped {
		return errTooLarge
	}
	return nil
}

func payloadFields(body []byte) (compression uint64, packed []byte, err error) {
	for {
		kind, rest, ok := packedInt(body)
		if !ok {
			return 0, nil, errPayload
		}
		if kind == payloadEnd {
			return compression, rest, nil
		}
		length, rest, ok := packedInt(rest)
		if !ok || length > uint64(len(rest)) {
			return 0, nil, errPayload
		}
		if kind == payloadCompression {
			if compression, _, ok = packedInt(rest[:length]); !ok {
				return 0, nil, errPayload
			}
		}
		body = rest[length:]
	}
}

// packedInt reads a length-encoded integer (MySQL manual: Protocol::LengthEncodedInteger).
func packedInt(data []byte) (n uint64, rest []byte, ok bool) {
	if len(data) == 0 {
		return 0, nil, false
	}
	width := 0
	switch data[0] {
	case 0xfb, 0xff:
		// As the first byte of an integer of one byte both mean something else, and 255 is compressionNone only as 0xfc 0xff 0x00.
		return 0, nil, false
	case 0xfc:
		width = 2
	case 0xfd:
		width = 3
	case 0xfe:
		width = 8
	default:
		return uint64(data[0]), data[1:], true
	}
	if len(data) <= width {
		return 0, nil, false
	}
	for i := width; i > 0; i-- {
		n = n<<8 | uint64(data[i])
	}
	return n, data[1+width:], true
}
