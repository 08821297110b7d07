package port

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

func TestReserveNeverGivesOnePortTwice(t *testing.T) {
	t.Setenv(cache.DirVariable, t.TempDir())
	owner := t.TempDir()
	var mu sync.Mutex
	seen := map[int]bool{}
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			ports, err := Reserve(owner, 25)
			mu.Lock()
			defer mu.Unlock()
			for _, p := range ports {
				seen[p] = true
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, seen, 200)
	from, to := reservable()
	for p := range seen {
		require.GreaterOrEqual(t, p, from)
		require.Less(t, p, to)
	}
}

func TestTakeSkipsWhatIsReservedOrInUse(t *testing.T) {
	t.Setenv(cache.DirVariable, t.TempDir())
	dir, err := records()
	require.NoError(t, err)
	owner := t.TempDir()

	ports, err := Reserve(owner, 2)
	require.NoError(t, err)
	taken, err := take(dir, ports[0], owner)
	require.NoError(t, err)
	require.False(t, taken, "reserved already")

	Release(t.TempDir(), ports...)
	taken, err = take(dir, ports[0], owner)
	require.NoError(t, err)
	require.False(t, taken, "released by another than its owner")

	Release(owner, ports...)
	taken, err = take(dir, ports[0], owner)
	require.NoError(t, err)
	require.True(t, taken, "released")

	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(ports[1]))
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	taken, err = take(dir, ports[1], owner)
	require.NoError(t, err)
	require.False(t, taken, "in use")
}

func TestReservationEndsWithItsOwner(t *testing.T) {
	t.Setenv(cache.DirVariable, t.TempDir())
	dir, err := records()
	require.NoError(t, err)
	gone := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(gone, 0o700))
	ports, err := Reserve(gone, 1)
	require.NoError(t, err)
	require.NoError(t, os.Remove(gone))

	taken, err := take(dir, ports[0], t.TempDir())
	require.NoError(t, err)
	require.True(t, taken)
}
