package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/clusterresync/clusterresync/internal/sandbox/process"
)

// TemporalOptions describe a Temporal development server.
type TemporalOptions struct {
	// InMemory forgets everything when the server ends; the default is a
	// database file in the sandbox's folder.
	InMemory bool
	// SearchAttributes to register, "Name=Type" as the CLI takes them.
	SearchAttributes []string
	// Settings are dynamic configuration values of the server, "key=JSON".
	Settings []string
}

// Temporal is a Temporal development server with its UI.
type Temporal struct {
	state  temporalState
	keeper process.Keeper
}

const temporalPorts = 4

// defaultNamespace is the one that a development server makes.
const defaultNamespace = "default"

// planTemporal decides the command; nothing is started.
func planTemporal(dir, program string, ports []int, options TemporalOptions) (temporalState, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return temporalState{}, fmt.Errorf("make Temporal's folder: %w", err)
	}
	command := []string{program, "server", "start-dev", "--headless=false", "--ip", "127.0.0.1", "--ui-ip", "127.0.0.1",
		"--port", strconv.Itoa(ports[0]), "--ui-port", strconv.Itoa(ports[1]),
		"--metrics-port", strconv.Itoa(ports[2]), "--http-port", strconv.Itoa(ports[3]),
		"--log-level", "warn", "--color", "never"}
	if !options.InMemory {
		command = append(command, "--db-filename", filepath.Join(dir, "temporal.db"))
	}
	for _, attribute := range options.SearchAttributes {
		command = append(command, "--search-attribute", attribute)
	}
	for _, setting := range options.Settings {
		command = append(command, "--dynamic-config-value", setting)
	}
	return temporalState{
		Address:   loopback(ports[0]),
		UI:        "http://" + loopback(ports[1]),
		Metrics:   "http://" + loopback(ports[2]) + "/metrics",
		Namespace: defaultNamespace,
		Program:   program,
		Command:   command,
	}, nil
}

// Address of the gRPC service, host:port.
func (t *Temporal) Address() string { return t.state.Address }

// UI is the URL of the web UI.
func (t *Temporal) UI() string { return t.state.UI }

// Metrics is the URL of the server's metrics.
func (t *Temporal) Metrics() string { return t.state.Metrics }

// Namespace that is there from the start.
func (t *Temporal) Namespace() string { return t.state.Namespace }

// Program is the path of the temporal CLI.
func (t *Temporal) Program() string { return t.state.Program }

// Start starts a server that does not run, and returns before it is ready.
func (t *Temporal) Start() error { return t.wrap(t.keeper.Start()) }

// Stop ends the server.
func (t *Temporal) Stop(ctx context.Context) error {
	return t.wrap(t.keeper.Stop(ctx, 20*time.Second))
}

// Kill9 kills the server; it stays down until Start.
func (t *Temporal) Kill9() error { return t.wrap(t.keeper.Signal(syscall.SIGKILL)) }

// Freeze stops the server in its tracks until Thaw.
func (t *Temporal) Freeze() error { return t.wrap(t.keeper.Freeze()) }

// Thaw lets a frozen server go on.
func (t *Temporal) Thaw() error { return t.wrap(t.keeper.Signal(syscall.SIGCONT)) }

// Running tells whether the server's process runs now.
func (t *Temporal) Running() bool {
	_, err := t.keeper.Server()
	return err == nil
}

// WaitReady waits until the server describes its namespace. It gives up when
// ctx ends or the server did, and then says what the server said.
func (t *Temporal) WaitReady(ctx context.Context) error {
	for {
		err := t.describe(ctx)
		if err == nil {
			return nil
		}
		if !t.keeper.Running() {
			output, _ := os.ReadFile(filepath.Join(t.keeper.Dir, process.OutputFile))
			return fmt.Errorf("temporal server: it ended: %s", lastBytes(output, 600))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("temporal server: not ready: %w (last: %w)", ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// describe asks with the CLI, as a person would. Nothing that the environment
// says of another Temporal may lead it there.
func (t *Temporal) describe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, t.state.Program, "operator", "namespace", "describe",
		"--namespace", t.state.Namespace, "--address", t.state.Address)
	elsewhere := func(variable string) bool { return strings.HasPrefix(variable, "TEMPORAL_") }
	command.Env = append(slices.DeleteFunc(os.Environ(), elsewhere), "TEMPORAL_CONFIG_FILE="+os.DevNull)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, lastBytes(output, 200))
	}
	return nil
}

func (t *Temporal) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("temporal server: %w", err)
	}
	return nil
}

func lastBytes(output []byte, n int) []byte {
	return slices.Clone(output[max(0, len(output)-n):])
}
