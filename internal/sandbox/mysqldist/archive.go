package mysqldist

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// archive is one package archive that the machine's apt uses.
type archive struct{ uri, codename, origin, label string }

const archiveFormat = "$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(LABEL)"

func parseArchives(output string) []archive {
	var found []archive
	for line := range strings.Lines(output) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) == 4 && fields[0] != "" {
			found = append(found, archive{uri: fields[0], codename: fields[1], origin: fields[2], label: fields[3]})
		}
	}
	return found
}

// sourcesFor is the source list from which MySQL comes, on the mirror the
// machine already uses. Debian has MySQL in its suite sid only; Ubuntu has it
// in the release itself.
func sourcesFor(archives []archive, keyring func(origin string) string) (string, error) {
	var seen []string
	for _, a := range archives {
		if !strings.HasPrefix(a.uri, "http://") && !strings.HasPrefix(a.uri, "https://") {
			seen = append(seen, a.uri)
			continue
		}
		options := ""
		if ring := keyring(a.origin); ring != "" {
			options = " [signed-by=" + ring + "]"
		}
		switch {
		case a.origin == "Debian" && a.label == "Debian":
			return fmt.Sprintf("deb%s %s sid main\n", options, a.uri), nil
		case a.origin == "Ubuntu":
			release, _, _ := strings.Cut(a.codename, "-")
			var lines strings.Builder
			for _, suite := range []string{release, release + "-updates"} {
				fmt.Fprintf(&lines, "deb%s %s %s main universe\n", options, a.uri, suite)
			}
			return lines.String(), nil
		}
		seen = append(seen, a.origin+" "+a.codename)
	}
	return "", fmt.Errorf("no archive of Debian or Ubuntu over http or https among this machine's apt sources (found: %s)",
		strings.Join(seen, ", "))
}

// keyring is the file with the archive's keys that its own keyring package
// installs; "" leaves the judgement to apt's trusted keys.
func keyring(origin string) string {
	name := strings.ToLower(origin) + "-archive-keyring"
	for _, ending := range []string{".gpg", ".pgp"} {
		if path := filepath.Join("/usr/share/keyrings", name+ending); isFile(path) {
			return path
		}
	}
	return ""
}

// newestPackage picks from apt-cache's "name - description" lines: the name
// without a version if it is there, else the one with the highest.
func newestPackage(part, found string) (string, error) {
	var names []string
	for line := range strings.Lines(found) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, strings.TrimSpace(name))
	}
	if slices.Contains(names, part) {
		return part, nil
	}
	if len(names) == 0 {
		return "", fmt.Errorf("the archive has no package %s", part)
	}
	return slices.MaxFunc(names, func(a, b string) int {
		return slices.Compare(numbers(strings.TrimPrefix(a, part)), numbers(strings.TrimPrefix(b, part)))
	}), nil
}

func numbers(text string) []int {
	var result []int
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '.' }) {
		if n, err := strconv.Atoi(field); err == nil {
			result = append(result, n)
		}
	}
	return result
}
