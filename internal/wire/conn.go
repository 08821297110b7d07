package wire

import (
	"encoding/binary"
	"fmt"
	"net"
)

// Of the MySQL protocol (MySQL source documentation: Protocol Basics, COM_STMT_EXECUTE Response).
const (
	headerLen = 4 // three bytes of length, one of sequence
	// maxPayload says that the payload goes on in the next packet.
	maxPayload = 1<<24 - 1

	markRow   = 0x00 // and of an OK in place of a result set
	markEnd   = 0xfe
	markError = 0xff
	// classicEnd is the length of an EOF packet. Where the client does without it (CLIENT_DEPRECATE_EOF), the columns have no end of
	// their own, and the rows' is an OK packet of at least seven bytes.
	classicEnd = 5
)

const (
	// readSize is what is asked of the network at a time; the driver itself would ask for 4 KiB.
	readSize = 256 << 10
	// keepSize is the largest buffer that is kept: one huge row must not stay in memory.
	keepSize = 1 << 20
)

type phase int

const (
	passing    phase = iota // what comes is the driver's
	begins                  // an answer's first packet is awaited
	inColumns               // its column definitions
	behindThem              // what follows those
	inRows
)

// conn is the driver's connection.
type conn struct {
	net.Conn
	each  Each
	err   error
	phase phase

	buf      []byte
	from, to int    // buf[from:to] was read and not looked at
	long     []byte // what came so far of a row of several packets
	out      []byte // for the driver, before anything else
	columns  uint64 // definitions still to come
	seen     byte   // the number that the server's next packet must have
	sequence byte   // the number of the next packet that the driver sees
}

func (c *conn) divert(each Each) error {
	if c.phase != passing || len(c.out) > 0 || c.from < c.to {
		return fmt.Errorf("an answer is diverted while the last one has not been read")
	}
	c.each, c.err, c.phase = each, nil, begins
	return nil
}

func (c *conn) end() error {
	err := c.err
	c.each, c.err, c.phase = nil, nil, passing
	return err
}

// Read is the driver's.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.phase == passing {
			if c.from == c.to {
				return c.Conn.Read(p)
			}
			c.out, c.from = c.buf[c.from:c.to], c.to
			break
		}
		if err := c.next(); err != nil {
			c.err = err // the driver keeps to itself what it was
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// next looks at one packet.
func (c *conn) next() error {
	packet, err := c.packet()
	if err != nil {
		return err
	}
	failed := len(packet) > headerLen && packet[headerLen] == markError // its number may be wrong
	if c.phase != begins && packet[3] != c.seen && !failed {
		return fmt.Errorf("packet %d came where %d was awaited", packet[3], c.seen)
	}
	c.seen = packet[3] + 1
	switch c.phase {
	case begins:
		c.show(packet)
		c.phase = passing
		switch payload := packet[headerLen:]; {
		case len(payload) == 0, payload[0] == markRow, payload[0] == markError: // no result set
		default:
			var ok bool
			if c.columns, ok = lengthEncoded(payload); !ok {
				return fmt.Errorf("an answer begins with % x, which is no number of columns", payload[:min(len(payload), 9)])
			}
			c.phase = inColumns
		}
	case inColumns:
		c.show(packet)
		if c.columns--; c.columns == 0 {
			c.phase = behindThem
		}
	case behindThem:
		c.phase = inRows
		if len(packet) == headerLen+classicEnd && packet[headerLen] == markEnd {
			c.show(packet)
			return nil
		}
		c.row(packet)
	case inRows:
		c.row(packet)
	}
	return nil
}

// row looks at a packet from where rows are awaited.
func (c *conn) row(packet []byte) {
	payload := packet[headerLen:]
	if c.long == nil && (len(payload) == 0 || payload[0] != markRow) {
		c.phase = passing
		c.show(packet)
		return
	}
	switch {
	case len(payload) == maxPayload:
		c.long = append(c.long, payload...)
	case c.long != nil:
		payload = append(c.long, payload...)
		c.long = nil
		if c.hand(payload) {
			c.out = c.split(payload)
		}
	case c.hand(payload):
		c.show(packet)
	}
}

func (c *conn) hand(row []byte) (show bool) {
	if c.err != nil {
		return false
	}
	show, c.err = c.each(row)
	return show && c.err == nil
}

// show lets the driver see a packet. What was kept from it leaves no gap in the sequence, for it would take one for a fault.
func (c *conn) show(packet []byte) {
	if c.phase == begins {
		c.sequence = packet[3]
	}
	packet[3] = c.sequence
	c.sequence++
	c.out = packet
}

// split makes packets of a long row again.
func (c *conn) split(payload []byte) (out []byte) {
	for {
		n := min(len(payload), maxPayload)
		out = append(out, byte(n), byte(n>>8), byte(n>>16), c.sequence)
		out = append(out, payload[:n]...)
		c.sequence++
		if n < maxPayload {
			return out
		}
		payload = payload[n:]
	}
}

// packet gives the next packet, header and all. It is valid until the next call.
func (c *conn) packet() ([]byte, error) {
	if err := c.fill(headerLen); err != nil {
		return nil, err
	}
	head := binary.LittleEndian.Uint32(c.buf[c.from:])
	size := headerLen + int(head&maxPayload)
	if err := c.fill(size); err != nil {
		return nil, err
	}
	packet := c.buf[c.from : c.from+size]
	c.from += size
	return packet, nil
}

// fill reads until need bytes are there.
func (c *conn) fill(need int) error {
	if c.to-c.from >= need {
		return nil
	}
	if c.from+need > cap(c.buf) || c.from == c.to {
		size := max(need, readSize)
		if size > cap(c.buf) || size <= keepSize && cap(c.buf) > keepSize {
			bigger := make([]byte, size)
			c.to = copy(bigger, c.buf[c.from:c.to])
			c.buf = bigger
		} else {
			c.to = copy(c.buf, c.buf[c.from:c.to])
		}
		c.from = 0
	}
	for c.to-c.from < need {
		n, err := c.Conn.Read(c.buf[c.to:])
		c.to += n
		if err != nil && c.to-c.from < need {
			return err
		}
	}
	return nil
}

// lengthEncoded reads the protocol's integer of one to nine bytes.
func lengthEncoded(b []byte) (uint64, bool) {
	width := map[byte]int{0xfc: 2, 0xfd: 3, 0xfe: 8}[b[0]]
	if b[0] < 0xfb {
		return uint64(b[0]), true
	}
	if width == 0 || len(b) <= width {
		return 0, false
	}
	var wide [8]byte
	copy(wide[:], b[1:1+width])
	return binary.LittleEndian.Uint64(wide[:]), true
}
