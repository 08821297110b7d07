package inventory

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeHasTheGrants holds the SQL that operators copy to what a run needs, on 9.x and, with the replacement that the README
// names, on 8.0.
func TestReadmeHasTheGrants(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	readme := string(text)
	_, rest, found := strings.Cut(readme, "```sql\n")
	require.True(t, found, "the README has a block of SQL")
	block, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	var documented []string
	for statement := range strings.SplitSeq(block, ";") {
		if words := strings.Fields(statement); len(words) > 0 {
			documented = append(documented, strings.Join(words, " "))
		}
	}
	wanted := func(v version) []string {
		var all []string
		for _, role := range Roles() {
			statements, err := SQL(Grantee{Role: role, User: "resync_" + string(role), Host: "%"}, v)
			require.NoError(t, err)
			all = append(all, statements...)
		}
		return all
	}
	assert.Equal(t, wanted(version{9, 7, 0}), documented)

	const now, before = "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER", "SET_USER_ID"
	assert.Contains(t, readme, "Before MySQL 8.2 write `"+before+"` in place of `"+now+"`")
	assert.Equal(t, wanted(version{8, 0, 27}), strings.Split(strings.ReplaceAll(strings.Join(documented, ";"), now, before), ";"))
}

// TestReadmeInventoryLoads: the inventory that the README shows is one that a worker takes.
func TestReadmeInventoryLoads(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```yaml\n")
	require.True(t, found, "the README has a block of YAML")
	block, _, _ := strings.Cut(rest, "```")
	inventory, problems := parse([]byte(block))
	require.Empty(t, problems)
	assert.Equal(t, []string{"shop"}, inventory.Names())
}
