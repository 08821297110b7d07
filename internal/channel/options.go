package channel

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// kind says how an option's value is written.
type kind int

const (
	text    kind = iota // a quoted string
	number              // an integer or decimal
	toggle              // 0 or 1
	word                // a bare keyword
	account             // 'user'@'host'
)

// option is one option of CHANGE REPLICATION SOURCE and the column that shows its value.
type option struct {
	name   string
	column string
	kind   kind
}

// connectionOptions are shown by performance_schema.replication_connection_configuration. Host, port, user, password and
// auto position are not among them: those come from Source.
var connectionOptions = []option{
	{"SOURCE_BIND", "NETWORK_INTERFACE", text},
	{"SOURCE_SSL", "SSL_ALLOWED", toggle},
	{"SOURCE_SSL_CA", "SSL_CA_FILE", text},
	{"SOURCE_SSL_CAPATH", "SSL_CA_PATH", text},
	{"SOURCE_SSL_CERT", "SSL_CERTIFICATE", text},
	{"SOURCE_SSL_CIPHER", "SSL_CIPHER", text},
	{"SOURCE_SSL_KEY", "SSL_KEY", text},
	{"SOURCE_SSL_VERIFY_SERVER_CERT", "SSL_VERIFY_SERVER_CERTIFICATE", toggle},
	{"SOURCE_SSL_CRL", "SSL_CRL_FILE", text},
	{"SOURCE_SSL_CRLPATH", "SSL_CRL_PATH", text},
	{"SOURCE_CONNECT_RETRY", "CONNECTION_RETRY_INTERVAL", number},
	{"SOURCE_RETRY_COUNT", "CONNECTION_RETRY_COUNT", number},
	{"SOURCE_HEARTBEAT_PERIOD", "HEARTBEAT_INTERVAL", number},
	{"SOURCE_TLS_VERSION", "TLS_VERSION", text},
	{"SOURCE_TLS_CIPHERSUITES", "TLS_CIPHERSUITES", text},
	{"SOURCE_PUBLIC_KEY_PATH", "PUBLIC_KEY_PATH", text},
	{"GET_SOURCE_PUBLIC_KEY", "GET_PUBLIC_KEY", toggle},
	{"NETWORK_NAMESPACE", "NETWORK_NAMESPACE", text},
	{"SOURCE_COMPRESSION_ALGORITHMS", "COMPRESSION_ALGORITHM", text},
	{"SOURCE_ZSTD_COMPRESSION_LEVEL", "ZSTD_COMPRESSION_LEVEL", number},
	{"SOURCE_CONNECTION_AUTO_FAILOVER", "SOURCE_CONNECTION_AUTO_FAILOVER", toggle},
	{"GTID_ONLY", "GTID_ONLY", toggle},
}

// applierOptions are shown by performance_schema.replication_applier_configuration.
var applierOptions = []option{
	{optionDelay, "DESIRED_DELAY", number},
	{"PRIVILEGE_CHECKS_USER", "PRIVILEGE_CHECKS_USER", account},
	{"REQUIRE_ROW_FORMAT", "REQUIRE_ROW_FORMAT", toggle},
	{"REQUIRE_TABLE_PRIMARY_KEY_CHECK", "REQUIRE_TABLE_PRIMARY_KEY_CHECK", word},
}

const (
	optionDelay     = "SOURCE_DELAY"
	optionPublicKey = "GET_SOURCE_PUBLIC_KEY"
)

func knownOptions() []option { return slices.Concat(connectionOptions, applierOptions) }

// collect reads the options of a row by their column. NULL, and a column that the version lacks, are absent.
func collect(into map[string]string, row map[string]string, options []option) {
	for _, o := range options {
		value, ok := row[o.column]
		if !ok {
			continue
		}
		if o.kind == toggle {
			value = toggleOf(value)
		}
		into[o.name] = value
	}
}

func toggleOf(shown string) string {
	switch strings.ToUpper(shown) {
	case "YES", "1", "ON":
		return "1"
	}
	return "0"
}

var (
	numberPattern  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	wordPattern    = regexp.MustCompile(`^[A-Z_]+$`)
	accountPattern = regexp.MustCompile("^['`\"]?(.*?)['`\"]?@['`\"]?([^@]*?)['`\"]?$")
)

// clauses writes "NAME = ?" for each option, in a fixed order, with the values that go into the places.
func clauses(options map[string]string) ([]string, []any, error) {
	byName := map[string]option{}
	for _, o := range knownOptions() {
		byName[o.name] = o
	}
	var parts []string
	var args []any
	for _, name := range slices.Sorted(maps.Keys(options)) {
		o, ok := byName[name]
		if !ok {
			return nil, nil, fmt.Errorf("%s is no option of CHANGE REPLICATION SOURCE that may be noted", name)
		}
		value := options[name]
		bad := fmt.Errorf("%s: %q is no valid value", name, value)
		switch o.kind {
		case text:
			parts, args = append(parts, name+" = ?"), append(args, value)
		case number, toggle:
			if !numberPattern.MatchString(value) {
				return nil, nil, bad
			}
			parts = append(parts, name+" = "+value)
		case word:
			if !wordPattern.MatchString(value) {
				return nil, nil, bad
			}
			parts = append(parts, name+" = "+value)
		case account:
			m := accountPattern.FindStringSubmatch(value)
			if m == nil {
				return nil, nil, bad
			}
			parts, args = append(parts, name+" = ?@?"), append(args, m[1], m[2])
		}
	}
	return parts, args, nil
}
