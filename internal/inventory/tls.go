package inventory

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSMode is how far a connection is protected, named as in MySQL's own --ssl-mode (MySQL manual: Command Options for Encrypted Connections).
type TLSMode string

// The modes, from none to all.
const (
	TLSDisabled TLSMode = "disabled"
	// TLSPreferred encrypts if the server can, and does not look who the server is.
	TLSPreferred TLSMode = "preferred"
	// TLSRequired encrypts or fails, and does not look who the server is.
	TLSRequired TLSMode = "required"
	// TLSVerifyCA also wants a certificate that the authority signed.
	TLSVerifyCA TLSMode = "verify-ca"
	// TLSVerifyIdentity also wants the server's name in that certificate.
	TLSVerifyIdentity TLSMode = "verify-identity"
)

func (m TLSMode) verifies() bool { return m == TLSVerifyCA || m == TLSVerifyIdentity }

// TLS is how the worker connects. Paths are absolute and on the worker's machine.
type TLS struct {
	// Mode is TLSPreferred unless declared.
	Mode TLSMode `json:"mode"`
	// CAFile is there exactly in the modes that verify.
	CAFile string `json:"caFile,omitempty"`
	// CertFile and KeyFile are the worker's own certificate; both or none.
	CertFile string `json:"certFile,omitempty"`
	KeyFile  string `json:"keyFile,omitempty"`
	// ServerName is what the servers' certificates must name under TLSVerifyIdentity; empty means each address's own host.
	ServerName string `json:"serverName,omitempty"`
}

// PeerTLS is how nodes connect to one another: a clone, and a channel whose former options are not known. Paths are as the recipient's
// mysqld sees them.
type PeerTLS struct {
	// Mode is TLSPreferred unless declared. A clone knows no check of the name: for it TLSVerifyIdentity is TLSVerifyCA.
	Mode     TLSMode `json:"mode"`
	CAFile   string  `json:"caFile,omitempty"`
	CertFile string  `json:"certFile,omitempty"`
	KeyFile  string  `json:"keyFile,omitempty"`
}

// Required reports whether a connection without TLS must fail: REQUIRE SSL in a CLONE statement.
func (t PeerTLS) Required() bool { return t.Mode == TLSRequired || t.Mode.verifies() }

// Config makes what crypto/tls needs to connect to host, reading the files now. It is nil under TLSDisabled. plainAllowed says that a
// server without TLS is accepted too, as TLSPreferred has it.
func (t TLS) Config(host string) (config *tls.Config, plainAllowed bool, err error) {
	if t.Mode == TLSDisabled {
		return nil, true, nil
	}
	config = &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: host,
		// The library checks chain and name together or not at all. Only TLSVerifyIdentity wants both; TLSVerifyCA checks the chain below.
		InsecureSkipVerify: t.Mode != TLSVerifyIdentity,
	}
	if t.ServerName != "" {
		config.ServerName = t.ServerName
	}
	if t.Mode.verifies() {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, false, fmt.Errorf("tls.caFile: %w; put the authority's certificate there and let the worker's user read it", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, false, fmt.Errorf("tls.caFile: %s holds no certificate in PEM form", t.CAFile)
		}
	}
	if t.Mode == TLSVerifyCA {
		roots := config.RootCAs
		// Called in every handshake, a resumed one included.
		config.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, roots) }
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, false, fmt.Errorf("tls.certFile and tls.keyFile: %w; wanted a certificate and its key in PEM form", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, t.Mode == TLSPreferred, nil
}

func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server sent no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}
