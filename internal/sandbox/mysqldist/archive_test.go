package mysqldist

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSourcesFor(t *testing.T) {
	ring := func(origin string) string { return "/keys/" + origin }
	for name, c := range map[string]struct {
		archives []archive
		sources  string
	}{
		"debian": {
			// The security archive comes first, and has no sid.
			parseArchives("http://mirror.invalid/security/|bookworm-security|Debian|Debian-Security\nhttp://mirror.invalid/debian/|bookworm|Debian|Debian\n"),
			"deb [signed-by=/keys/Debian] http://mirror.invalid/debian/ sid main\n",
		},
		"ubuntu": {
			parseArchives("cdrom://disc/|noble|Ubuntu|Ubuntu\nhttps://mirror.invalid/ubuntu/|noble-security|Ubuntu|Ubuntu\n"),
			"deb [signed-by=/keys/Ubuntu] https://mirror.invalid/ubuntu/ noble main universe\n" +
				"deb [signed-by=/keys/Ubuntu] https://mirror.invalid/ubuntu/ noble-updates main universe\n",
		},
	} {
		sources, err := sourcesFor(c.archives, ring)
		require.NoError(t, err, name)
		require.Equal(t, c.sources, sources, name)
	}

	sources, err := sourcesFor([]archive{{uri: "http://mirror.invalid/debian/", origin: "Debian", label: "Debian"}}, func(string) string { return "" })
	require.NoError(t, err)
	require.Equal(t, "deb http://mirror.invalid/debian/ sid main\n", sources, "without a keyring of its own, apt's trusted keys judge")

	_, err = sourcesFor([]archive{{uri: "https://mirror.invalid/tools/", codename: "stable", origin: "Tools"}}, ring)
	require.ErrorContains(t, err, "found: Tools stable")
	_, err = sourcesFor([]archive{{uri: "ftp://mirror.invalid/debian/", origin: "Debian", label: "Debian"}}, ring)
	require.ErrorContains(t, err, "http or https")
}

func TestNewestPackage(t *testing.T) {
	for found, wanted := range map[string]string{
		"mysql-server-core - MySQL server core\n":                             "mysql-server-core",
		"mysql-server-core-8.0 - core\nmysql-server-core - the current one\n": "mysql-server-core",
		"mysql-server-core-8.4 - core\nmysql-server-core-8.0 - core\n":        "mysql-server-core-8.4",
		"mysql-server-core-9.7 - core\nmysql-server-core-10.1 - core\n":       "mysql-server-core-10.1",
	} {
		name, err := newestPackage("mysql-server-core", found)
		require.NoError(t, err)
		require.Equal(t, wanted, name)
	}
	_, err := newestPackage("mysql-server-core", "")
	require.ErrorContains(t, err, "no package mysql-server-core")
}
