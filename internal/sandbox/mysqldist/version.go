package mysqldist

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Version of a MySQL server.
type Version struct {
	Major, Minor, Patch int
	// Text is the version with what its packager added, as in "9.7.4-2".
	Text string
}

// oldest is the first version whose clone works beside writes of the donor's
// schema and keeps all that a resync needs; the project supports none older.
var oldest = Version{Major: 8, Minor: 0, Patch: 27, Text: "8.0.27"}

// Compare orders versions by number alone.
func (v Version) Compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor), cmp.Compare(v.Patch, other.Patch))
}

// String is the version as the server says it.
func (v Version) String() string { return v.Text }

var versionPattern = regexp.MustCompile(`\bVer ((\d+)\.(\d+)\.(\d+)\S*)`)

// parseVersion reads what `mysqld --version` prints and refuses what cannot
// serve: another product, or too old a server.
func parseVersion(output string) (Version, error) {
	line, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
	if strings.Contains(strings.ToLower(line), "mariadb") {
		return Version{}, fmt.Errorf("is MariaDB (%q), which has no clone plugin; want MySQL %s or later", line, oldest)
	}
	match := versionPattern.FindStringSubmatch(line)
	if match == nil {
		return Version{}, fmt.Errorf("does not say a MySQL version: %q", line)
	}
	version := Version{Text: match[1]}
	for i, field := range []*int{&version.Major, &version.Minor, &version.Patch} {
		number, err := strconv.Atoi(match[i+2])
		if err != nil {
			return Version{}, fmt.Errorf("does not say a MySQL version: %q", line)
		}
		*field = number
	}
	if version.Compare(oldest) < 0 {
		return Version{}, fmt.Errorf("is MySQL %s; want %s or later", version, oldest)
	}
	return version, nil
}

// AtLeast reports whether v is the given version or a later one.
func (v Version) AtLeast(major, minor, patch int) bool {
	return v.Compare(Version{Major: major, Minor: minor, Patch: patch}) >= 0
}
