package binlog

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	protocol "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/go-sql-driver/mysql"

	"github.com/clusterresync/clusterresync/internal/node"
)

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 20 * time.Second

	// The server says something every heartbeat while it skips what was not asked for; one that is silent for longer than silence is gone.
	heartbeat = 10 * time.Second
	silence   = time.Minute
	// What is read may have to be written to a slow disk meanwhile.
	serverPatience = 10 * time.Minute
)

// dump asks the server for every transaction that is not in have, and hands each event over until take says enough, or the log ends.
// Events larger than maxEvent bytes come cut to that length (0: none is cut).
type dump struct {
	endpoint node.Endpoint
	uuid     string // the server that must answer
	have     Set
	maxEvent int
	// opened is told the session's ID, once it is known to be the right server's.
	opened func(connectionID uint32)
	take   func(packet) (enough bool, err error)
}

// packet is one event from the wire, perhaps cut.
type packet struct {
	raw  []byte // valid until the next packet
	size int    // the event's whole length
}

// run returns a *node.Error for whatever the network or the server refused, and take's errors as they are.
func (d *dump) run(ctx context.Context) (err error) {
	defer func() {
		// The library indexes what the server sent.
		if r := recover(); r != nil {
			err = d.failed("read the binary log", errors.New("the server's answer is malformed"))
		}
	}()
	conn, err := d.connect(ctx)
	if err != nil {
		return d.failed("connect to read the binary log", cause(ctx, err))
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := d.prepare(conn); err != nil {
		return d.failed("prepare to read the binary log", cause(ctx, err))
	}
	d.opened(conn.GetConnectionID())
	request, err := d.request()
	if err != nil {
		return d.failed("name the transactions to read", err)
	}
	conn.ResetSequence()
	if err := conn.WritePacket(request); err != nil {
		return d.failed("ask for the binary log", cause(ctx, err))
	}
	into := &window{max: d.maxEvent}
	for {
		into.reset()
		if ctx.Err() != nil { // what was received already is not worked off
			return d.failed("read the binary log", context.Cause(ctx))
		}
		if err := conn.ReadPacketTo(into); err != nil {
			return d.failed("read the binary log", cause(ctx, err))
		}
		switch {
		case into.size == 0:
			return d.failed("read the binary log", errors.New("the server sent an empty packet"))
		case into.kind == protocol.OK_HEADER:
			enough, err := d.take(packet{raw: into.kept, size: into.size - 1})
			if err != nil || enough {
				return err
			}
		case into.kind == protocol.EOF_HEADER:
			return nil
		case into.kind == protocol.ERR_HEADER:
			return d.failed("read the binary log", cause(ctx, conn.HandleErrorPacket(append([]byte{into.kind}, into.kept...))))
		default:
			return d.failed("read the binary log", fmt.Errorf("the server sent a packet of unknown kind %d", into.kind))
		}
	}
}

func (d *dump) failed(doing string, err error) error { return node.Wrap(d.endpoint.Name, doing, err) }

func (d *dump) connect(ctx context.Context) (*client.Conn, error) {
	config := d.endpoint.TLS
	if config != nil && config.ServerName == "" {
		host, _, err := net.SplitHostPort(d.endpoint.Address)
		if err != nil {
			return nil, err
		}
		config = config.Clone()
		config.ServerName = host
	}
	conn, err := d.dial(ctx, config)
	if err != nil && config != nil && d.endpoint.TLSFallback && strings.Contains(err.Error(), "does not support TLS") {
		return d.dial(ctx, nil)
	}
	return conn, err
}

func (d *dump) dial(ctx context.Context, config *tls.Config) (*client.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	stop := func() bool { return true }
	dialer := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
		if err == nil {
			// The library's handshake heeds no context.
			stop = context.AfterFunc(ctx, func() { _ = c.Close() })
		}
		return c, err
	}
	attributes := map[string]string{node.AttributeProgram: node.Program}
	maps.Copy(attributes, d.endpoint.Attributes)
	conn, err := client.ConnectWithDialer(ctx, "tcp", d.endpoint.Address, d.endpoint.User, d.endpoint.Password, "", dialer, func(c *client.Conn) error {
		c.SetTLSConfig(config)
		c.SetAttributes(attributes)
		c.ReadTimeout = silence
		return nil
	})
	if !stop() && err == nil {
		_ = conn.Close()
		return nil, ctx.Err()
	}
	return conn, err
}

// prepare makes sure of the server and has it send events with the checksums they are stored with, and heartbeats. The names with
// "master" are for servers before 8.0.26.
func (d *dump) prepare(conn *client.Conn) error {
	result, err := conn.Execute("SELECT @@server_uuid")
	if err != nil {
		return err
	}
	uuid, err := result.GetString(0, 0)
	if err != nil {
		return err
	}
	if !strings.EqualFold(uuid, d.uuid) {
		return &node.WrongServerError{Node: d.endpoint.Name, Saw: uuid, Want: d.uuid}
	}
	_, err = conn.Execute(fmt.Sprintf("SET @source_binlog_checksum = @@global.binlog_checksum, @master_binlog_checksum = @@global.binlog_checksum, "+
		"@source_heartbeat_period = %[1]d, @master_heartbeat_period = %[1]d, SESSION net_write_timeout = %[2]d", heartbeat.Nanoseconds(), int(serverPatience.Seconds())))
	return err
}

// request is COM_BINLOG_DUMP_GTID from the first binary log on. Like mysqlbinlog it gives the server ID 0, which no replica can have: the
// server ends no other reader for it, as it would for a replica that comes back (MySQL source: kill_zombie_dump_threads).
func (d *dump) request() ([]byte, error) {
	set, err := d.have.encode()
	if err != nil {
		return nil, err
	}
	data := make([]byte, 4, 64+len(set)) // the packet's header, filled by the library
	data = append(data, protocol.COM_BINLOG_DUMP_GTID)
	data = binary.LittleEndian.AppendUint16(data, replication.BINLOG_DUMP_NON_BLOCK)
	data = binary.LittleEndian.AppendUint32(data, 0) // server ID
	data = binary.LittleEndian.AppendUint32(data, 0) // length of the file's name: the server finds the file
	data = binary.LittleEndian.AppendUint64(data, 4) // position, after the file's magic number
	data = binary.LittleEndian.AppendUint32(data, uint32(len(set)))
	return append(data, set...), nil
}

// window keeps the beginning of a packet and counts the rest, so that no event, however large, costs more memory than max.
type window struct {
	max  int
	kind byte
	kept []byte
	size int // of the packet, its kind included
}

func (w *window) reset() { w.size, w.kept = 0, w.kept[:0] }

func (w *window) Write(data []byte) (int, error) {
	written := len(data)
	if w.size == 0 && len(data) > 0 {
		w.kind, data = data[0], data[1:]
	}
	w.size += written
	if w.max > 0 {
		data = data[:min(len(data), w.max-len(w.kept))]
	}
	w.kept = append(w.kept, data...)
	return written, nil
}

// cause is what a reader has to know of a failure: the end of the context, the server's own error as the rest of the project knows it, or
// what the network said.
func cause(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var said *protocol.MyError
	if errors.As(err, &said) {
		state := [5]byte{}
		copy(state[:], said.State)
		return &mysql.MySQLError{Number: said.Code, SQLState: state, Message: said.Message}
	}
	var network net.Error
	if errors.As(err, &network) {
		return err
	}
	if errors.Is(err, protocol.ErrBadConn) {
		return fmt.Errorf("%w: %w", mysql.ErrInvalidConn, err)
	}
	return err
}
