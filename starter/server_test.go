package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/clusterresync/clusterresync/internal/sandbox/temporalcli"
)

// server is one real Temporal for all tests of this package; each test has a cluster and a task queue of its own.
var server struct {
	address string
	client  client.Client
}

func TestMain(m *testing.M) {
	os.Exit(withServer(m))
}

func withServer(m *testing.M) int {
	ctx := context.Background()
	path, err := temporalcli.Find(ctx, func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	started, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "error", Stdout: io.Discard, Stderr: io.Discard,
		ClientOptions: &client.Options{Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "Temporal's development server:", err)
		return 1
	}
	defer func() { _ = started.Stop() }()
	server.address, server.client = started.FrontendHostPort(), started.Client()
	return m.Run()
}

// variables is an environment.
type variables map[string]string

func (v variables) Environ() []string {
	var all []string
	for name, value := range v {
		all = append(all, name+"="+value)
	}
	return all
}

func (v variables) LookupEnv(name string) (string, bool) {
	value, set := v[name]
	return value, set
}

// output is a buffer that may be read while it is written.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// eventually waits until the output holds a text.
func (o *output) eventually(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(o.String(), text) }, time.Minute, 10*time.Millisecond,
		"the output never held %q; it is:\n%s", text, lazy(o.String))
}

// lazy is a text that is looked at only when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }

// starter is one command line, carried out in this process against the real server, without a terminal.
type starter struct {
	code     int
	out, err string
}

func runStarter(t *testing.T, args ...string) starter {
	t.Helper()
	var out, err output
	code := inProcess(strings.NewReader(""), &out, &err).run(t.Context(), args)
	return starter{code, out.String(), err.String()}
}

func inProcess(in io.Reader, out, err io.Writer) surroundings {
	return surroundings{
		in: in, out: out, err: err, look: 20 * time.Millisecond,
		env: variables{"TEMPORAL_ADDRESS": server.address, "TEMPORAL_CONFIG_FILE": os.DevNull},
	}
}

// background is a command line that goes on while the test does.
type background struct {
	out, err output
	leave    context.CancelFunc
	done     chan int
}

func inBackground(t *testing.T, args ...string) *background {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	b := &background{leave: leave, done: make(chan int, 1)}
	go func() { b.done <- inProcess(strings.NewReader(""), &b.out, &b.err).run(ctx, args) }()
	t.Cleanup(leave)
	return b
}
