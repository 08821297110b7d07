package mysqldist

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pretend makes a program called mysqld that says a version and is no server.
func pretend(t *testing.T, says string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho '%s'\n", says)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mysqld"), []byte(script), 0o700))
	return dir
}

const (
	goodServer = "mysqld  Ver 8.4.2 for Linux on x86_64 (MySQL Community Server - GPL)"
	mariaDB    = "mysqld  Ver 10.11.6-MariaDB for debian-linux-gnu on x86_64 (Debian)"
)

func TestFindTakesTheOneOnPath(t *testing.T) {
	dir := pretend(t, goodServer)
	t.Setenv(Variable, "")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	d, err := Find(t.Context(), t.Logf)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "mysqld"), d.Mysqld)
	require.Equal(t, []string{d.Mysqld, "--x"}, d.ServerCommand("--x"))
}

func TestFindPrefersTheVariable(t *testing.T) {
	dir := pretend(t, goodServer)
	t.Setenv(Variable, filepath.Join(dir, "mysqld"))
	t.Setenv("PATH", pretend(t, mariaDB)+":"+os.Getenv("PATH"))
	d, err := Find(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "mysqld"), d.Mysqld)
}

func TestFindRefusesWhatTheVariableNamesWrongly(t *testing.T) {
	t.Setenv(Variable, filepath.Join(pretend(t, mariaDB), "mysqld"))
	_, err := Find(t.Context(), nil)
	require.ErrorContains(t, err, "$"+Variable)
	require.ErrorContains(t, err, "is MariaDB")

	t.Setenv(Variable, filepath.Join(t.TempDir(), "absent"))
	_, err = Find(t.Context(), nil)
	require.ErrorContains(t, err, "absent")
}

// packages is a distribution of packages from the cache, fetched if need be.
func packages(t *testing.T) *Distribution {
	t.Helper()
	t.Setenv(Variable, UsePackages)
	d, err := Find(t.Context(), t.Logf)
	require.NoError(t, err)
	return d
}

func TestFindPassesOverMariaDBForPackagesThatRun(t *testing.T) {
	t.Setenv(Variable, "")
	t.Setenv("PATH", pretend(t, mariaDB)+":"+os.Getenv("PATH"))
	var said []string
	d, err := Find(t.Context(), func(format string, arguments ...any) { said = append(said, fmt.Sprintf(format, arguments...)) })
	require.NoError(t, err)
	require.Contains(t, strings.Join(said, "\n"), "passing over the mysqld on PATH")
	require.GreaterOrEqual(t, d.Version.Compare(oldest), 0)
	require.Contains(t, d.Origin, "packages")
	require.FileExists(t, filepath.Join(pluginDirOf(t, d), "mysql_clone.so"))
}

func pluginDirOf(t *testing.T, d *Distribution) string {
	t.Helper()
	for _, setting := range d.ServerSettings() {
		if dir, is := strings.CutPrefix(setting, "plugin_dir="); is {
			return dir
		}
	}
	require.Fail(t, "no plugin_dir")
	return ""
}

func TestPackagesHoldClientPrograms(t *testing.T) {
	d := packages(t)
	for _, program := range []string{"mysql", "mysqlbinlog"} {
		command, err := d.ClientCommand(program, "--no-defaults", "--version")
		require.NoError(t, err)
		output, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
		require.NoError(t, err, string(output))
		require.Contains(t, string(output), fmt.Sprintf("%d.%d.%d", d.Version.Major, d.Version.Minor, d.Version.Patch))
	}
	_, err := d.ClientCommand("mysql-no-such-program")
	require.ErrorContains(t, err, "mysql-no-such-program")
}

func TestTreeThatIsNotWholeIsNamed(t *testing.T) {
	root := t.TempDir()
	_, err := fromTree(t.Context(), root, "test")
	require.ErrorContains(t, err, "usr/sbin/mysqld")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/sbin"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/sbin/mysqld"), nil, 0o700))
	_, err = fromTree(t.Context(), root, "test")
	require.ErrorContains(t, err, "dynamic loader")
}
