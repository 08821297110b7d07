package inventory

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// authority signs certificates for the length of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert, key, writePEM(t, "CERTIFICATE", der)}
}

func (a authority) sign(t *testing.T, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	return writePEM(t, "CERTIFICATE", der), writePEM(t, "EC PRIVATE KEY", keyDER)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// shake connects a client of that configuration to a server of that certificate. It returns how many certificates the client sent,
// and the client's error.
func shake(t *testing.T, client *tls.Config, certFile, keyFile string) (int, error) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	// Not net.Pipe: without a buffer, two sides that each send an alert wait for one another.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	sent := make(chan int)
	go func() {
		there, err := listener.Accept()
		if err != nil {
			sent <- -1
			return
		}
		server := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert})
		_ = server.Handshake()
		sent <- len(server.ConnectionState().PeerCertificates)
		there.Close()
	}()
	here, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	err = tls.Client(here, client).Handshake()
	here.Close()
	return <-sent, err
}

func TestWhatEachModeAccepts(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	goodCert, goodKey := ours.sign(t, "db1")
	otherCert, otherKey := ours.sign(t, "db2")
	foreignCert, foreignKey := foreign.sign(t, "db1")

	type accepts struct{ good, wrongName, wrongAuthority bool }
	for name, c := range map[string]struct {
		tls   TLS
		plain bool
		want  accepts
	}{
		"preferred":       {TLS{Mode: TLSPreferred}, true, accepts{true, true, true}},
		"required":        {TLS{Mode: TLSRequired}, false, accepts{true, true, true}},
		"verify-ca":       {TLS{Mode: TLSVerifyCA, CAFile: ours.file}, false, accepts{true, true, false}},
		"verify-identity": {TLS{Mode: TLSVerifyIdentity, CAFile: ours.file}, false, accepts{true, false, false}},
		"serverName":      {TLS{Mode: TLSVerifyIdentity, CAFile: ours.file, ServerName: "db2"}, false, accepts{false, true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			config, plain, err := c.tls.Config("db1")
			require.NoError(t, err)
			assert.Equal(t, c.plain, plain)
			try := func(cert, key string) bool {
				_, err := shake(t, config, cert, key)
				return err == nil
			}
			assert.Equal(t, c.want, accepts{try(goodCert, goodKey), try(otherCert, otherKey), try(foreignCert, foreignKey)})
		})
	}

	config, plain, err := TLS{Mode: TLSDisabled}.Config("db1")
	require.NoError(t, err)
	assert.Nil(t, config)
	assert.True(t, plain)
}

func TestClientCertificate(t *testing.T) {
	ours := newAuthority(t)
	serverCert, serverKey := ours.sign(t, "db1")
	cert, key := ours.sign(t, "worker")
	config, _, err := TLS{Mode: TLSRequired, CertFile: cert, KeyFile: key}.Config("db1")
	require.NoError(t, err)
	sent, err := shake(t, config, serverCert, serverKey)
	require.NoError(t, err)
	assert.Equal(t, 1, sent)
}

func TestTLSFilesThatCannotBeUsed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	cert, _ := newAuthority(t).sign(t, "worker")
	for want, c := range map[string]TLS{
		"tls.caFile: open /none":                  {Mode: TLSVerifyCA, CAFile: "/none"},
		empty + " holds no certificate":           {Mode: TLSVerifyIdentity, CAFile: empty},
		"tls.certFile and tls.keyFile: open /non": {Mode: TLSRequired, CertFile: cert, KeyFile: "/none"},
	} {
		_, _, err := c.Config("db1")
		assert.ErrorContains(t, err, want)
	}
}

func TestPeerTLSRequired(t *testing.T) {
	for mode, want := range map[TLSMode]bool{TLSDisabled: false, TLSPreferred: false, TLSRequired: true, TLSVerifyCA: true, TLSVerifyIdentity: true} {
		assert.Equal(t, want, PeerTLS{Mode: mode}.Required(), mode)
	}
}
