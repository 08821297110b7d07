package wire

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"sync"
	"time"
)

// A driver speaks TLS above the connection that it dialed, where a tap sees ciphertext. So the driver's TLS ends within this process, under a
// key that never leaves it, and what it speaks to the server is encrypted anew, under the configuration that the driver would have used. What
// the driver sees is encrypted twice, which rows that are kept from it are not.

// TLS gives the configuration for the driver, in place of the one for the server. The driver goes on to decide whether there is TLS at all. If
// it takes what answers for the server, and the tap has not seen that, it finds another certificate than this configuration has, and says
// nothing more.
func (t *Tap) TLS(server *tls.Config) (*tls.Config, error) {
	own, err := ownIdentity()
	if err != nil {
		return nil, err
	}
	t.server = server
	return own.client, nil
}

// identity is a server's, and how a client knows it.
type identity struct{ client, server *tls.Config }

// ownIdentity is this process's to itself.
var ownIdentity = sync.OnceValues(func() (identity, error) { return newIdentity("tap") })

func newIdentity(name string) (identity, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return identity{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return identity{}, err
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		return identity{}, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return identity{
		client: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, ServerName: name},
		server: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: private}}, SessionTicketsDisabled: true},
	}, nil
}

// The SSLRequest is a handshake response that ends before the user's name (MySQL source documentation: Protocol::SSLRequest).
const (
	sslRequestLen = headerLen + 32
	clientSSL     = 1 << 11
)

func isSSLRequest(p []byte) bool {
	return len(p) == sslRequestLen && p[0] == sslRequestLen-headerLen && binary.LittleEndian.Uint32(p[headerLen:])&clientSSL != 0
}

// closeWithin bounds how long what the driver said last may take to leave.
const closeWithin = time.Second

// encrypted is the driver's connection, which may ask for TLS.
type encrypted struct {
	net.Conn       // to the server
	plain    *conn // what the server says
	config   *tls.Config
	asked    bool // the driver's first packet has been seen

	driver *tls.Conn      // the end of the driver's TLS, nil without
	said   *io.PipeWriter // what the driver says, encrypted
	pumped chan struct{}  // closed when the last of it has left, or none can any more

	mu      sync.Mutex
	changed *sync.Cond
	shown   bytes.Buffer // for the driver, encrypted
	ready   bool         // the driver's handshake is over
	broken  error        // why no more can be said
	closed  bool
}

// Write is the driver's. It has written its request for TLS also where that failed: the driver gives up without a reason when nothing was.
func (e *encrypted) Write(p []byte) (int, error) {
	if e.driver != nil {
		return e.said.Write(p)
	}
	n, err := e.Conn.Write(p)
	first := !e.asked
	e.asked = true
	if err == nil && first && isSSLRequest(p) {
		err = e.begin()
	}
	return n, err
}

// begin speaks TLS with the server, and then waits for the driver to do so.
func (e *encrypted) begin() error {
	server := tls.Client(e.Conn, e.config)
	if err := server.Handshake(); err != nil {
		return err
	}
	own, err := ownIdentity()
	if err != nil {
		return err
	}
	heard, said := io.Pipe()
	e.mu.Lock() // whoever cancels the driver closes at any time
	defer e.mu.Unlock()
	if e.closed {
		return net.ErrClosed
	}
	e.plain.Conn, e.said, e.pumped = server, said, make(chan struct{})
	e.driver = tls.Server(&within{from: heard, to: e}, own.server)
	go e.pump(heard, server)
	return nil
}

// pump sends what the driver says. Where it cannot, nothing will be answered either.
func (e *encrypted) pump(heard *io.PipeReader, server *tls.Conn) {
	defer close(e.pumped)
	err := e.driver.Handshake()
	e.tell(err)
	if err == nil {
		_, err = io.Copy(server, e.driver)
		e.tell(err)
	}
	heard.CloseWithError(err)
	_ = e.Conn.Close()
}

// tell ends the waiting for the driver's handshake, and keeps why no more can be said.
func (e *encrypted) tell(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ready, e.broken = true, err
	e.changed.Broadcast()
}

// Read is the driver's.
func (e *encrypted) Read(p []byte) (int, error) {
	if e.driver == nil {
		return e.plain.Read(p)
	}
	for {
		n, err := e.take(p)
		if n > 0 || err != nil {
			return n, err
		}
		var plain [4 << 10]byte
		n, err = e.plain.Read(plain[:])
		if n == 0 && err != nil { // with some it comes again
			return 0, cmp.Or(e.unsaid(), err)
		}
		if _, err := e.driver.Write(plain[:n]); err != nil {
			return 0, err
		}
	}
}

// take gives what there is for the driver. During its handshake it waits for it.
func (e *encrypted) take(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.shown.Len() == 0 && !e.ready {
		e.changed.Wait()
	}
	if e.shown.Len() > 0 {
		return e.shown.Read(p)
	}
	return 0, e.broken
}

// unsaid is why what the driver said last did not leave.
func (e *encrypted) unsaid() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.broken
}

// Close lets go what the driver said last, its farewell for one.
func (e *encrypted) Close() error {
	e.mu.Lock()
	e.closed = true
	begun := e.driver != nil
	e.mu.Unlock()
	if !begun {
		return e.Conn.Close()
	}
	_ = e.Conn.SetWriteDeadline(time.Now().Add(closeWithin))
	_ = e.said.Close()
	<-e.pumped
	return nil
}

// within is the connection between the driver and the end of its TLS.
type within struct {
	net.Conn // nil: no more than reading and writing is asked of it
	from     *io.PipeReader
	to       *encrypted
}

func (w *within) Read(p []byte) (int, error) { return w.from.Read(p) }

func (w *within) Write(p []byte) (int, error) {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	w.to.changed.Broadcast()
	return w.to.shown.Write(p)
}
