package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sslRequest is what a driver writes that wants TLS.
func sslRequest() []byte {
	return append([]byte{32, 0, 0, 1, 0, clientSSL >> 8, 0, 0}, make([]byte, 28)...)
}

var greeting = answer([]byte("\x0a9.7.4\x00"))

// server greets, and behind an SSLRequest speaks TLS, of that version at most. What it does then is up to the test.
func server(t *testing.T, version uint16, then func(net.Conn)) (Dial, *x509.CertPool) {
	t.Helper()
	own, err := newIdentity("db1")
	require.NoError(t, err)
	own.server.MinVersion, own.server.MaxVersion = tls.VersionTLS12, version
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() { _ = listener.Close(); <-ended })
	go func() {
		defer close(ended)
		c, err := listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write(greeting)
		request := make([]byte, sslRequestLen)
		if _, err := io.ReadFull(c, request); err == nil && isSSLRequest(request) {
			secured := tls.Server(c, own.server)
			if secured.Handshake() == nil {
				then(secured)
			}
			return
		}
		then(c)
	}()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}, own.client.RootCAs
}

// greeted is a connection on which the server has greeted, and the driver's configuration.
func greeted(t *testing.T, tap *Tap, dial Dial, config *tls.Config, address string) (net.Conn, *tls.Config) {
	t.Helper()
	forDriver, err := tap.TLS(config)
	require.NoError(t, err)
	c, err := tap.Dial(dial)(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	heard := make([]byte, len(greeting))
	_, err = io.ReadFull(c, heard)
	require.NoError(t, err)
	require.Equal(t, greeting, heard)
	return c, forDriver
}

// connect goes as far as a driver does before it logs in.
func connect(t *testing.T, tap *Tap, dial Dial, config *tls.Config) (dialed, c net.Conn, err error) {
	t.Helper()
	dialed, forDriver := greeted(t, tap, dial, config, "db2:3306")
	if _, err := dialed.Write(sslRequest()); err != nil {
		return dialed, nil, err
	}
	secured := tls.Client(dialed, forDriver)
	return dialed, secured, secured.Handshake()
}

func TestRowsAreHandedOutUnderTLS(t *testing.T) {
	login, query, farewell := answer([]byte("who")), answer([]byte("what")), answer([]byte("enough"))
	large := row(string(bytes.Repeat([]byte("x"), 3<<20)))
	result := answer(append(twoColumns[:3:3], row("a"), large, row("b"), newEOF)...)
	heard := make(chan []byte, 1)
	dial, pool := server(t, tls.VersionTLS13, func(c net.Conn) {
		said := make([]byte, len(login)+len(query))
		_, _ = io.ReadFull(c, said[:len(login)])
		_, _ = c.Write(answer([]byte{markRow}))
		_, _ = io.ReadFull(c, said[len(login):])
		_, _ = c.Write(result)
		rest, _ := io.ReadAll(c)
		heard <- append(said, rest...)
	})
	tap := new(Tap)
	dialed, c, err := connect(t, tap, dial, &tls.Config{RootCAs: pool, ServerName: "db1"})
	require.NoError(t, err)
	_, err = c.Write(login)
	require.NoError(t, err)
	ok := make([]byte, headerLen+1)
	_, err = io.ReadFull(c, ok)
	require.NoError(t, err)

	var rows [][]byte
	require.NoError(t, tap.Divert(func(row []byte) (bool, error) {
		rows = append(rows, bytes.Clone(row))
		return len(row) == len(large), nil
	}))
	_, err = c.Write(query)
	require.NoError(t, err)
	shown := make([]byte, len(answer(append(twoColumns[:3:3], large, newEOF)...)))
	_, err = io.ReadFull(c, shown)
	require.NoError(t, err)
	require.True(t, bytes.Equal(answer(append(twoColumns[:3:3], large, newEOF)...), shown))
	require.NoError(t, tap.End())
	require.Equal(t, [][]byte{row("a"), large, row("b")}, rows)

	_, err = c.Write(farewell)
	require.NoError(t, err)
	require.NoError(t, dialed.Close()) // as the driver does: below its TLS, at once
	require.Equal(t, append(append(bytes.Clone(login), query...), farewell...), <-heard, "the farewell did not arrive")
}

// TestTheServersCertificateIsVerified: the driver would have.
func TestTheServersCertificateIsVerified(t *testing.T) {
	for name, config := range map[string]*tls.Config{
		"by another authority": {RootCAs: x509.NewCertPool(), ServerName: "db1"},
		"for another server":   {ServerName: "elsewhere"},
		"for another address":  {},
	} {
		t.Run(name, func(t *testing.T) {
			dial, pool := server(t, tls.VersionTLS13, func(net.Conn) {})
			if config.RootCAs == nil {
				config.RootCAs = pool
			}
			_, _, err := connect(t, new(Tap), dial, config)
			var invalid *tls.CertificateVerificationError
			require.ErrorAs(t, err, &invalid)
		})
	}
}

// TestWithoutTLSNothingIsEncrypted: it is the driver that decides, by what the server can do and by what it was told.
func TestWithoutTLSNothingIsEncrypted(t *testing.T) {
	login := answer(bytes.Repeat([]byte("w"), sslRequestLen-headerLen)) // of the same length as a request for TLS
	login[headerLen+1] = 0
	dial, _ := server(t, tls.VersionTLS13, func(c net.Conn) { _, _ = c.Write(answer(append(twoColumns[:3:3], row("a"), newEOF)...)) })
	tap := new(Tap)
	c, _ := greeted(t, tap, dial, &tls.Config{}, "db1:3306")
	var rows int
	require.NoError(t, tap.Divert(func([]byte) (bool, error) { rows++; return false, nil }))
	_, err := c.Write(login)
	require.NoError(t, err)
	seen, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, answer(append(twoColumns[:3:3], newEOF)...), seen)
	require.Equal(t, 1, rows)
}

// TestOnlyTheFirstPacketIsARequest, and nothing that is longer.
func TestOnlyTheFirstPacketIsARequest(t *testing.T) {
	require.False(t, isSSLRequest(append(sslRequest(), 'x')))
	heard := make(chan []byte, 1)
	dial, _ := server(t, tls.VersionTLS13, func(c net.Conn) {
		rest := make([]byte, sslRequestLen)
		_, _ = io.ReadFull(c, rest)
		heard <- rest
	})
	c, _ := greeted(t, new(Tap), dial, &tls.Config{InsecureSkipVerify: true}, "db1:3306")
	_, err := c.Write(make([]byte, sslRequestLen)) // a login of the same length
	require.NoError(t, err)
	_, err = c.Write(sslRequest())
	require.NoError(t, err)
	require.Equal(t, sslRequest(), <-heard)
}

// TestAClosedConnectionHoldsNobodyUp: whoever cancels closes at any moment, and whoever waits must be told.
func TestAClosedConnectionHoldsNobodyUp(t *testing.T) {
	for _, shakeHands := range []bool{true, false} {
		release := make(chan struct{})
		dial, pool := server(t, tls.VersionTLS13, func(net.Conn) { <-release })
		dialed, forDriver := greeted(t, new(Tap), dial, &tls.Config{RootCAs: pool, ServerName: "db1"}, "db1:3306")
		_, err := dialed.Write(sslRequest())
		require.NoError(t, err)
		c := net.Conn(dialed)
		if shakeHands {
			c = tls.Client(dialed, forDriver)
			require.NoError(t, c.(*tls.Conn).Handshake())
		}
		waiting := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			waiting <- err
		}()
		time.Sleep(10 * time.Millisecond) // most likely it waits by now; it must end in any case
		require.NoError(t, dialed.Close())
		require.Error(t, <-waiting)
		_, err = c.Write([]byte("more"))
		require.Error(t, err)
		close(release)
	}
}

// TestTheNameOfTheAddressIsVerified where the configuration gives none, as the driver does.
func TestTheNameOfTheAddressIsVerified(t *testing.T) {
	dial, pool := server(t, tls.VersionTLS13, func(net.Conn) {})
	c, _ := greeted(t, new(Tap), dial, &tls.Config{RootCAs: pool}, "db1:3306")
	_, err := c.Write(sslRequest())
	require.NoError(t, err)
}

// TestARequestThatWasNotSeenEndsTheDriver: a driver that takes the server for its own peer must not log in.
func TestARequestThatWasNotSeenEndsTheDriver(t *testing.T) {
	dial, _ := server(t, tls.VersionTLS13, func(net.Conn) {})
	c, forDriver := greeted(t, new(Tap), dial, &tls.Config{InsecureSkipVerify: true}, "db1:3306")
	for _, part := range [][]byte{sslRequest()[:10], sslRequest()[10:]} {
		_, err := c.Write(part)
		require.NoError(t, err)
	}
	var unknown *tls.CertificateVerificationError
	require.ErrorAs(t, tls.Client(c, forDriver).Handshake(), &unknown)
}

// TestTheServersLastWordsAreHeard: TLS 1.2 gives them together with the end.
func TestTheServersLastWordsAreHeard(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		said := make(chan struct{})
		dial, pool := server(t, version, func(c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 3))
			_, _ = c.Write(answer(failure))
			_ = c.Close()
			close(said)
		})
		_, c, err := connect(t, new(Tap), dial, &tls.Config{RootCAs: pool, ServerName: "db1"})
		require.NoError(t, err)
		_, err = c.Write([]byte("who"))
		require.NoError(t, err)
		<-said
		time.Sleep(10 * time.Millisecond) // both have most likely arrived
		heard, _ := io.ReadAll(c)
		require.Equal(t, answer(failure), heard)
	}
}

// slowWriter takes its time, and fails on request.
type slowWriter struct {
	net.Conn
	fail atomic.Bool
}

var errLine = errors.New("the line is cut")

func (w *slowWriter) Write(p []byte) (int, error) {
	if w.fail.Load() {
		return 0, errLine
	}
	time.Sleep(20 * time.Millisecond)
	return w.Conn.Write(p)
}

func slowed(dial Dial, w *slowWriter) Dial {
	return func(ctx context.Context, network, address string) (c net.Conn, err error) {
		w.Conn, err = dial(ctx, network, address)
		return w, err
	}
}

func TestTheFarewellLeavesOnASlowLine(t *testing.T) {
	heard := make(chan []byte, 1)
	dial, pool := server(t, tls.VersionTLS13, func(c net.Conn) {
		all, _ := io.ReadAll(c)
		heard <- all
	})
	dialed, c, err := connect(t, new(Tap), slowed(dial, new(slowWriter)), &tls.Config{RootCAs: pool, ServerName: "db1"})
	require.NoError(t, err)
	_, err = c.Write([]byte("enough"))
	require.NoError(t, err)
	require.NoError(t, dialed.Close())
	require.Equal(t, "enough", string(<-heard))
}

// TestWhatDidNotLeaveIsNotWaitedFor: nobody will answer it.
func TestWhatDidNotLeaveIsNotWaitedFor(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	dial, pool := server(t, tls.VersionTLS13, func(net.Conn) { <-release })
	var line slowWriter
	_, c, err := connect(t, new(Tap), slowed(dial, &line), &tls.Config{RootCAs: pool, ServerName: "db1"})
	require.NoError(t, err)
	line.fail.Store(true)
	_, err = c.Write([]byte("what"))
	if err == nil { // it had not tried yet
		_, err = c.Read(make([]byte, 1))
	}
	require.ErrorIs(t, err, errLine)
}

// TestAServerThatDoesNotReadHoldsNobodyUp: neither who writes nor who closes.
func TestAServerThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	dial, pool := server(t, tls.VersionTLS13, func(net.Conn) { <-release })
	dialed, c, err := connect(t, new(Tap), dial, &tls.Config{RootCAs: pool, ServerName: "db1"})
	require.NoError(t, err)
	stuck := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = c.Write(make([]byte, 1<<20))
		}
		stuck <- err
	}()
	time.Sleep(50 * time.Millisecond) // most likely nothing goes any more
	require.NoError(t, dialed.Close())
	require.Error(t, <-stuck)
}

// TestADeadlineEndsWaiting: the driver sets them on what it dialed.
func TestADeadlineEndsWaiting(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	dial, pool := server(t, tls.VersionTLS13, func(net.Conn) { <-release })
	dialed, c, err := connect(t, new(Tap), dial, &tls.Config{RootCAs: pool, ServerName: "db1"})
	require.NoError(t, err)
	require.NoError(t, dialed.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err = c.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
}
