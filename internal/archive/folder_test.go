package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func open(t *testing.T) *Folder {
	t.Helper()
	f, err := OpenFolder(t.TempDir())
	require.NoError(t, err)
	return f
}

func write(t *testing.T, d Draft, name, content string) {
	t.Helper()
	w, err := d.Create(name)
	require.NoError(t, err)
	_, err = io.WriteString(w, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func read(t *testing.T, e Entry, name string) string {
	t.Helper()
	r, err := e.Open(name)
	require.NoError(t, err)
	defer r.Close()
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(content)
}

// all are the paths below the folder with their modes.
func all(t *testing.T, f *Folder) map[string]fs.FileMode {
	t.Helper()
	found := map[string]fs.FileMode{}
	require.NoError(t, filepath.WalkDir(f.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == f.path {
			return err
		}
		info, err := d.Info()
		found[strings.TrimPrefix(path, f.path+"/")] = info.Mode()
		return err
	}))
	return found
}

func TestAnEntryIsWholeOrNotThere(t *testing.T) {
	f := open(t)
	d, err := f.Begin(t.Context(), "rescue/shop/run")
	require.NoError(t, err)
	write(t, d, "a", "one")
	_, err = f.Open(t.Context(), "rescue/shop/run")
	require.ErrorIs(t, err, ErrNotFound)
	write(t, d, "b", "two")
	_, err = d.Create("a")
	require.ErrorIs(t, err, fs.ErrExist)

	e, err := d.Commit()
	require.NoError(t, err)
	require.NoError(t, d.Discard())
	files, err := e.Files()
	require.NoError(t, err)
	assert.Equal(t, []File{{"a", 3}, {"b", 3}}, files)
	found, err := f.Open(t.Context(), "rescue/shop/run")
	require.NoError(t, err)
	assert.Equal(t, e.Where(), found.Where())
	assert.Equal(t, "two", read(t, found, "b"))
	assert.Equal(t, map[string]fs.FileMode{
		"rescue": fs.ModeDir | 0o700, "rescue/shop": fs.ModeDir | 0o700, "rescue/shop/run": fs.ModeDir | 0o700,
		"rescue/shop/run/a": 0o600, "rescue/shop/run/b": 0o600,
	}, all(t, f))

	_, err = f.Begin(t.Context(), "rescue/shop/run")
	require.ErrorIs(t, err, ErrExists)
}

func TestNoEntryIsReplaced(t *testing.T) {
	f := open(t)
	first, err := f.Begin(t.Context(), "e")
	require.NoError(t, err)
	write(t, first, "a", "one")
	// Another process, which does not see this draft.
	second := &draft{folder: f, path: filepath.Join(f.path, "elsewhere"), final: filepath.Join(f.path, "e")}
	require.NoError(t, os.Mkdir(second.path, 0o700))
	write(t, second, "a", "two")
	_, err = first.Commit()
	require.NoError(t, err)
	_, err = second.Commit()
	require.ErrorIs(t, err, ErrExists)
	e, err := f.Open(t.Context(), "e")
	require.NoError(t, err)
	assert.Equal(t, "one", read(t, e, "a"))
}

func TestWhatACrashLeftIsCleared(t *testing.T) {
	f := open(t)
	for _, name := range []string{"e", "e.b", "e", "ee"} {
		d, err := f.Begin(t.Context(), name)
		require.NoError(t, err)
		write(t, d, "a", name)
	}
	names := ""
	for name := range all(t, f) {
		if !strings.Contains(name, "/") {
			names += name + " "
		}
	}
	assert.Equal(t, 1, strings.Count(names, ".e~"), names)
	assert.Equal(t, 1, strings.Count(names, ".e.b~"), "another entry's draft: "+names)
	assert.Equal(t, 1, strings.Count(names, ".ee~"), names)

	d, err := f.Begin(t.Context(), "e")
	require.NoError(t, err)
	require.NoError(t, d.Discard())
	require.NoError(t, d.Discard())
	for name := range all(t, f) {
		assert.NotContains(t, name, ".e~")
	}
}

func TestNames(t *testing.T) {
	f := open(t)
	for _, name := range []string{"", "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "a/.b", "a b", "a\x00", "a~b", "ä", strings.Repeat("a", 201)} {
		_, err := f.Begin(t.Context(), name)
		require.ErrorContains(t, err, "is no name", name)
		_, err = f.Open(t.Context(), name)
		require.ErrorContains(t, err, "is no name", name)
		require.ErrorContains(t, f.Append(t.Context(), name, []byte("x")), "is no name", name)
	}
	assert.Empty(t, all(t, f))
	d, err := f.Begin(t.Context(), strings.Repeat("a", 200))
	require.NoError(t, err)
	for _, name := range []string{"", "a/b", "..", ".a"} {
		_, err := d.Create(name)
		require.Error(t, err, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		if a != "" && len(Segment(a)) <= maxSegment {
			_, err := split(Segment(a))
			require.NoError(t, err)
		}
		require.Equal(t, a == b, Segment(a) == Segment(b))
	})
}

func TestAppend(t *testing.T) {
	f := open(t)
	path := filepath.Join(f.path, "audit", "shop.jsonl")
	require.NoError(t, f.Append(t.Context(), "audit/shop.jsonl", []byte(`{"run":1}`)))
	require.NoError(t, f.Append(t.Context(), "audit/shop.jsonl", []byte(`{"run":2}`)))
	require.NoError(t, f.Append(t.Context(), "audit/shop.jsonl", []byte(`{"run":1}`)))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "{\"run\":1}\n{\"run\":2}\n", string(content))

	// Cut by a crash.
	require.NoError(t, os.WriteFile(path, []byte("{\"run\":1}\n{\"ru"), 0o600))
	require.NoError(t, f.Append(t.Context(), "audit/shop.jsonl", []byte(`{"run":3}`)))
	content, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "{\"run\":1}\n{\"ru\n{\"run\":3}\n", string(content))

	require.Error(t, f.Append(t.Context(), "audit/shop.jsonl", []byte("two\nlines")))
	require.Error(t, f.Append(t.Context(), "audit/shop.jsonl", nil))

	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			assert.NoError(t, f.Append(context.Background(), "many", fmt.Appendf(nil, "line %d", i%10)))
		})
	}
	group.Wait()
	content, err = os.ReadFile(filepath.Join(f.path, "many"))
	require.NoError(t, err)
	assert.Equal(t, 10, strings.Count(string(content), "\n"))
}

func TestAFolderThatCannotBeUsed(t *testing.T) {
	var access *AccessError
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := OpenFolder(missing)
	require.ErrorAs(t, err, &access)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, missing)
	assert.NoDirExists(t, missing)
	_, err = OpenFolder("relative")
	require.ErrorContains(t, err, "not absolute")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = OpenFolder(file)
	require.ErrorContains(t, err, "it is no folder")

	// Unmounted meanwhile.
	f := open(t)
	require.NoError(t, f.Check(t.Context()))
	assert.Empty(t, all(t, f))
	require.NoError(t, os.Remove(f.path))
	require.ErrorAs(t, f.Check(t.Context()), &access)
	_, err = f.Begin(t.Context(), "a/b")
	require.ErrorAs(t, err, &access)
	_, err = f.Open(t.Context(), "a/b")
	require.ErrorAs(t, err, &access)
	require.ErrorAs(t, f.Append(t.Context(), "a/b", []byte("x")), &access)
	_, err = f.Free(t.Context())
	require.ErrorAs(t, err, &access)
	assert.NoDirExists(t, f.path)
}

func TestAFullDisk(t *testing.T) {
	f := open(t)
	free, err := f.Free(t.Context())
	require.NoError(t, err)
	assert.Positive(t, free)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	w := &flushed{folder: f, file: full}
	_, err = w.Write([]byte("x"))
	var room *RoomError
	require.ErrorAs(t, err, &room)
	assert.ErrorContains(t, err, "it is full")
	assert.ErrorContains(t, &RoomError{Host: "h", Place: "/p", Free: 3 << 20, Wanted: 5<<20 + 1}, "archive /p on h: 3 MiB are free, about 6 MiB are wanted")
	require.True(t, errors.As(f.failed("x", &os.PathError{Op: "write", Path: "p", Err: syscall.EDQUOT}), &room))
}
