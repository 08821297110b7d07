package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Folder is an archive in a folder. Everything in it is its owner's alone (0700, 0600).
type Folder struct {
	path, host string
}

// OpenFolder takes an absolute path to a folder that is there. It is not made: a mount that is missing must not become a folder on the
// disk beneath it.
func OpenFolder(path string) (*Folder, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("archive %s: find the name of this machine: %w", path, err)
	}
	f := &Folder{path: filepath.Clean(path), host: host}
	if !filepath.IsAbs(path) {
		return nil, f.failed("open it", errors.New("its path is not absolute"))
	}
	return f, f.present()
}

func (f *Folder) present() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return f.failed("open it", err)
	}
	if !info.IsDir() {
		return f.failed("open it", errors.New("it is no folder"))
	}
	return nil
}

// failed tells what is the room's fault from the rest.
func (f *Folder) failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &RoomError{Host: f.host, Place: f.path}
	}
	return &AccessError{Host: f.host, Place: f.path, Doing: doing, Err: err}
}

// Where implements Store.
func (f *Folder) Where() string { return f.path }

// Host implements Store.
func (f *Folder) Host() string { return f.host }

// Free implements Store. Blocks that are kept for root do not count.
func (f *Folder) Free(context.Context) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(f.path, &s); err != nil {
		return 0, f.failed("ask for its room", err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// Check implements Store.
func (f *Folder) Check(context.Context) error {
	if err := f.present(); err != nil {
		return err
	}
	file, err := os.CreateTemp(f.path, ".check-*")
	if err != nil {
		return f.failed("write to it", err)
	}
	_, err = file.WriteString("a check that this folder can be written\n")
	err = errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
	return f.failed("write to it", err)
}

// draftPattern is how the drafts of an entry are called: no segment begins with a dot, nor holds a ~, so that none is taken for an entry or
// for the draft of another.
func draftPattern(segment string) string { return "." + segment + "~*.unfinished" }

// Begin implements Store.
func (f *Folder) Begin(ctx context.Context, name string) (Draft, error) {
	segments, err := split(name)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	parent, err := f.makeFolders(segments[:len(segments)-1])
	if err != nil {
		return nil, err
	}
	last := segments[len(segments)-1]
	final := filepath.Join(parent, last)
	if _, err := os.Lstat(final); err == nil {
		return nil, ErrExists
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, f.failed("look for the entry", err)
	}
	left, err := filepath.Glob(filepath.Join(parent, draftPattern(last)))
	if err != nil {
		return nil, f.failed("look for unfinished entries", err)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return nil, f.failed("remove an unfinished entry", err)
		}
	}
	path, err := os.MkdirTemp(parent, draftPattern(last)) // 0700
	if err != nil {
		return nil, f.failed("begin an entry", err)
	}
	return &draft{folder: f, path: path, final: final}, nil
}

// makeFolders makes the folders that are missing, below the archive's own, and flushes each parent.
func (f *Folder) makeFolders(segments []string) (string, error) {
	if err := f.present(); err != nil {
		return "", err
	}
	path := f.path
	for _, s := range segments {
		parent := path
		path = filepath.Join(path, s)
		err := os.Mkdir(path, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = syncFolder(parent)
		}
		if err != nil {
			return "", f.failed("make a folder", err)
		}
	}
	return path, nil
}

// Open implements Store.
func (f *Folder) Open(_ context.Context, name string) (Entry, error) {
	segments, err := split(name)
	if err != nil {
		return nil, err
	}
	if err := f.present(); err != nil {
		return nil, err
	}
	path := filepath.Join(append([]string{f.path}, segments...)...)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotFound
	case err != nil:
		return nil, f.failed("look for the entry", err)
	case !info.IsDir():
		return nil, f.failed("look for the entry", fmt.Errorf("%s is no folder", path))
	}
	// Whoever finished it may have died before its name was flushed.
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, f.failed("flush a folder", err)
	}
	return &entry{folder: f, path: path}, nil
}

// Append implements Store. What a crash left of a line stays, on a line of its own.
func (f *Folder) Append(_ context.Context, name string, line []byte) (err error) {
	segments, err := split(name)
	if err != nil {
		return err
	}
	if bytes.ContainsAny(line, "\n\r") || len(line) == 0 {
		return errors.New("archive: what is to be appended is not one line")
	}
	parent, err := f.makeFolders(segments[:len(segments)-1])
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(parent, segments[len(segments)-1]), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return f.failed("open a file to append to", err)
	}
	defer func() { err = errors.Join(err, f.failed("append to a file", file.Close())) }()
	// Between processes; dropped with the file.
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return f.failed("lock a file to append to", err)
	}
	there, torn, err := find(file, line)
	if err != nil {
		return f.failed("read a file to append to", err)
	}
	if !there {
		text := append(bytes.Clone(line), '\n')
		if torn {
			text = append([]byte{'\n'}, text...)
		}
		if _, err := file.Write(text); err != nil {
			return f.failed("append to a file", err)
		}
	}
	// Also when it was there: whoever wrote it may have died before it was flushed.
	return f.failed("flush a file", errors.Join(file.Sync(), syncFolder(parent)))
}

// find reports whether the file has the line, and whether it ends within one.
func find(file io.Reader, line []byte) (there, torn bool, err error) {
	for reader := bufio.NewReader(file); ; {
		one, err := reader.ReadBytes('\n')
		if err == io.EOF {
			return there, len(one) > 0, nil
		}
		if err != nil {
			return false, false, err
		}
		there = there || bytes.Equal(bytes.TrimSuffix(one, []byte{'\n'}), line)
	}
}

type draft struct {
	folder      *Folder
	path, final string
	done        bool
}

func (d *draft) Create(name string) (io.WriteCloser, error) {
	if segments, err := split(name); err != nil || len(segments) != 1 {
		return nil, errors.Join(err, fmt.Errorf("archive: %q is no file's name", name))
	}
	file, err := os.OpenFile(filepath.Join(d.path, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, d.folder.failed("make a file", err)
	}
	return &flushed{folder: d.folder, file: file}, nil
}

// Commit renames the folder, which either happens or does not; no entry is ever replaced, because a folder that holds anything is not.
func (d *draft) Commit() (Entry, error) {
	if err := syncFolder(d.path); err != nil {
		return nil, d.folder.failed("flush an entry", err)
	}
	err := os.Rename(d.path, d.final)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil, ErrExists
	}
	if err == nil {
		d.done = true
		err = syncFolder(filepath.Dir(d.final))
	}
	if err != nil {
		return nil, d.folder.failed("finish an entry", err)
	}
	return &entry{folder: d.folder, path: d.final}, nil
}

func (d *draft) Discard() error {
	if d.done {
		return nil
	}
	d.done = true
	return d.folder.failed("remove an unfinished entry", os.RemoveAll(d.path))
}

// flushed is a file whose Close makes it last.
type flushed struct {
	folder *Folder
	file   *os.File
}

func (w *flushed) Write(data []byte) (int, error) {
	n, err := w.file.Write(data)
	return n, w.folder.failed("write a file", err)
}

func (w *flushed) Close() error {
	return w.folder.failed("flush a file", errors.Join(w.file.Sync(), w.file.Close()))
}

type entry struct {
	folder *Folder
	path   string
}

func (e *entry) Where() string { return e.path }

func (e *entry) Files() ([]File, error) {
	list, err := os.ReadDir(e.path) // sorted by name
	if err != nil {
		return nil, e.folder.failed("list an entry", err)
	}
	var files []File
	for _, one := range list {
		info, err := one.Info()
		if err != nil {
			return nil, e.folder.failed("list an entry", err)
		}
		if info.Mode().IsRegular() && !strings.HasPrefix(one.Name(), ".") {
			files = append(files, File{Name: one.Name(), Size: info.Size()})
		}
	}
	return files, nil
}

func (e *entry) Open(name string) (io.ReadCloser, error) {
	if segments, err := split(name); err != nil || len(segments) != 1 {
		return nil, errors.Join(err, fmt.Errorf("archive: %q is no file's name", name))
	}
	file, err := os.Open(filepath.Join(e.path, name))
	if err != nil {
		return nil, e.folder.failed("open a file", err)
	}
	// What is read back shall come from the disk and not from memory, as far as the system heeds this.
	_ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
	return file, nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
