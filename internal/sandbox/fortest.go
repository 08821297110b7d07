package sandbox

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// TB is the part of testing.TB that ForTest needs, so that programs which link
// this package do not link package testing.
type TB interface {
	Helper()
	Name() string
	Logf(format string, arguments ...any)
	Fatalf(format string, arguments ...any)
	Cleanup(func())
	Failed() bool
}

// ForTest starts a sandbox for the length of a test, in a folder of its own
// below the system's temporary folder (a Folder given is used instead), and
// fails the test when that cannot be done. It ends with the test, and also with
// the test's process, however that ends. Of a failed test the servers' errors
// are logged.
func ForTest(t TB, options Options) *Cluster {
	t.Helper()
	options, forget, err := temporary(options)
	if err != nil {
		t.Fatalf("sandbox: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	c, err := Up(ctx, options)
	if err != nil {
		forget()
		t.Fatalf("sandbox: %v", err)
		return nil // a TB whose Fatalf returns
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("node %s at %s%s", n.Name, n.Address(), strings.ReplaceAll(n.lastErrors(), " | ", "\n"))
			}
		}
		if err := c.endTest(forget); err != nil {
			t.Fatalf("end the sandbox: %v", err)
		}
	})
	return c
}

// ForTestMain starts a sandbox that the tests of a package share; TestMain
// calls end before it exits. Like ForTest's, it ends with the process.
func ForTestMain(options Options) (c *Cluster, end func() error, err error) {
	options, forget, err := temporary(options)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	c, err = Up(ctx, options)
	if err != nil {
		forget()
		return nil, nil, err
	}
	return c, func() error { return c.endTest(forget) }, nil
}

func (c *Cluster) endTest(forget func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer forget()
	return c.Down(ctx, DownOptions{Now: true}) // the data go anyway
}

func temporary(options Options) (Options, func(), error) {
	options.Tied = true
	if options.Folder != "" {
		return options, func() {}, nil
	}
	folder, err := os.MkdirTemp("", "clusterresync-")
	if err != nil {
		return options, nil, fmt.Errorf("make a folder for the sandbox: %w", err)
	}
	options.Folder = folder
	// Only if it is empty: what Down left has a reason to be there.
	return options, func() { _ = os.Remove(folder) }, nil
}
