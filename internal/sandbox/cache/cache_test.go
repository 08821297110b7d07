package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestDirPrefersTheVariable(t *testing.T) {
	t.Setenv(DirVariable, "/somewhere/else")
	dir, err := Dir()
	require.NoError(t, err)
	require.Equal(t, "/somewhere/else", dir)

	t.Setenv(DirVariable, "")
	t.Setenv("XDG_CACHE_HOME", "/home/of/caches")
	dir, err = Dir()
	require.NoError(t, err)
	require.Equal(t, "/home/of/caches/clusterresync", dir)
}

func TestEntryIsBuiltOnceByManyAtTheSameTime(t *testing.T) {
	t.Setenv(DirVariable, filepath.Join(t.TempDir(), "cache"))
	var builds atomic.Int32
	build := func(_ context.Context, dir string) error {
		builds.Add(1)
		return os.WriteFile(filepath.Join(dir, "content"), []byte("whole"), 0o600)
	}
	var group errgroup.Group
	for range 20 {
		group.Go(func() error {
			dir, err := Entry(t.Context(), "thing", build)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(filepath.Join(dir, "content"))
			if err == nil && string(content) != "whole" {
				err = errors.New("an unfinished entry was handed out")
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 1, builds.Load())
}

func TestEntryThatFailsIsAbsentAndTriedAgain(t *testing.T) {
	base := t.TempDir()
	t.Setenv(DirVariable, base)
	broken := errors.New("no network")
	_, err := Entry(t.Context(), "thing", func(_ context.Context, dir string) error {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "half"), nil, 0o600))
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.NoDirExists(t, filepath.Join(base, "thing"))

	// Nor does what a killed build left get into the entry.
	require.NoError(t, os.MkdirAll(filepath.Join(base, "thing.building", "left"), 0o700))
	dir, err := Entry(t.Context(), "thing", func(context.Context, string) error { return nil })
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestLockWaitsNoLongerThanItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path)
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Lock(ended, path)
	require.ErrorIs(t, err, context.Canceled)
	unlock()
	again, err := Lock(t.Context(), path)
	require.NoError(t, err)
	again()
}
