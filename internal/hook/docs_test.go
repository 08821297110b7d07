package hook

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestDocsNameEveryPlaceAndField holds the page to what a hook is told.
func TestDocsNameEveryPlaceAndField(t *testing.T) {
	page, err := os.ReadFile("../../docs/hooks.md")
	require.NoError(t, err)
	for _, place := range inventory.HookPlaces() {
		means := "be noted"
		if place.MayStop() {
			means = "stop the"
		}
		_, row, found := strings.Cut(string(page), "| `"+string(place)+"` |")
		require.True(t, found, place)
		row, _, _ = strings.Cut(row, "\n")
		assert.Contains(t, strings.Split(row, "|")[1], means, place)
	}

	full := event
	full.Standing, full.Outcome = contract.StandingProven, contract.OutcomeSucceeded
	message, err := full.message()
	require.NoError(t, err)
	var told map[string]any
	require.NoError(t, json.Unmarshal(message, &told))
	variables := map[string]string{}
	for _, pair := range full.variables() {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	assert.Len(t, variables, len(told))
	for field, value := range told {
		variable := "CLUSTERRESYNC_HOOK_" + strings.ToUpper(field)
		assert.Contains(t, string(page), "| `"+field+"` | `"+variable+"` |")
		assert.Equal(t, value, variables[variable], variable)
	}
}
