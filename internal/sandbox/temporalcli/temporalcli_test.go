package temporalcli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// program makes an executable file of that name and returns its folder.
func program(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700))
	return dir
}

func TestFindPrefersTheVariableAndThenPath(t *testing.T) {
	onPath := program(t, "temporal")
	t.Setenv("PATH", onPath+":"+os.Getenv("PATH"))
	t.Setenv(Variable, "")
	found, err := Find(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(onPath, "temporal"), found)

	named := filepath.Join(program(t, "another"), "another")
	t.Setenv(Variable, named)
	found, err = Find(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, named, found)

	t.Setenv(Variable, named+"-absent")
	_, err = Find(t.Context(), nil)
	require.ErrorContains(t, err, "$"+Variable)
}

func TestFindBuildsThePinnedProgramOnce(t *testing.T) {
	t.Setenv(Variable, "")
	t.Setenv("PATH", pathWithout(t, "temporal"))
	built, err := Find(t.Context(), t.Logf)
	require.NoError(t, err)
	output, err := exec.CommandContext(t.Context(), built, "--version").CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "temporal version "+version)
	entries, err := os.ReadDir(filepath.Dir(built))
	require.NoError(t, err)
	require.Len(t, entries, 1, "only the program is kept")

	t.Setenv("PATH", "") // nothing to build it with again
	again, err := Find(t.Context(), t.Logf)
	require.NoError(t, err)
	require.Equal(t, built, again)
}

// A cache outlives the version of the project that filled it.
func TestEntryIsNamedAfterWhatIsBuilt(t *testing.T) {
	mod, sum, flags := []byte("mod"), []byte("sum"), []string{"-a", "-b"}
	name := entryName(mod, sum, flags)
	require.Equal(t, name, entryName(mod, sum, flags))
	require.NotEqual(t, name, entryName([]byte("mod2"), sum, flags))
	require.NotEqual(t, name, entryName(mod, []byte("sum2"), flags))
	require.NotEqual(t, name, entryName(mod, sum, flags[:1]))
	require.NotEqual(t, name, entryName(mod, sum, []string{"-a -b"}))
}

func TestFindSaysWhatIsMissing(t *testing.T) {
	t.Setenv(Variable, "")
	t.Setenv("CLUSTERRESYNC_CACHE", t.TempDir())
	t.Setenv("PATH", "")
	_, err := Find(t.Context(), nil)
	require.ErrorContains(t, err, "install the Temporal CLI or set "+Variable)
	require.ErrorContains(t, err, "go is not on PATH")
}

// The version that is said and the one that is built are written in two
// places.
func TestPinnedModuleRequiresTheVersion(t *testing.T) {
	require.Contains(t, string(pinnedMod), "github.com/temporalio/cli v"+version+" ")
}

// pathWithout is PATH less the folders that hold the program.
func pathWithout(t *testing.T, program string) string {
	t.Helper()
	var kept []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			kept = append(kept, dir)
		}
	}
	return strings.Join(kept, ":")
}
