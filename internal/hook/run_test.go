package hook

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

// counting is a script that writes a line to a file each time and then does what follows.
func counting(t *testing.T, name, calls, then string) inventory.Hook {
	t.Helper()
	return script(t, "echo "+name+" >>"+calls+"\n"+then)
}

func calledIn(t *testing.T, calls string) []string {
	t.Helper()
	text, err := os.ReadFile(calls)
	require.NoError(t, err)
	return strings.Fields(string(text))
}

func TestAllCallsInOrderAndTriesAgain(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	first := counting(t, "first", calls, "exit 0")
	second := counting(t, "second", calls, `[ $(grep -c second `+calls+`) -ge 2 ] || exit 1; echo at last`)
	second.Attempts = 3
	third := counting(t, "third", calls, "exit 1")
	third.OnFailure = inventory.HookContinue
	fourth := counting(t, "fourth", calls, "echo done")
	var watched []string
	notes, err := All(t.Context(), []inventory.Hook{first, second, third, fourth}, event, func(doing string) { watched = append(watched, doing) })
	require.NoError(t, err)
	assert.Equal(t, []string{"first", "second", "second", "third", "fourth"}, calledIn(t, calls))
	require.Len(t, notes, 3)
	assert.Contains(t, notes[0], "said: at last")
	assert.Contains(t, notes[1], "failed with exit status 1")
	assert.Contains(t, notes[2], "said: done")
	require.Len(t, watched, 5)
	assert.Contains(t, watched[2], "attempt 2 of 3")
}

func TestAllStopsAtAFailureThatMeansStop(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	first := counting(t, "first", calls, "echo hello")
	second := counting(t, "second", calls, "exit 7")
	second.Attempts = 2
	third := counting(t, "third", calls, "exit 0")
	notes, err := All(t.Context(), []inventory.Hook{first, second, third}, event, nil)
	var failed *FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 7, failed.Code)
	assert.Equal(t, []string{"first", "second", "second"}, calledIn(t, calls))
	assert.Len(t, notes, 1, "what was heard before is not lost")
}

func TestAllDoesNotTryAgainInVain(t *testing.T) {
	var watched []string
	missing := inventory.Hook{Command: []string{"/no/such/program"}, Timeout: plenty, Attempts: 5, OnFailure: inventory.HookContinue}
	notes, err := All(t.Context(), []inventory.Hook{missing}, event, func(doing string) { watched = append(watched, doing) })
	require.NoError(t, err)
	assert.Len(t, watched, 1)
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "/no/such/program) could not be called: no such file or directory")
}

// A stopped worker is no failure of a hook, whatever that would mean.
func TestAllEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hook := script(t, "exit 1")
	hook.Attempts, hook.OnFailure = 1000, inventory.HookContinue
	times := 0
	notes, err := All(ctx, []inventory.Hook{hook, hook}, event, func(string) {
		if times++; times == 2 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, notes)
	assert.Equal(t, 2, times)
}
