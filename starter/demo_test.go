package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/contrib/envconfig"
)

// TestDemoTellsItsStory runs the whole demo on a small shop: three harms, the verification that finds them, the refusal, the resync, the
// independent look; and leaves nothing behind.
func TestDemoTellsItsStory(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "demo")
	var out, errs bytes.Buffer
	code := surroundings{
		in: strings.NewReader(""), out: &out, err: &errs, env: envconfig.EnvLookupOS, look: time.Second,
	}.run(t.Context(), []string{"demo", "--bytes", "3000000", "--folder", folder})
	story := out.String()
	if code != 0 {
		t.Log(story, errs.String())
	}
	require.Equal(t, 0, code)
	for _, said := range []string{
		"db2: Replication was stopped",
		"db3: An application wrote to it by mistake",
		"db4: One gift card became worth 1000 more",
		"changed row of shop.gift cards", // the verification names the row that replication knows nothing of
		"(exit code 3, as it must be)",
		"REFUSED",
		"(exit code 2, as it must be)",
		"SUCCEEDED",
		"db2: all 21 tables equal to the primary's",
		"db3: all 21 tables equal to the primary's",
		"db4: all 21 tables equal to the primary's",
		"[succeeded] cluster shop",
		"Everything is stopped.",
	} {
		require.Contains(t, story, said)
	}
	require.NoDirExists(t, folder)
	require.Empty(t, processesNaming(t, folder))
}

// processesNaming lists command lines with the text in them: a server that was started through a dynamic loader bears the loader's name.
func processesNaming(t *testing.T, text string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var found []string
	for _, file := range files {
		line, err := os.ReadFile(file) // one that has ended meanwhile is no matter
		if err == nil && strings.Contains(string(line), text) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
