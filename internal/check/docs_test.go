package check

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDocsNameEveryCheck holds docs/checks.md to the checks: all of them, in the order of All, each with what it wants word for
// word and whether a verification makes it.
func TestDocsNameEveryCheck(t *testing.T) {
	text, err := os.ReadFile("../../docs/checks.md")
	require.NoError(t, err)
	type row struct{ code, wanted, inVerify string }
	var documented []row
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		require.Len(t, cells, 5, "cells of %s", cells[0])
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			assert.NotEmpty(t, cells[i], cells[0])
		}
		documented = append(documented, row{strings.Trim(cells[0], "`"), cells[1], cells[2]})
	}
	var want []row
	for _, c := range All() {
		inVerify := "yes"
		if c.OnlyErasing {
			inVerify = "no"
		}
		want = append(want, row{c.Code, c.Wanted, inVerify})
	}
	require.Equal(t, want, documented)
}
