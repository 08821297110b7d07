// Package wire hands out the rows of a result set as the server sent them. A driver's decoding of a row costs more than a hash of its bytes
// does, and whoever only asks whether two servers show the same needs no values.
package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
)

// Dial opens a connection, as mysql.Config.DialFunc does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Each is given one row: the payload of its packet in the binary protocol, a NULL bitmap and each value in a fixed width or behind its
// length, so that rows of the same column types, signs included, are equal if and only if their bytes are. It is valid until Each returns.
// Each says whether the driver shall see the row as well; after an error the rest of the rows is passed over.
type Each func(row []byte) (show bool, err error)

// Tap sits between one connection of the driver and its server. Under TLS see Tap.TLS; it must not be used under compression, where it cannot
// read what it sees. It belongs to whoever uses the connection, and is no more safe for concurrent use than that.
type Tap struct {
	conn   *conn
	server *tls.Config // nil without TLS
}

// Dial is the driver's way to its connection. The tap is on the last one that was opened.
func (t *Tap) Dial(dial Dial) Dial {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		to, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		t.conn = &conn{Conn: to}
		if t.server == nil {
			return t.conn, nil
		}
		config := t.server
		if config.ServerName == "" && !config.InsecureSkipVerify { // as the driver does
			config = config.Clone()
			config.ServerName, _, _ = net.SplitHostPort(address)
		}
		e := &encrypted{Conn: to, plain: t.conn, config: config}
		e.changed = sync.NewCond(&e.mu)
		return e, nil
	}
}

// Divert keeps the rows of the next answer from the driver and hands them to each. The next statement must be the execution of a
// prepared one: rows of the text protocol look otherwise. The driver sees the columns, the rows that each wants it to see, and the end.
func (t *Tap) Divert(each Each) error {
	if t.conn == nil {
		return fmt.Errorf("a tap without a connection")
	}
	return t.conn.divert(each)
}

// End says how each fared. It must be called when the driver has come to the end of the rows, and after an error.
func (t *Tap) End() error {
	if t.conn == nil {
		return nil
	}
	return t.conn.end()
}
