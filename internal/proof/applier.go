package proof

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/node"
)

// readChannels reads every channel of a secondary.
func readChannels(ctx context.Context, r node.Reader) ([]node.Channel, error) {
	channels, err := node.ReadReplication(ctx, r)
	return channels, nodeError(ctx, r.Name(), "read the replication status", err)
}

// heldByProof says that the applier carries, or stopped at, a limit that only a proof sets.
func heldByProof(c node.Channel) bool { return c.Until == "SQL_AFTER_GTIDS" }

// notReplicating says what keeps the channel from going on.
func notReplicating(name string, c node.Channel) error {
	return fmt.Errorf("%s: channel %q: %s; mend that, then START REPLICA: %w", name, c.Name, c.Trouble(), ErrNotReplicating)
}

func forChannel(name string) string {
	return " FOR CHANNEL '" + strings.ReplaceAll(name, "'", "''") + "'"
}

// resumeBound bounds how long the applier's restart may take after the caller was cancelled. A STOP waits for the transaction that is being
// applied, and whoever gives up before it leaves an applier that stops later and that nobody starts.
const resumeBound = 10 * time.Minute

// EnsureApplier starts every applier of a secondary that an attempt which died left stopped, and takes away the limit that it set.
// An applier that stopped with an error is left alone and is an error here. Call it wherever an earlier attempt may have died in
// the middle of a proof. A plain stop looks the same whether an operator made it or a proof that died right after its STOP: it is
// undone only if the caller says that a proof may have died.
func EnsureApplier(ctx context.Context, secondary Side, mayHaveDied bool) error {
	conn, err := secondary.DB.Conn(ctx)
	if err != nil {
		return nodeError(ctx, secondary.Name, "connect", err)
	}
	defer conn.Close()
	control := node.Pinned{Node: secondary.Name, Conn: conn}
	channels, err := readChannels(ctx, control)
	if err != nil {
		return err
	}
	for _, c := range channels {
		if _, failed := c.ApplierFailure(); failed {
			return notReplicating(secondary.Name, c)
		}
		if !heldByProof(c) && (c.SQL || !mayHaveDied) {
			continue
		}
		if err := restartApplier(ctx, control, c.Name); err != nil {
			return err
		}
	}
	return nil
}

// restartApplier stops the applier first: a START of one that runs towards a limit would leave it the limit.
func restartApplier(ctx context.Context, control node.Pinned, channel string) error {
	for _, verb := range []string{"STOP", "START"} {
		if _, err := control.Conn.ExecContext(ctx, verb+" REPLICA SQL_THREAD"+forChannel(channel)); err != nil {
			return nodeError(ctx, control.Node, verb+" REPLICA SQL_THREAD", err)
		}
	}
	return nil
}

// hold is one pause of a secondary's applier.
type hold struct {
	replica *replica
	began   time.Time
	beyond  string // transactions that the snapshots show beyond the pair's set
}

// stopApplier begins a hold. The caller must call release on every path, also when this fails: the STOP may have been done.
func (r *replica) stopApplier(ctx context.Context) (*hold, error) {
	h := &hold{replica: r, began: time.Now()}
	_, err := r.control.Conn.ExecContext(ctx, "STOP REPLICA SQL_THREAD"+forChannel(r.channel))
	return h, nodeError(ctx, r.name, "STOP REPLICA SQL_THREAD", err)
}

// stopAppliers begins a hold of every secondary at the same time. One whose applier is at work on a long transaction stops late: the others
// do not stand still for it any longer than MaxPause, and the error says whom they waited for. The caller must release whatever is in
// holds, also after an error.
func (e *engine) stopAppliers(ctx context.Context, holds []*hold) error {
	type stop struct {
		*hold
		err error
	}
	stops := make(chan stop)
	alive := e.alive()
	for _, r := range alive {
		go func() {
			h, err := r.stopApplier(ctx)
			stops <- stop{h, e.blame(r, err)}
		}()
	}
	var all []error
	var late <-chan time.Time
	var released errgroup.Group
	gaveUp := false
	for missing := len(alive); missing > 0; {
		select {
		case s := <-stops:
			missing--
			holds[s.replica.index] = s.hold
			if gaveUp && s.err == nil {
				s.err = e.blame(s.replica, fmt.Errorf("%s: its applier was at work on one transaction for more than %v while others stood still: %w",
					s.replica.name, e.options.MaxPause, ErrNoPair))
			}
			all = append(all, s.err)
			if late == nil {
				late = time.After(e.options.MaxPause)
			}
		case <-late:
			gaveUp = true
			for i, h := range holds {
				if h == nil {
					continue
				}
				holds[i] = nil
				released.Go(func() error {
					_, err := h.release(ctx)
					return e.blame(h.replica, err)
				})
			}
		}
	}
	return errors.Join(append(all, released.Wait())...)
}

// applyUpTo lets the stopped applier go on to exactly the set, and waits until it stopped there. Measured on 9.7 with four workers:
// it stops exactly, lagging or not.
func (h *hold) applyUpTo(ctx context.Context, gtids string, bound time.Duration) error {
	r := h.replica
	reached, err := r.has(ctx, gtids)
	if err != nil || reached {
		return err
	}
	if _, err := r.control.Conn.ExecContext(ctx, "START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS = '"+gtids+"'"+forChannel(r.channel)); err != nil {
		return nodeError(ctx, r.name, "START REPLICA SQL_THREAD UNTIL", err)
	}
	deadline := time.Now().Add(bound)
	for {
		if _, err := r.waitFor(ctx, gtids, time.Second); err != nil {
			return err
		}
		c, err := r.status(ctx)
		if err != nil {
			return err
		}
		if !c.SQL {
			if _, failed := c.ApplierFailure(); failed {
				return notReplicating(r.name, c)
			}
			reached, err := r.has(ctx, gtids)
			if err != nil || reached {
				return err
			}
			return fmt.Errorf("%s: the applier stopped before it reached its limit, without an error: somebody else stopped it: %w", r.name, ErrNotReplicating)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the applier did not reach the primary's transactions within %v: %w", r.name, bound, ErrBehind)
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// release starts the applier again, whatever became of ctx, and gives the length of the pause.
func (h *hold) release(ctx context.Context) (time.Duration, error) {
	r := h.replica
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resumeBound)
	defer cancel()
	err := restartApplier(ctx, r.control.Pinned, r.channel)
	for try := 0; err != nil && try < 3; try++ {
		// The control connection may have died with the caller's context; any other does as well.
		conn, connErr := r.db.Conn(ctx)
		if connErr != nil {
			err = errors.Join(err, connErr)
			if pause(ctx, 200*time.Millisecond) != nil {
				break
			}
			continue
		}
		err = restartApplier(ctx, node.Pinned{Node: r.name, Conn: conn}, r.channel)
		_ = conn.Close()
	}
	if err != nil {
		err = fmt.Errorf("%s: the applier of channel %q may still be stopped; START REPLICA SQL_THREAD%s: %w", r.name, r.channel, forChannel(r.channel), err)
	}
	return time.Since(h.began), err
}

// pause is node.Sleep that gives the caller's cause.
func pause(ctx context.Context, d time.Duration) error {
	if node.Sleep(ctx, d) != nil {
		return context.Cause(ctx)
	}
	return nil
}
