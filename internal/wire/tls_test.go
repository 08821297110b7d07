package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sslRequest is what a driver writes that wants TLS.
func sslRequest() []byte {
	return append([]byte{32, 0, 0, 1, 0, clientSSL >> 8, 0, 0}, make([]byte, 28)...)
}

var greeting = answer([]byte("\x0a9.7.4\x00"))

// server greets, and behind an SSLRequest speaks TLS. What it does then is up to the test.
func server(t *testing.T, then func(net.Conn)) (Dial, *x509.CertPool) {
	t.Helper()
	own, err := ownIdentity() // any certificate will do
	require.NoError(t, err)
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

// connect goes as far as a driver does before it logs in.
func connect(t *testing.T, tap *Tap, dial Dial, config *tls.Config) (dialed, c net.Conn, err error) {
	t.Helper()
	forDriver, err := tap.TLS(config)
	require.NoError(t, err)
	dialed, err = tap.Dial(dial)(t.Context(), "tcp", "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = dialed.Close() })
	greeted := make([]byte, len(greeting))
	_, err = io.ReadFull(dialed, greeted)
	require.NoError(t, err)
	require.Equal(t, greeting, greeted)
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
	dial, pool := server(t, func(c net.Conn) {
		said := make([]byte, len(login)+len(query))
		_, _ = io.ReadFull(c, said[:len(login)])
		_, _ = c.Write(answer([]byte{markRow}))
		_, _ = io.ReadFull(c, said[len(login):])
		_, _ = c.Write(result)
		rest, _ := io.ReadAll(c)
		heard <- append(said, rest...)
	})
	tap := new(Tap)
	dialed, c, err := connect(t, tap, dial, &tls.Config{RootCAs: pool, ServerName: "tap"})
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
		"by another authority": {RootCAs: x509.NewCertPool(), ServerName: "tap"},
		"for another server":   {ServerName: "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			dial, pool := server(t, func(net.Conn) {})
			if config.RootCAs == nil {
				config.RootCAs = pool
			}
			tap := new(Tap)
			_, _, err := connect(t, tap, dial, config)
			var invalid *tls.CertificateVerificationError
			require.ErrorAs(t, err, &invalid)
			require.ErrorAs(t, tap.Failed(), &invalid)
		})
	}
}

// TestWithoutTLSNothingIsEncrypted: it is the driver that decides, by what the server can do and by what it was told.
func TestWithoutTLSNothingIsEncrypted(t *testing.T) {
	login := answer(bytes.Repeat([]byte("w"), sslRequestLen-headerLen)) // of the same length as a request for TLS
	login[headerLen+1] = 0
	dial, _ := server(t, func(c net.Conn) { _, _ = c.Write(answer(append(twoColumns[:3:3], row("a"), newEOF)...)) })
	tap := new(Tap)
	_, err := tap.TLS(&tls.Config{})
	require.NoError(t, err)
	c, err := tap.Dial(dial)(t.Context(), "tcp", "")
	require.NoError(t, err)
	defer c.Close()
	greeted := make([]byte, len(greeting))
	_, err = io.ReadFull(c, greeted)
	require.NoError(t, err)
	var rows int
	require.NoError(t, tap.Divert(func([]byte) (bool, error) { rows++; return false, nil }))
	_, err = c.Write(login)
	require.NoError(t, err)
	seen, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, answer(append(twoColumns[:3:3], newEOF)...), seen)
	require.Equal(t, 1, rows)
}

// TestAClosedConnectionHoldsNobodyUp: whoever cancels closes at any moment, and whoever waits must be told.
func TestAClosedConnectionHoldsNobodyUp(t *testing.T) {
	for _, shakeHands := range []bool{true, false} {
		release := make(chan struct{})
		dial, pool := server(t, func(net.Conn) { <-release })
		tap := new(Tap)
		forDriver, err := tap.TLS(&tls.Config{RootCAs: pool, ServerName: "tap"})
		require.NoError(t, err)
		dialed, err := tap.Dial(dial)(t.Context(), "tcp", "")
		require.NoError(t, err)
		_, err = io.ReadFull(dialed, make([]byte, len(greeting)))
		require.NoError(t, err)
		_, err = dialed.Write(sslRequest())
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

// TestADeadlineEndsWaiting: the driver sets them on what it dialed.
func TestADeadlineEndsWaiting(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	dial, pool := server(t, func(net.Conn) { <-release })
	dialed, c, err := connect(t, new(Tap), dial, &tls.Config{RootCAs: pool, ServerName: "tap"})
	require.NoError(t, err)
	require.NoError(t, dialed.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err = c.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
}
