package rescue_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// servers is a primary and two secondaries. Every test makes errant transactions on one of them and leaves them there, so that the next has
// more; what a test compares, it makes itself.
var servers *sandbox.Cluster

func TestMain(m *testing.M) {
	quick := sandbox.NodeOptions{RestartPause: 10 * time.Millisecond}
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: []sandbox.NodeOptions{quick, {RestartPause: quick.RestartPause, Links: true}, quick}})
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
