package archive

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// identityFile holds the folder's identity; no entry's name begins with a dot.
const identityFile = ".identity"

// Identity names this very folder, whatever it is called and wherever it is mounted: a text of letters and digits that is made the first
// time and kept in it. Two workers with the same identity see the same archive.
func (f *Folder) Identity() (string, error) {
	path := filepath.Join(f.path, identityFile)
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			return strings.TrimSpace(string(text)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", f.failed("read its identity", err)
		}
		if err := f.makeIdentity(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", f.failed("make its identity", err)
		}
	}
}

// makeIdentity is complete or without effect: of several that begin together one comes first, and the others read what it wrote.
func (f *Folder) makeIdentity(path string) error {
	file, err := os.CreateTemp(f.path, identityFile+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(rand.Text() + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Link(file.Name(), path)
}
