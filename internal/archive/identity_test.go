package archive

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIdentityIsTheFoldersOwn(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	seen := make([]string, 20)
	for i := range seen {
		group.Go(func() {
			folder, err := OpenFolder(dir)
			if err == nil {
				seen[i], _ = folder.Identity()
			}
		})
	}
	group.Wait()
	require.Regexp(t, "^[A-Z0-9]{20,}$", seen[0])
	for _, other := range seen {
		require.Equal(t, seen[0], other)
	}
	elsewhere, err := OpenFolder(t.TempDir())
	require.NoError(t, err)
	another, err := elsewhere.Identity()
	require.NoError(t, err)
	require.NotEqual(t, seen[0], another)
}
