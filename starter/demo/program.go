package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

const (
	// installedWorker is the worker's name where the programs are installed, as `make build` and the image name it.
	installedWorker = "worker"
	workerPackage   = "github.com/clusterresync/clusterresync/worker"
)

// WorkerProgram finds the worker: beside this program, where both are installed; else it is built from the module that the current
// folder belongs to. The path is absolute.
func WorkerProgram(ctx context.Context, say func(string, ...any)) (string, error) {
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), installedWorker)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	folder, err := cache.Dir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "bin", installedWorker)
	say("building the worker")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, workerPackage)
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the worker is not beside this program (%s) and cannot be built here; run from the project's folder: %w\n%s",
			installedWorker, err, output)
	}
	return program, nil
}
