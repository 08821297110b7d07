package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// state is what another process must know to look at a sandbox and to end it.
// It is written before anything is started, and again when all is up.
type state struct {
	Name     string         `json:"name"`
	MySQL    string         `json:"mysql"`
	Complete bool           `json:"complete"`        // Up has finished
	Ports    []int          `json:"ports,omitempty"` // reserved
	Nodes    []nodeState    `json:"nodes,omitempty"`
	Temporal *temporalState `json:"temporal,omitempty"`
}

type nodeState struct {
	Name         string        `json:"name"`
	Port         int           `json:"port"`
	WorkerPort   int           `json:"workerPort"` // the node's own where there is no link
	PeerPort     int           `json:"peerPort"`
	Supervision  Supervision   `json:"supervision"`
	RestartPause time.Duration `json:"restartPause"` // nanoseconds
	Standalone   bool          `json:"standalone,omitempty"`
	Command      []string      `json:"command"`
}

type temporalState struct {
	Address   string   `json:"address"`
	UI        string   `json:"ui"`
	Metrics   string   `json:"metrics"`
	Namespace string   `json:"namespace"`
	Program   string   `json:"program"`
	Command   []string `json:"command"`
}

func (s state) write(folder string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("record the sandbox: %w", err)
	}
	if err := writeWhole(filepath.Join(folder, stateFile), content); err != nil {
		return fmt.Errorf("record the sandbox: %w", err)
	}
	return nil
}

// readState returns an empty state where an Up was killed before it wrote one.
func readState(folder string) (state, error) {
	content, err := os.ReadFile(filepath.Join(folder, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("read the sandbox's state: %w", err)
	}
	var s state
	if err := json.Unmarshal(content, &s); err != nil {
		return state{}, fmt.Errorf("read the sandbox's state %s: %w", stateFile, err)
	}
	return s, nil
}
