package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Connection attributes by which a session tells others whose it is; seen in performance_schema.session_connect_attrs.
const (
	AttributeProgram = "program_name"
	AttributeCluster = "resync_cluster"
	AttributeRun     = "resync_run"

	// Program is the value of AttributeProgram on every connection this package opens.
	Program = "clusterresync"
)

const (
	dialTimeout = 5 * time.Second

	// A silent peer is given up after idle + count*interval = 45 s. A read timeout would do the same to a healthy CLONE, whose
	// connection says nothing for as long as the copy takes; keepalive probes only end connections whose peer is gone.
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveCount    = 6
)

// Endpoint is how one server is reached and as whom.
type Endpoint struct {
	// Name is the node's name in the inventory; errors bear it.
	Name string
	// Address is host:port as this process reaches the server.
	Address string
	// PeerAddress is host:port as the other servers reach it; empty means Address.
	PeerAddress string
	User        string
	// Password is left out of every format verb and of JSON.
	Password string `json:"-"`
	// TLS is the client configuration; nil means no TLS. Without a ServerName the host of Address is verified.
	TLS *tls.Config `json:"-"`
	// TLSFallback allows plain text when the server offers no TLS (what MySQL calls PREFERRED).
	TLSFallback bool
	// Attributes are added to every connection's attributes, visible to others in
	// performance_schema.session_connect_attrs: never put a secret here.
	Attributes map[string]string
}

// Format implements fmt.Formatter so that no verb, %#v included, shows the password or the TLS keys.
func (e Endpoint) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s (%s@%s)", e.Name, e.User, e.Address)
}

func (e Endpoint) config(extra map[string]string) (*mysql.Config, error) {
	if e.Name == "" {
		return nil, fmt.Errorf("an endpoint without a name (address %q)", e.Address)
	}
	if _, _, err := net.SplitHostPort(e.Address); err != nil {
		return nil, fmt.Errorf("node %s: address %q is not host:port: %w", e.Name, e.Address, err)
	}
	if e.PeerAddress != "" {
		if _, _, err := net.SplitHostPort(e.PeerAddress); err != nil {
			return nil, fmt.Errorf("node %s: peer address %q is not host:port: %w", e.Name, e.PeerAddress, err)
		}
	}
	attributes := map[string]string{AttributeProgram: Program}
	maps.Copy(attributes, e.Attributes)
	maps.Copy(attributes, extra)
	encoded, err := encodeAttributes(attributes)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", e.Name, err)
	}

	c := mysql.NewConfig()
	c.User, c.Passwd = e.User, e.Password
	c.Net, c.Addr = "tcp", e.Address
	c.Timeout = dialTimeout
	c.ReadTimeout, c.WriteTimeout = 0, 0
	c.DialFunc = dial
	c.ParseTime, c.Loc = true, time.UTC
	// Statements such as CHANGE REPLICATION SOURCE cannot be prepared: the driver writes the quoted values into the text.
	c.InterpolateParams = true
	c.ConnectionAttributes = encoded
	c.TLS, c.AllowFallbackToPlaintext = e.TLS, e.TLSFallback
	c.Logger = &mysql.NopLogger{}
	c.Params = sessionSettings()
	return c, nil
}

// sessionSettings make a statement mean the same on every server, whatever its global settings are: times are UTC, strings
// and identifiers are quoted the same way, errors are English (error 3862 has to be parsed), nothing waits in an
// implicit transaction or is cut by a statement limit.
func sessionSettings() map[string]string {
	return map[string]string{
		"time_zone":          "'+00:00'",
		"sql_mode":           "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
		"lc_messages":        "'en_US'",
		"autocommit":         "1",
		"max_execution_time": "0",
	}
}

func encodeAttributes(attributes map[string]string) (string, error) {
	parts := make([]string, 0, len(attributes))
	for _, k := range slices.Sorted(maps.Keys(attributes)) {
		v := attributes[k]
		// The driver takes "key:value,key:value" without a way to escape.
		if k == "" || strings.ContainsAny(k, ":,") || strings.Contains(v, ",") {
			return "", fmt.Errorf("connection attribute %q=%q: a key may hold neither ':' nor ',', a value no ','", k, v)
		}
		parts = append(parts, k+":"+v)
	}
	return strings.Join(parts, ","), nil
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
	}}
	return d.DialContext(ctx, network, address)
}
