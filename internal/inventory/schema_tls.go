package inventory

import (
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

func (p *parser) tls(path string, n *yaml.Node, t *TLS) {
	isObject := p.object(path, n,
		p.mode(&t.Mode),
		p.localFile("caFile", &t.CAFile),
		p.localFile("certFile", &t.CertFile),
		p.localFile("keyFile", &t.KeyFile),
		p.textField("serverName", &t.ServerName),
	)
	if !isObject {
		return
	}
	p.tlsFiles(path, n.Line, t.Mode, t.CAFile, t.CertFile, t.KeyFile)
	if t.ServerName != "" && t.Mode != TLSVerifyIdentity {
		p.problem(join(path, "serverName"), n.Line, "has no effect in mode %s: use mode %s or remove it", t.Mode, TLSVerifyIdentity)
	}
}

func (p *parser) peerTLS(path string, n *yaml.Node, t *PeerTLS) {
	isObject := p.object(path, n,
		p.mode(&t.Mode),
		p.textField("caFile", &t.CAFile),
		p.textField("certFile", &t.CertFile),
		p.textField("keyFile", &t.KeyFile),
	)
	if isObject {
		p.tlsFiles(path, n.Line, t.Mode, t.CAFile, t.CertFile, t.KeyFile)
	}
}

// tlsFiles refuses settings that look like more protection than they give.
func (p *parser) tlsFiles(path string, line int, mode TLSMode, ca, cert, key string) {
	switch {
	case mode.verifies() && ca == "":
		p.problem(join(path, "caFile"), line, "missing: mode %s needs the authority's certificate", mode)
	case !mode.verifies() && ca != "":
		p.problem(join(path, "caFile"), line, "has no effect in mode %s: use mode %s or %s, or remove it", mode, TLSVerifyCA, TLSVerifyIdentity)
	}
	switch {
	case cert != "" && key == "":
		p.problem(join(path, "keyFile"), line, "missing: certFile is given, and a certificate needs its key")
	case cert == "" && key != "":
		p.problem(join(path, "certFile"), line, "missing: keyFile is given, and a key needs its certificate")
	case cert != "" && mode == TLSDisabled:
		p.problem(join(path, "certFile"), line, "has no effect in mode %s: use another mode or remove it", mode)
	}
}

func (p *parser) mode(m *TLSMode) field {
	return field{"mode", func(path string, n *yaml.Node) {
		s, ok := p.choice(path, n, string(TLSDisabled), string(TLSPreferred), string(TLSRequired), string(TLSVerifyCA), string(TLSVerifyIdentity))
		if ok {
			*m = TLSMode(s)
		}
	}}
}

func (p *parser) textField(key string, into *string) field {
	return field{key, func(path string, n *yaml.Node) { *into, _ = p.text(path, n) }}
}

// localFile wants an absolute path: the folder a worker happens to be started in must not decide which authority it trusts.
func (p *parser) localFile(key string, into *string) field {
	return field{key, func(path string, n *yaml.Node) {
		s, ok := p.text(path, n)
		if ok && !filepath.IsAbs(s) {
			p.problem(path, n.Line, "is %q: wanted an absolute path on the worker's machine", s)
		}
		*into = s
	}}
}
