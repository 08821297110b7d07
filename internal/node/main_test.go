package node_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// servers is one primary with two secondaries, shared by the tests of this package. Tests that change a server put it back.
var servers *sandbox.Cluster

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: sandbox.Nodes(3)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	servers = c
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
