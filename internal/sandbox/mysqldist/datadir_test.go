package mysqldist

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

func TestNewDataDirIsInitialisedOnceAndCopied(t *testing.T) {
	d := packages(t)
	t.Setenv(cache.DirVariable, t.TempDir()) // the packages were found elsewhere already
	first, second := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	require.NoError(t, d.NewDataDir(t.Context(), first))

	// A server that cannot run shows that the second is a copy.
	broken := *d
	broken.launcher = []string{"/bin/false"}
	require.NoError(t, broken.NewDataDir(t.Context(), second))
	require.ErrorContains(t, broken.NewDataDir(t.Context(), filepath.Join(t.TempDir(), "data"), "innodb_page_size=8k"), "--initialize-insecure")

	for _, dir := range []string{first, second} {
		require.NoFileExists(t, filepath.Join(dir, "auto.cnf"), "two servers would have one server_uuid")
		require.FileExists(t, filepath.Join(dir, "mysql.ibd"))
	}
	require.Equal(t, modes(t, first), modes(t, second))
}

func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	found := map[string]fs.FileMode{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		relative, _ := filepath.Rel(dir, path)
		found[relative] = info.Mode()
		return err
	}))
	return found
}

func TestNewDataDirTakesSettingsThatAreFixedThen(t *testing.T) {
	d := packages(t)
	small, usual := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	require.NoError(t, d.NewDataDir(t.Context(), small, "innodb_page_size=8k"))
	require.NoError(t, d.NewDataDir(t.Context(), usual))
	require.EqualValues(t, 8<<10, pageSize(t, small))
	require.EqualValues(t, 16<<10, pageSize(t, usual))
}

// pageSize reads the flags of the system tablespace: bytes 54 to 57 of its
// first page, of which bits 6 to 9 hold the page size as 512 shifted left, 0
// for the 16 KiB of old (MySQL source: fsp0types.h, FSP_FLAGS).
func pageSize(t *testing.T, dir string) int {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "ibdata1"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var flags [4]byte
	_, err = file.ReadAt(flags[:], 54)
	require.NoError(t, err)
	bits := int(flags[2])<<8 | int(flags[3])
	if shift := bits >> 6 & 0xf; shift != 0 {
		return 512 << shift
	}
	return 16 << 10
}
