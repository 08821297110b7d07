// Package cache keeps what is costly to get (a MySQL distribution, the
// Temporal CLI, a prepared data directory) in a folder of the user's, each
// entry complete or absent. It does not know what the entries hold.
package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// DirVariable is the environment variable that moves the cache.
const DirVariable = "CLUSTERRESYNC_CACHE"

// Dir is the cache's folder: $CLUSTERRESYNC_CACHE, else clusterresync in the
// user's cache folder. It need not exist yet.
func Dir() (string, error) {
	if dir := os.Getenv(DirVariable); dir != "" {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", DirVariable, dir, err)
		}
		return absolute, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache folder: %w; set %s to one", err, DirVariable)
	}
	return filepath.Join(base, "clusterresync"), nil
}

// Entry returns the folder of the entry name, after making it with build if it
// is absent. build fills an empty folder; only when it returned nil does the
// folder get its final name, so an entry that exists is complete. Between
// processes one builds and the others wait for it, or for ctx's end. What
// build wrote must not depend on the folder's name, which changes.
func Entry(ctx context.Context, name string, build func(ctx context.Context, dir string) error) (string, error) {
	base, err := Dir()
	if err != nil {
		return "", err
	}
	final := filepath.Join(base, name)
	if isDir(final) {
		return final, nil
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", fmt.Errorf("make the cache folder: %w; set %s to a folder that can be written", err, DirVariable)
	}
	unlock, err := Lock(ctx, final+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if isDir(final) {
		return final, nil
	}
	building := final + ".building" // ours alone while we hold the lock
	if err := os.RemoveAll(building); err != nil {
		return "", fmt.Errorf("clear an unfinished cache entry: %w", err)
	}
	if err := os.Mkdir(building, 0o700); err != nil {
		return "", fmt.Errorf("make a cache entry: %w", err)
	}
	if err := build(ctx, building); err != nil {
		_ = os.RemoveAll(building)
		return "", err
	}
	if err := os.Rename(building, final); err != nil {
		return "", fmt.Errorf("finish a cache entry: %w", err)
	}
	return final, nil
}

// Lock takes an exclusive lock on the file path, which it makes, waiting until
// ctx ends. The kernel drops the lock when the process dies.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = file.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("wait for another process that holds %s: %w", path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
