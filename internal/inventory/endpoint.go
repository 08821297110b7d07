package inventory

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Endpoint is the host and port of a MySQL server. In the file and in JSON it is "host:port", with IPv6 in brackets.
type Endpoint struct {
	// Host is a DNS name or an IP address, without brackets.
	Host string
	Port int
}

// String gives host:port, with IPv6 in brackets.
func (e Endpoint) String() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// MarshalText gives what String gives.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (e *Endpoint) UnmarshalText(text []byte) error {
	parsed, err := parseEndpoint(string(text))
	if err != nil {
		return err
	}
	*e = parsed
	return nil
}

// IPv6 reports whether the host is an IPv6 address. A DNS name that resolves to one is not seen here.
func (e Endpoint) IPv6() bool { return strings.Contains(e.Host, ":") }

// same reports whether both are written for one place; two names of one host are not seen here.
func (e Endpoint) same(other Endpoint) bool {
	return e.Port == other.Port && strings.EqualFold(e.Host, other.Host)
}

// hostName is stricter than DNS where MySQL is: a blank, a comma or a quote would end the host in clone_valid_donor_list.
// An underscore is allowed because container networks use it.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$`)

// maxHost is the longest host name that CHANGE REPLICATION SOURCE takes (MySQL manual: SOURCE_HOST).
const maxHost = 255

func parseEndpoint(s string) (Endpoint, error) {
	if strings.ContainsAny(s, "@/") {
		// Perhaps a data source name with a password in it: not to be repeated.
		return Endpoint{}, errors.New("wanted host:port alone, without a user, a password, a scheme or a database")
	}
	if ip, err := netip.ParseAddr(s); err == nil {
		return Endpoint{}, fmt.Errorf("is %q without a port: wanted %q", s, netip.AddrPortFrom(ip, 3306))
	}
	host, portText, err := net.SplitHostPort(s)
	if err != nil {
		return Endpoint{}, fmt.Errorf("is %q: wanted host:port, such as db1.example.com:3306 or [2001:db8::1]:3306", s)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return Endpoint{}, fmt.Errorf("is %q: wanted a port from 1 to 65535", s)
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Zone() != "":
		return Endpoint{}, fmt.Errorf("is %q: an IPv6 zone means something else on each machine; use an address without one", s)
	case err == nil:
		host = ip.String()
	case !hostName.MatchString(host) || len(host) > maxHost:
		return Endpoint{}, fmt.Errorf("is %q: the host is neither a DNS name of at most %d characters nor an IP address", s, maxHost)
	}
	return Endpoint{Host: host, Port: int(port)}, nil
}
