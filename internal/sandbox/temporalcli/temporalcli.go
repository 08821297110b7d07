// Package temporalcli finds the `temporal` command-line program, which also
// holds Temporal's development server, and builds it where there is none. It
// does not run servers.
package temporalcli

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

// Variable is the environment variable that names the program to use.
const Variable = "CLUSTERRESYNC_TEMPORAL"

// version is the one in the pinned module. v1.9.1 cannot be built from the
// module proxy: it needs a nested module that is not published.
const version = "1.5.1"

// The pinned module requires the program as a tool, with every dependency at
// the version and hash that was tested. The files bear other names here because
// a folder with a go.mod is a module of its own, which cannot be embedded.
var (
	//go:embed pinned/go.mod.pinned
	pinnedMod []byte
	//go:embed pinned/go.sum.pinned
	pinnedSum []byte
)

// buildFlags are the flags the program is built with. Without the first it
// calls itself a development version.
var buildFlags = []string{"-ldflags=-X github.com/temporalio/cli/temporalcli.Version=" + version, "-mod=readonly"}

// Find returns the path of a temporal program: $CLUSTERRESYNC_TEMPORAL, else
// the one on PATH, else one built into the cache, which takes a few minutes the
// first time. say, which may be nil, is told what takes time.
func Find(ctx context.Context, say func(format string, arguments ...any)) (string, error) {
	if say == nil {
		say = func(string, ...any) {}
	}
	if chosen := os.Getenv(Variable); chosen != "" {
		path, err := exec.LookPath(chosen)
		if err != nil {
			return "", fmt.Errorf("$%s: %w", Variable, err)
		}
		return filepath.Abs(path)
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		return filepath.Abs(path)
	}
	dir, err := cache.Entry(ctx, entryName(pinnedMod, pinnedSum, buildFlags), func(ctx context.Context, dir string) error {
		say("building the Temporal CLI %s into the cache (some minutes, once)", version)
		return build(ctx, dir)
	})
	if err != nil {
		return "", fmt.Errorf("no temporal program: install the Temporal CLI or set %s to its path; building it: %w", Variable, err)
	}
	return filepath.Join(dir, "temporal"), nil
}

// entryName names the cache's entry after all that decides what is built, so
// that a program built in another way by an earlier version of this package is
// not taken for this one.
func entryName(mod, sum []byte, flags []string) string {
	recipe := sha256.New()
	fmt.Fprintf(recipe, "%q %q %q", mod, sum, flags)
	return fmt.Sprintf("temporal-%s-%s-%x", version, runtime.GOARCH, recipe.Sum(nil)[:6])
}

func build(ctx context.Context, dir string) error {
	goProgram, err := exec.LookPath("go")
	if err != nil {
		return errors.New("go is not on PATH")
	}
	module := filepath.Join(dir, "module")
	if err := os.Mkdir(module, 0o700); err != nil {
		return fmt.Errorf("make the module's folder: %w", err)
	}
	for name, content := range map[string][]byte{"go.mod": pinnedMod, "go.sum": pinnedSum} {
		if err := os.WriteFile(filepath.Join(module, name), content, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	arguments := append([]string{"build"}, buildFlags...)
	arguments = append(arguments, "-o", filepath.Join(dir, "temporal"), "github.com/temporalio/cli/cmd/temporal")
	command := exec.CommandContext(ctx, goProgram, arguments...)
	command.Dir = module
	// The caller's workspace, vendoring and flags are about other modules.
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, lastLines(string(output), 5))
	}
	return os.RemoveAll(module)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
