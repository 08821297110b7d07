package mysqldist

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unsignedArchive serves a package archive on the loopback address that is
// well formed but signed by nobody.
func unsignedArchive(t *testing.T) archive {
	t.Helper()
	root := t.TempDir()
	index := filepath.Join(root, "dists/sid/main/binary-amd64")
	require.NoError(t, os.MkdirAll(index, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(index, "Packages"), nil, 0o600))
	release := "Origin: Debian\nLabel: Debian\nSuite: sid\nCodename: sid\nArchitectures: amd64 arm64\nComponents: main\n" +
		"Date: Sun, 22 Nov 2026 00:00:00 UTC\nSHA256:\n" +
		" e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "dists/sid/Release"), []byte(release), 0o600))
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	t.Cleanup(server.Close)
	return archive{uri: server.URL + "/", codename: "sid", origin: "Debian", label: "Debian"}
}

func TestDownloadRefusesAnArchiveThatNobodySigned(t *testing.T) {
	t.Setenv("no_proxy", "127.0.0.1")
	a := apt{work: t.TempDir()}
	require.NoError(t, a.makeFolders())
	err := a.download(t.Context(), []archive{unsignedArchive(t)}, keyring, serverParts)
	require.ErrorContains(t, err, "is not signed")
}

func TestDownloadSaysWhatAptSaid(t *testing.T) {
	t.Setenv("no_proxy", "127.0.0.1")
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	a := apt{work: t.TempDir()}
	require.NoError(t, a.makeFolders())
	err := a.download(t.Context(), []archive{{uri: server.URL + "/", codename: "sid", origin: "Debian", label: "Debian"}}, keyring, serverParts)
	require.ErrorContains(t, err, "apt-get update")
	require.ErrorContains(t, err, "does not have a Release file")
}

// On a machine where `apt-get update` was never run, apt knows its sources but
// answers nothing about them.
func TestConfiguredArchivesAreFoundWithoutTheMachinesLists(t *testing.T) {
	empty := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(empty, "partial"), 0o755))
	configuration := filepath.Join(t.TempDir(), "apt.conf")
	require.NoError(t, os.WriteFile(configuration, []byte(`Dir::State::lists "`+empty+`";`+"\n"), 0o644))
	t.Setenv("APT_CONFIG", configuration)
	output, err := exec.CommandContext(t.Context(), "apt-get", "indextargets").Output()
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(string(output)), "the machine's lists are still seen")

	a := apt{work: t.TempDir()}
	require.NoError(t, a.makeFolders())
	archives, err := a.configuredArchives(t.Context())
	require.NoError(t, err)
	_, err = sourcesFor(archives, keyring)
	require.NoError(t, err)
	entries, err := os.ReadDir(empty)
	require.NoError(t, err)
	require.Len(t, entries, 1, "the machine's own lists were written to")
}

func TestUnpackUnpacksEveryPackage(t *testing.T) {
	archives, dir := t.TempDir(), t.TempDir()
	for _, name := range []string{"one", "two"} {
		tree := t.TempDir()
		require.NoError(t, os.Chmod(tree, 0o755))
		require.NoError(t, os.MkdirAll(filepath.Join(tree, "DEBIAN"), 0o755))
		require.NoError(t, os.MkdirAll(filepath.Join(tree, "usr/share"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(tree, "usr/share", name), nil, 0o644))
		control := "Package: " + name + "\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: test\n"
		require.NoError(t, os.WriteFile(filepath.Join(tree, "DEBIAN/control"), []byte(control), 0o644))
		output, err := exec.CommandContext(t.Context(), "dpkg-deb", "--build", tree, filepath.Join(archives, name+"_1_all.deb")).CombinedOutput()
		require.NoError(t, err, string(output))
	}
	require.NoError(t, unpack(t.Context(), archives, dir))
	require.FileExists(t, filepath.Join(dir, treeDir, "usr/share/one"))
	require.FileExists(t, filepath.Join(dir, treeDir, "usr/share/two"))
	recorded, err := os.ReadFile(filepath.Join(dir, packagesFile))
	require.NoError(t, err)
	require.Equal(t, "one_1_all.deb\ntwo_1_all.deb\n", string(recorded))

	require.NoError(t, os.WriteFile(filepath.Join(archives, "broken_1_all.deb"), []byte("not a package"), 0o644))
	require.ErrorContains(t, unpack(t.Context(), archives, t.TempDir()), "broken_1_all.deb")
	require.ErrorContains(t, unpack(t.Context(), t.TempDir(), t.TempDir()), "no package")
}
