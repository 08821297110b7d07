package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
	"github.com/clusterresync/clusterresync/internal/sandbox/port"
	"github.com/clusterresync/clusterresync/internal/sandbox/process"
)

// DownOptions say how a sandbox ends.
type DownOptions struct {
	// Keep leaves the folder; the default removes it.
	Keep bool
	// Now kills every process at once; the default asks them first.
	Now bool
}

// How long a process may take to end once it was asked to, before it is
// killed.
const (
	downGrace = 30 * time.Second
	// A primary lingers some ten seconds for the threads that fed its replicas,
	// also when these are gone (measured on 9.7). Where its data are to be
	// removed anyway, that is not waited for.
	downGraceOfTheRemoved = 3 * time.Second
)

// Down ends the sandbox: it stops every process of it and removes the folder.
// It works from any process, and on what an Up left that was killed half way.
// It returns ErrNotSandbox, and touches nothing, when another sandbox was made
// in the folder since. It is no error when the sandbox was ended already.
func (c *Cluster) Down(ctx context.Context, options DownOptions) error {
	defer c.close()
	if m, err := readMarker(c.Folder); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	} else if m != c.marker {
		return fmt.Errorf("%s: %w (another was made there since)", c.Folder, ErrNotSandbox)
	}
	// An Up at work finishes first; one that was killed holds no lock.
	unlock, err := cache.Lock(ctx, filepath.Join(c.Folder, lockFile))
	if err != nil {
		return fmt.Errorf("end the sandbox: %w", err)
	}
	defer unlock()
	return c.down(ctx, options)
}

// down does the work of Down for one who holds the lock.
func (c *Cluster) down(ctx context.Context, options DownOptions) error {
	c.close()
	grace, serverGrace := downGrace, downGraceOfTheRemoved
	switch {
	case options.Now:
		grace, serverGrace = 0, 0
	case options.Keep:
		serverGrace = downGrace
	}
	stop := func(grace time.Duration, keepers ...*process.Keeper) error {
		var group errgroup.Group
		for _, k := range keepers {
			group.Go(func() error { return k.Stop(ctx, grace) })
		}
		return group.Wait()
	}
	// The secondaries first: a primary waits for the ones connected to it.
	var first, last []*process.Keeper
	for i, n := range c.Nodes {
		if i == 0 {
			last = append(last, &n.keeper)
		} else {
			first = append(first, &n.keeper)
		}
	}
	if c.Temporal != nil {
		first = append(first, &c.Temporal.keeper)
	}
	// The workers before all: they would take a server that leaves for a fault.
	stopErr := errors.Join(stop(grace, c.workers()...), stop(serverGrace, first...), stop(serverGrace, last...))
	// What was started by an Up that was killed before it recorded it.
	if err := endMarked(ctx, c.marker.Mark); err != nil {
		return fmt.Errorf("end the sandbox in %s: %w", c.Folder, errors.Join(stopErr, err))
	}
	if options.Keep {
		return nil
	}
	port.Release(c.Folder, c.state.Ports...)
	if err := os.RemoveAll(c.Folder); err != nil {
		return fmt.Errorf("remove the sandbox: %w", err)
	}
	return nil
}

// endMarked ends every process that carries the mark and returns when none is
// left.
func endMarked(ctx context.Context, mark string) error {
	begun := time.Now()
	for {
		left := process.Marked(mark)
		if len(left) == 0 {
			return nil
		}
		sig := syscall.SIGTERM
		if time.Since(begun) > 5*time.Second {
			sig = syscall.SIGKILL
		}
		for _, identity := range left {
			if err := identity.Signal(sig); err != nil && !errors.Is(err, process.ErrGone) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d processes are left: %w", len(left), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// close closes what this process holds of the sandbox.
func (c *Cluster) close() {
	for _, n := range c.Nodes {
		n.close()
	}
}
