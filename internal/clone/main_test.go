package clone_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// servers is a primary, a supervised secondary and one that nobody starts again. Tests leave the secondaries fenced, whatever their data;
// each begins with a clone of its own.
var servers *sandbox.Cluster

func TestMain(m *testing.M) {
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: []sandbox.NodeOptions{{Links: true}, {Links: true, RestartPause: 10 * time.Millisecond}, {Supervision: sandbox.Bare}}})
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
