package node

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a MySQL server's version.
type Version struct {
	Major, Minor, Patch int
	Text                string // as the server gives it, e.g. "8.0.36-28"
}

// ParseVersion reads what @@version says. A suffix after the three numbers is kept in Text only.
func ParseVersion(text string) (Version, error) {
	numbers, _, _ := strings.Cut(text, "-")
	parts := strings.Split(numbers, ".")
	v := Version{Text: text}
	if len(parts) != 3 {
		return v, fmt.Errorf("version %q is not major.minor.patch", text)
	}
	for i, dest := range []*int{&v.Major, &v.Minor, &v.Patch} {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 {
			return v, fmt.Errorf("version %q is not major.minor.patch", text)
		}
		*dest = n
	}
	return v, nil
}

// AtLeast reports whether v is the given version or a later one.
func (v Version) AtLeast(major, minor, patch int) bool {
	if v.Major != major {
		return v.Major > major
	}
	if v.Minor != minor {
		return v.Minor > minor
	}
	return v.Patch >= patch
}

func (v Version) String() string {
	if v.Text != "" {
		return v.Text
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}
