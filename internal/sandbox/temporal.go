package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

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
		Namespace: client.DefaultNamespace,
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
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (t *Temporal) describe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{
		HostPort:  t.state.Address,
		Namespace: t.state.Namespace,
		Logger:    log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.state.Namespace})
	return err
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
