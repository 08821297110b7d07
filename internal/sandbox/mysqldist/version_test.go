package mysqldist

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseVersion(t *testing.T) {
	for _, c := range []struct {
		output, text string
		numbers      Version
	}{
		{"/usr/sbin/mysqld  Ver 9.7.4-2 for debian-linux-gnu on x86_64 ((Debian))\n", "9.7.4-2", Version{Major: 9, Minor: 7, Patch: 4}},
		{"/usr/sbin/mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))", "8.0.36-0ubuntu0.22.04.1", Version{Major: 8, Patch: 36}},
		{"mysqld  Ver 8.4.2 for Linux on aarch64 (MySQL Community Server - GPL)", "8.4.2", Version{Major: 8, Minor: 4, Patch: 2}},
		{"mysqld  Ver 8.0.27 for Linux on x86_64 (MySQL Community Server - GPL)", "8.0.27", Version{Major: 8, Patch: 27}},
		{"mysqld  Ver 8.0.35-27 for Linux on x86_64 (Percona Server (GPL), Release 27)", "8.0.35-27", Version{Major: 8, Patch: 35}},
	} {
		version, err := parseVersion(c.output)
		require.NoError(t, err)
		require.Equal(t, c.text, version.String())
		require.Zero(t, version.Compare(c.numbers), c.output)
	}
	for output, problem := range map[string]string{
		"mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)": "is MariaDB",
		"mysqld  Ver 8.0.26 for Linux on x86_64 (MySQL Community Server - GPL)":            "is MySQL 8.0.26; want 8.0.27 or later",
		"mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))":            "is MySQL 5.7.44",
		"something else 9.7.4": "does not say a MySQL version",
		"":                     "does not say a MySQL version",
	} {
		_, err := parseVersion(output)
		require.ErrorContains(t, err, problem, output)
	}
}

func TestVersionAtLeast(t *testing.T) {
	v := Version{Major: 8, Minor: 4, Patch: 2}
	require.True(t, v.AtLeast(8, 4, 2))
	require.True(t, v.AtLeast(8, 0, 27))
	require.True(t, v.AtLeast(5, 9, 9))
	require.False(t, v.AtLeast(8, 4, 3))
	require.False(t, v.AtLeast(9, 0, 0))
}
