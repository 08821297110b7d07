package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
	"github.com/clusterresync/clusterresync/internal/sandbox/mysqldist"
	"github.com/clusterresync/clusterresync/internal/sandbox/netfault"
	"github.com/clusterresync/clusterresync/internal/sandbox/port"
	"github.com/clusterresync/clusterresync/internal/sandbox/process"
	"github.com/clusterresync/clusterresync/internal/sandbox/temporalcli"
)

// Cluster is a sandbox: a MySQL cluster and, if asked for, a Temporal server.
type Cluster struct {
	// Name of the cluster in the inventory.
	Name string
	// Folder that holds everything, absolute.
	Folder string
	// Nodes in the order given; the first was set up as the primary.
	Nodes []*Node
	// Temporal is nil unless it was asked for.
	Temporal *Temporal
	// Accounts of the cluster.
	Accounts Accounts

	marker       marker
	state        state
	distribution *mysqldist.Distribution // known to the process that did Up
	lifeline     *os.File                // set when tied to this process
}

// Primary is the node that was set up as the primary.
func (c *Cluster) Primary() *Node { return c.Nodes[0] }

// Secondaries are the nodes that were set up to follow the primary.
func (c *Cluster) Secondaries() []*Node {
	var secondaries []*Node
	for _, n := range c.Nodes[min(1, len(c.Nodes)):] {
		if !n.state.Standalone {
			secondaries = append(secondaries, n)
		}
	}
	return secondaries
}

// Node is the node of that name, or nil.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// MySQLVersion is the version of the servers, as they say it.
func (c *Cluster) MySQLVersion() string { return c.state.MySQL }

// Inventory is the path of the inventory file of this cluster.
func (c *Cluster) Inventory() string { return filepath.Join(c.Folder, InventoryFile) }

// Environment is the path of a shell file with the variables that point the
// Temporal CLI, the worker and the starter at this sandbox.
func (c *Cluster) Environment() string { return filepath.Join(c.Folder, EnvironmentFile) }

// readyTimeout bounds the start of one server on a busy machine.
const readyTimeout = 2 * time.Minute

// Up makes a sandbox and returns when all of it serves: the secondaries follow
// the primary and have its accounts. When it fails, or ctx ends, nothing is
// left. It returns ErrExists when the folder holds a sandbox.
func Up(ctx context.Context, options Options) (*Cluster, error) {
	options, err := options.completed()
	if err != nil {
		return nil, err
	}
	// What may take minutes the first time comes before anything is made.
	distribution, program, err := find(ctx, len(options.Nodes) > 0, options.Temporal != nil, options.Say)
	if err != nil {
		return nil, err
	}
	m, err := claim(options.Folder)
	if err != nil {
		return nil, err
	}
	unlock, err := cache.Lock(ctx, filepath.Join(m.Folder, lockFile))
	if err != nil {
		return nil, err
	}
	defer unlock()
	c := &Cluster{Name: options.Name, Folder: m.Folder, marker: m, distribution: distribution}
	if err := c.up(ctx, program, options); err != nil {
		// ctx may be what ended it.
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("start the sandbox in %s: %w", m.Folder, err), c.down(undo, DownOptions{Now: true}))
	}
	return c, nil
}

// find finds MySQL and the temporal program, as far as wanted, at the same
// time: both may take long.
func find(ctx context.Context, mysql, temporal bool, say func(string, ...any)) (distribution *mysqldist.Distribution, program string, err error) {
	group, ctx := errgroup.WithContext(ctx)
	if mysql {
		group.Go(func() (err error) {
			distribution, err = mysqldist.Find(ctx, say)
			return err
		})
	}
	if temporal {
		group.Go(func() (err error) {
			program, err = temporalcli.Find(ctx, say)
			return err
		})
	}
	err = group.Wait()
	return distribution, program, err
}

func (c *Cluster) up(ctx context.Context, program string, options Options) error {
	var err error
	if c.Accounts, err = makeAccounts(c.Folder); err != nil {
		return err
	}
	if err := c.plan(program, options); err != nil {
		return err
	}
	// From here on `down` in another process knows all there is to stop.
	if err := c.state.write(c.Folder); err != nil {
		return err
	}
	if err := c.attach(options.Tied); err != nil {
		return err
	}
	if err := c.openLinks(options); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	if c.Temporal != nil {
		group.Go(func() error { return c.startTemporal(groupCtx) })
	}
	if len(c.Nodes) > 0 {
		options.Say("starting %d MySQL servers (%s)", len(c.Nodes), c.distribution.Version)
		group.Go(func() error { return c.startNodes(groupCtx, options) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := c.writeFiles(); err != nil {
		return err
	}
	c.state.Complete = true
	return c.state.write(c.Folder)
}

// plan decides ports and commands, and starts nothing.
func (c *Cluster) plan(program string, options Options) error {
	c.state = state{Name: c.Name}
	if c.distribution != nil {
		c.state.MySQL = c.distribution.Version.String()
	}
	for _, n := range options.Nodes {
		wanted := 1
		if n.Links {
			wanted = 3
		}
		ports, err := port.Reserve(c.Folder, wanted)
		if err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
		c.state.Ports = append(c.state.Ports, ports...)
		s := nodeState{
			Name: n.Name, Port: ports[0], WorkerPort: ports[0], PeerPort: ports[0],
			Supervision: n.Supervision, RestartPause: n.RestartPause, Standalone: n.Standalone,
			Command: c.distribution.ServerCommand("--defaults-file=" + filepath.Join(c.Folder, nodesDir, n.Name, "my.cnf")),
		}
		if n.Links {
			s.WorkerPort, s.PeerPort = ports[1], ports[2]
		}
		c.state.Nodes = append(c.state.Nodes, s)
	}
	if options.Temporal != nil {
		ports, err := port.Reserve(c.Folder, temporalPorts)
		if err != nil {
			return fmt.Errorf("temporal server: %w", err)
		}
		c.state.Ports = append(c.state.Ports, ports...)
		t, err := planTemporal(filepath.Join(c.Folder, temporalDir), program, ports, *options.Temporal)
		if err != nil {
			return err
		}
		c.state.Temporal = &t
	}
	return nil
}

// lifeline is a pipe that is never written to: its reading end tells the
// keepers of tied sandboxes that this process has ended, however it ended.
var lifeline = sync.OnceValues(func() (pipe [2]*os.File, err error) {
	pipe[0], pipe[1], err = os.Pipe()
	return pipe, err
})

// attach makes nodes and Temporal from the state.
func (c *Cluster) attach(tied bool) error {
	if tied {
		pipe, err := lifeline()
		if err != nil {
			return fmt.Errorf("tie the sandbox to this process: %w", err)
		}
		c.lifeline = pipe[0]
	}
	for _, s := range c.state.Nodes {
		mode, err := s.Supervision.mode()
		if err != nil {
			return fmt.Errorf("node %s: %w", s.Name, err)
		}
		dir := filepath.Join(c.Folder, nodesDir, s.Name)
		c.Nodes = append(c.Nodes, &Node{
			Name: s.Name, state: s, dir: dir, root: c.Accounts.Root,
			keeper: process.Keeper{Dir: dir, Mode: mode, Pause: s.RestartPause, Command: s.Command, Mark: c.marker.Mark, Lifeline: c.lifeline},
		})
	}
	if t := c.state.Temporal; t != nil {
		dir := filepath.Join(c.Folder, temporalDir)
		c.Temporal = &Temporal{state: *t, keeper: process.Keeper{Dir: dir, Mode: process.Bare, Command: t.Command, Mark: c.marker.Mark, Lifeline: c.lifeline}}
	}
	return nil
}

func (c *Cluster) openLinks(options Options) error {
	for i, n := range c.Nodes {
		if !options.Nodes[i].Links {
			continue
		}
		var err error
		if n.WorkerLink, err = netfault.New(n.WorkerAddress(), n.Address()); err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
		if n.PeerLink, err = netfault.New(n.PeerAddress(), n.Address()); err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
	}
	return nil
}

func (c *Cluster) startTemporal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := c.Temporal.Start(); err != nil {
		return err
	}
	return c.Temporal.WaitReady(ctx)
}

func (c *Cluster) startNodes(ctx context.Context, options Options) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	group, groupCtx := errgroup.WithContext(ctx)
	for i, n := range c.Nodes {
		serverID, nodeOptions := i+1, options.Nodes[i]
		group.Go(func() error {
			if err := n.prepare(groupCtx, c.distribution, serverID, nodeOptions, c.Accounts); err != nil {
				return err
			}
			if err := n.Start(); err != nil {
				return err
			}
			if err := n.WaitReady(groupCtx); err != nil {
				return err
			}
			return n.forgetFirstStart(c.distribution, serverID, nodeOptions)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.replicate(ctx)
}

// Open finds the sandbox in folder, made by this or another process. Its nodes
// have no links. It returns ErrNotSandbox when there is none.
func Open(folder string) (*Cluster, error) {
	m, err := readMarker(folder)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Folder: m.Folder, marker: m}
	if c.state, err = readState(m.Folder); err != nil {
		return nil, err
	}
	c.Name = c.state.Name
	if c.Accounts, err = readAccounts(m.Folder); err != nil {
		return nil, err
	}
	return c, c.attach(false)
}
