package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// upVariable makes this test binary bring a sandbox up in the folder it names,
// and then end as any program does.
const upVariable = "SANDBOX_TEST_UP"

// tiedVariable makes this test binary bring a tied sandbox up in the folder it
// names, with a worker that does nothing, and wait to be killed.
const tiedVariable = "SANDBOX_TEST_TIED"

func holdTied(folder string) error {
	c, err := Up(context.Background(), Options{Folder: folder, Nodes: Nodes(1), Temporal: &TemporalOptions{InMemory: true}, Tied: true})
	if err != nil {
		return err
	}
	idle := filepath.Join(folder, "idle")
	if err := os.WriteFile(idle, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o700); err != nil {
		return err
	}
	if _, err := c.StartWorker("idle", idle); err != nil {
		return err
	}
	fmt.Println("up")
	time.Sleep(time.Hour)
	return nil
}

// shared is the cluster of the tests that leave it as they found it.
var shared *Cluster

func TestMain(m *testing.M) {
	if folder := os.Getenv(upVariable); folder != "" {
		if _, err := Up(context.Background(), Options{Folder: folder, Nodes: Nodes(2), Temporal: &TemporalOptions{}}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if folder := os.Getenv(tiedVariable); folder != "" {
		fmt.Fprintln(os.Stderr, holdTied(folder))
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	c, end, err := ForTestMain(Options{
		Nodes:    Nodes(2),
		Temporal: &TemporalOptions{InMemory: true, SearchAttributes: []string{"SandboxTest=Keyword"}},
		Say:      func(format string, arguments ...any) { fmt.Printf(format+"\n", arguments...) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = c
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// requireNoProcess wants no process whose command line or environment names
// the folder.
func requireNoProcess(t *testing.T, folder string) {
	t.Helper()
	for _, file := range []string{"cmdline", "environ"} {
		paths, err := filepath.Glob("/proc/[0-9]*/" + file)
		require.NoError(t, err)
		for _, path := range paths {
			if filepath.Dir(path) == fmt.Sprintf("/proc/%d", os.Getpid()) {
				continue
			}
			content, err := os.ReadFile(path)
			if err == nil && bytes.Contains(content, []byte(folder)) {
				require.Failf(t, "a process is left", "%s: %s", path, bytes.ReplaceAll(content, []byte{0}, []byte{' '}))
			}
		}
	}
}
