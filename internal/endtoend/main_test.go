package endtoend

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/shop"
)

// lab is what the tests share: a cluster whose secondaries are healthy between tests, and a Temporal server.
var lab struct {
	cluster   *sandbox.Cluster
	temporal  client.Client
	program   string // the worker
	inventory string
	// hooks is the folder through which the hooks of clusterHooked and the tests talk.
	hooks  string
	writer *shop.Writer
}

const (
	// shopBytes makes a copy large enough to be caught in the middle when it is throttled.
	shopBytes = 20_000_000
	// slow is a throttle, in MiB/s, that makes a copy last longer than whatever a test does meanwhile; letGo ends it.
	slow = 1
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// longest bounds what is done before the tests, and what is done after them.
const longest = 10 * time.Minute

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	nodes := sandbox.Nodes(3)
	for i := range nodes {
		nodes[i].Links = true
		// The clone plugin tells in notes what a donor was asked for.
		nodes[i].Settings = []string{"log_error_verbosity=3"}
	}
	cluster, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: nodes, Temporal: &sandbox.TemporalOptions{InMemory: true}})
	if err != nil {
		log.Print(err)
		return 1
	}
	defer func() {
		if err := end(); err != nil {
			log.Print(err)
			code = 1
		}
	}()
	lab.cluster = cluster
	if err := prepare(ctx); err != nil {
		log.Print(err)
		return 1
	}
	defer lab.temporal.Close()
	defer lab.writer.Stop()
	code = m.Run()
	// The tests may have taken longer than the preparation may.
	searching, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	if found := searchForSecrets(searching); len(found) > 0 {
		for _, place := range found {
			log.Printf("I8: a password was found in %s", place)
		}
		code = 1
	}
	return code
}

func prepare(ctx context.Context) error {
	cluster := lab.cluster
	lab.program = filepath.Join(cluster.Folder, "worker-program")
	build := exec.CommandContext(ctx, "go", "build", "-o", lab.program, "github.com/clusterresync/clusterresync/worker")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the worker: %w\n%s", err, output)
	}
	var err error
	if lab.temporal, err = client.Dial(client.Options{HostPort: cluster.Temporal.Address(), Logger: quiet{}}); err != nil {
		return err
	}
	if lab.inventory, err = writeInventory(cluster); err != nil {
		return err
	}
	db, err := cluster.Primary().DB()
	if err != nil {
		return err
	}
	if err := shop.Create(ctx, db, shop.Options{Bytes: shopBytes}); err != nil {
		return err
	}
	lab.writer = shop.NewWriter(db, shop.WriterOptions{PerSecond: 20})
	return lab.writer.Start(context.WithoutCancel(ctx))
}

// quiet keeps the SDK's log out of the tests' output.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
