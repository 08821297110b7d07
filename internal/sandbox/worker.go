package sandbox

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/clusterresync/clusterresync/internal/sandbox/process"
)

const (
	workerDir  = "worker"
	outboxDir  = "outbox"
	archiveDir = "archive"
)

// Outbox is the folder of the mails that the sandbox's worker writes.
func (c *Cluster) Outbox() string { return filepath.Join(c.Folder, outboxDir) }

// Archive is the folder in which the worker keeps rescued writes and the audit
// record.
func (c *Cluster) Archive() string { return filepath.Join(c.Folder, archiveDir) }

// WorkerLog is what the sandbox's worker wrote.
func (c *Cluster) WorkerLog() string {
	return filepath.Join(c.Folder, workerDir, process.OutputFile)
}

// StartWorker runs the product's worker, a program's absolute path, as a
// process of the sandbox: for its cluster, its Temporal server and an outbox in
// its folder. It outlives this process unless the sandbox is tied to it, and
// Down ends it. There may be several, told apart by name.
func (c *Cluster) StartWorker(name, program string) (*process.Keeper, error) {
	dir := filepath.Join(c.Folder, workerDir)
	if name != "" {
		dir = filepath.Join(dir, name)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	keeper := &process.Keeper{
		Dir: dir, Mode: process.Bare, Mark: c.marker.Mark, Lifeline: c.lifeline,
		// A keeper makes its server's environment anew.
		Command: append(append([]string{"/usr/bin/env"}, c.WorkerEnvironment()...), program),
	}
	return keeper, keeper.Start()
}

// workers are the keepers of the workers that were started, by whatever
// process, and of folders beside them where none was: those have nothing to
// stop.
func (c *Cluster) workers() []*process.Keeper {
	dirs, _ := filepath.Glob(filepath.Join(c.Folder, workerDir, "*")) // the pattern is well formed
	keepers := []*process.Keeper{{Dir: filepath.Join(c.Folder, workerDir)}}
	for _, dir := range dirs {
		keepers = append(keepers, &process.Keeper{Dir: dir})
	}
	return keepers
}

// WorkerEnvironment configures a worker for this sandbox, as NAME=value. It
// holds no secret: the inventory names the files that do.
func (c *Cluster) WorkerEnvironment() []string {
	return []string{
		"TEMPORAL_ADDRESS=" + c.Temporal.Address(),
		"TEMPORAL_NAMESPACE=" + c.Temporal.Namespace(),
		"CLUSTERRESYNC_INVENTORY=" + c.Inventory(),
		"CLUSTERRESYNC_MAIL=outbox",
		"CLUSTERRESYNC_OUTBOX=" + c.Outbox(),
		"CLUSTERRESYNC_ARCHIVE_DIR=" + c.Archive(),
		"CLUSTERRESYNC_UI_URL=" + c.Temporal.UI(),
	}
}
