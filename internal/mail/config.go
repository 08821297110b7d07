package mail

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// The transports. One is said explicitly: a mail that silently goes nowhere is worse than a worker that does not start.
const (
	TransportSendGrid = "sendgrid"
	TransportOutbox   = "outbox"
)

// Config says how mail leaves.
type Config struct {
	// Transport is "sendgrid" or "outbox".
	Transport string
	// From is the sender's address; for SendGrid it must be a verified sender.
	From string
	// APIKey is SendGrid's key; it needs the permission "Mail Send" and no other.
	APIKey Secret
	// Host is SendGrid's base URL; empty is the global one, and https://api.eu.sendgrid.com keeps data in the EU. Anything but https is
	// refused unless it is on this machine.
	Host string
	// Sandbox asks SendGrid to check mails without delivering them.
	Sandbox bool
	// Dir is the outbox's folder; it is made if it is missing.
	Dir string
}

// ConfigError names everything that is wrong with a Config.
type ConfigError struct{ Problems []string }

func (e *ConfigError) Error() string { return "mail: " + strings.Join(e.Problems, "; ") }

// New makes the configured sender, or names all that is wrong at once in a *ConfigError. It makes the outbox's folder and writes a
// file there to try it; it asks nothing of SendGrid.
func New(config Config) (Sender, error) {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if strings.TrimSpace(config.From) == "" {
		add("the sender's address is missing: set from, for example resync@example.org")
	} else if _, err := parseAddress(config.From); err != nil {
		add("from: %v", err)
	}
	var sender Sender
	switch config.Transport {
	case TransportSendGrid:
		problems = append(problems, keyProblems(config.APIKey)...)
		problems = append(problems, hostProblems(config.Host)...)
		sender = &SendGrid{APIKey: config.APIKey, From: config.From, Host: config.Host, Sandbox: config.Sandbox}
	case TransportOutbox:
		problems = append(problems, dirProblems(config.Dir)...)
		sender = &Outbox{Dir: config.Dir, From: config.From}
	case "":
		add("the transport is missing: say sendgrid, or outbox to write mails into a folder")
	default:
		add("the transport %q is unknown: say sendgrid or outbox", config.Transport)
	}
	if len(problems) > 0 {
		return nil, &ConfigError{Problems: problems}
	}
	return sender, nil
}

func keyProblems(key Secret) []string {
	if key.Empty() {
		return []string{"SendGrid's API key is missing: make one with the permission Mail Send and give it to the worker"}
	}
	if strings.ContainsFunc(key.Reveal(), func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }) {
		return []string{"SendGrid's API key holds spaces or characters that no key has: was more than the key copied?"}
	}
	return nil
}

func hostProblems(host string) []string {
	if host == "" {
		return nil
	}
	parsed, err := url.Parse(host)
	if err != nil || parsed.Host == "" || parsed.User != nil {
		// The text is not repeated: a URL may hold a password.
		return []string{"SendGrid's host is not a URL such as https://api.eu.sendgrid.com"}
	}
	if parsed.Path != "" && parsed.Path != "/" || parsed.RawQuery != "" {
		return []string{fmt.Sprintf("SendGrid's host %s://%s must end after the host's name", parsed.Scheme, parsed.Host)}
	}
	if parsed.Scheme != "https" && (parsed.Scheme != "http" || !loopback(parsed.Hostname())) {
		return []string{fmt.Sprintf("SendGrid's host %s must be reached by https: the API key travels with every mail", parsed.Host)}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func dirProblems(dir string) []string {
	if dir == "" {
		return []string{"the outbox's folder is missing: set dir"}
	}
	if !filepath.IsAbs(dir) {
		return []string{fmt.Sprintf("the outbox's folder %q must be an absolute path, so that it does not depend on where the worker starts", dir)}
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return []string{fmt.Sprintf("the outbox's folder cannot be made: %v", err)}
	}
	trial, err := os.CreateTemp(dir, ".trial-*")
	if err != nil {
		return []string{fmt.Sprintf("the outbox's folder cannot be written: %v", err)}
	}
	name := trial.Name()
	if err := trial.Close(); err != nil {
		return []string{fmt.Sprintf("the outbox's folder cannot be written: %v", err)}
	}
	if err := os.Remove(name); err != nil {
		return []string{fmt.Sprintf("the outbox's folder does not let files be replaced: %v", err)}
	}
	return nil
}
