package sandbox

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	markerFile = ".clusterresync-sandbox"
	lockFile   = "lock"
	stateFile  = "state.json"
	nodesDir   = "nodes"
	secretsDir = "secrets"
	// temporalDir holds the Temporal server's files.
	temporalDir = "temporal"
	// InventoryFile is the inventory of the sandbox's cluster, in its folder.
	InventoryFile = "inventory.yaml"
	// EnvironmentFile is a shell file that points the Temporal CLI, the worker
	// and the starter at the sandbox, in its folder.
	EnvironmentFile = "env.sh"
)

// ErrExists says that there is a sandbox in the folder already.
var ErrExists = errors.New("a sandbox is there already")

// ErrNotSandbox says that a folder does not carry the marker of a sandbox made
// at its place, so that nothing in it may be touched.
var ErrNotSandbox = errors.New("not the folder of a sandbox")

// marker is written first and read before anything is stopped or removed. It
// holds the folder's own path, so that a copied or moved sandbox is not taken
// for the one whose servers run.
type marker struct {
	Folder string `json:"folder"`
	Mark   string `json:"mark"` // found again in the environment of every process
}

// claim makes the folder, or takes an empty one, and marks it.
func claim(folder string) (marker, error) {
	if folder == "" {
		return marker{}, errors.New("make a sandbox: no folder given")
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return marker{}, fmt.Errorf("make a sandbox: %w", err)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return marker{}, fmt.Errorf("make a sandbox: %w", err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return marker{}, fmt.Errorf("make a sandbox: %w", err)
	}
	entries, err := os.ReadDir(resolved)
	if err != nil {
		return marker{}, fmt.Errorf("make a sandbox: %w", err)
	}
	if len(entries) > 0 {
		if _, err := readMarker(resolved); err == nil {
			return marker{}, fmt.Errorf("make a sandbox in %s: %w; look at it with `sandbox status` or end it with `sandbox down`", resolved, ErrExists)
		}
		return marker{}, fmt.Errorf("make a sandbox in %s: the folder holds other files; name one that is empty or does not exist", resolved)
	}
	m := marker{Folder: resolved, Mark: rand.Text()}
	content, err := json.Marshal(m)
	if err != nil {
		return marker{}, fmt.Errorf("mark the sandbox: %w", err)
	}
	// Exclusive: of two at the same time, one makes the sandbox.
	file, err := os.OpenFile(filepath.Join(resolved, markerFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return marker{}, fmt.Errorf("make a sandbox in %s: %w", resolved, ErrExists)
	}
	if err != nil {
		return marker{}, fmt.Errorf("mark the sandbox: %w", err)
	}
	_, writeErr := file.Write(content)
	if err := errors.Join(writeErr, file.Close()); err != nil {
		return marker{}, fmt.Errorf("mark the sandbox: %w", err)
	}
	return m, nil
}

// readMarker returns ErrNotSandbox for a folder that carries none of its own,
// and an error that matches fs.ErrNotExist as well when there is no folder.
func readMarker(folder string) (marker, error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return marker{}, fmt.Errorf("%s: %w: %w", folder, ErrNotSandbox, err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return marker{}, fmt.Errorf("%s: %w: %w", folder, ErrNotSandbox, err)
	}
	content, err := os.ReadFile(filepath.Join(resolved, markerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return marker{}, fmt.Errorf("%s: %w (it has no file %s)", resolved, ErrNotSandbox, markerFile)
	}
	if err != nil {
		return marker{}, fmt.Errorf("%s: %w: %w", resolved, ErrNotSandbox, err)
	}
	var m marker
	if err := json.Unmarshal(content, &m); err != nil || m.Mark == "" {
		return marker{}, fmt.Errorf("%s: %w (its file %s was not written by a sandbox)", resolved, ErrNotSandbox, markerFile)
	}
	if m.Folder != resolved {
		return marker{}, fmt.Errorf("%s: %w (it is a copy of the one made in %s)", resolved, ErrNotSandbox, m.Folder)
	}
	return m, nil
}

// writeWhole writes a file that is seen whole or not at all, for its owner
// alone.
func writeWhole(path string, content []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
