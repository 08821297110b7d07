package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdmits(t *testing.T) {
	for _, c := range []struct {
		pattern, host string
		want          bool
	}{
		{"%", "10.0.0.1", true}, {"10.0.0.1", "10.0.0.1", true}, {"10.0.0.1", "10.0.0.10", false},
		{"10.0.%", "10.0.7.1", true}, {"10.0.%", "10.1.7.1", false}, {"10.0.0._", "10.0.0.7", true}, {"10.0.0._", "10.0.0.77", false},
		{"%.example.com", "db1.EXAMPLE.com", true}, {"%.example.com", "db1.example.org", false}, {"db.1", "dbx1", false},
		{`my\_host`, "my_host", true}, {`my\_host`, "myxhost", false},
		{"10.0.0.0/255.255.255.0", "10.0.0.9", true}, {"10.0.0.0/255.255.255.0", "10.0.1.9", false},
		{"10.0.0.0/24", "10.0.0.9", true}, {"10.0.0.0/24", "10.0.1.9", false},
		{"2001:db8::/32", "2001:db8::7", true}, {"10.0.0.0/24", "localhost", false}, {"", "10.0.0.1", false},
	} {
		require.Equal(t, c.want, admits(c.pattern, c.host), "%q admits %q", c.pattern, c.host)
	}
}
