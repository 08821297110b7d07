package binlog_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// servers is a primary and a secondary. Every test makes its own errant transactions and gives them to the primary as empty ones before it ends,
// so that the next begins with none.
var servers *sandbox.Cluster

func TestMain(m *testing.M) {
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: []sandbox.NodeOptions{{}, {RestartPause: 10 * time.Millisecond}}})
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
