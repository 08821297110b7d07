package proof

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// pair is one snapshot per stream on the primary and on every secondary, all showing exactly the transactions of gtids.
type pair struct {
	gtids    string
	taken    time.Time
	attempts int
	locked   bool
	pauses   []time.Duration // of each secondary's applier
	history  int64           // the primary's history list when the pair was taken
}

// takePair gives every stream of every server a snapshot at one set of transactions.
//
// On the primary nothing is locked. A snapshot shows a transaction as soon as the engine committed it, and gtid_executed names it a
// little later; what is between the two stands in gtid_owned. So when gtid_executed was G before the snapshots were opened, and
// afterwards nothing is owned and gtid_executed is still G, they show G and nothing else. Without the look at gtid_owned 1 to 5
// snapshots of 100 were wrong under load (measured on 9.7); with it none of 612.
//
// A secondary's applier is stopped before the search, so that it is not beyond G, and let go up to G after it. The secondary's
// snapshots are opened while it stands there.
func (e *engine) takePair(ctx context.Context) (*pair, error) {
	for try := 1; ; try++ {
		for _, r := range e.alive() { // so that the pause is not spent on catching up
			if _, err := e.catchUp(ctx, r); err != nil {
				return nil, err
			}
		}
		p, err := e.tryPair(ctx, e.options.LockFallback && try >= e.options.PairTries)
		if err == nil || !errors.Is(err, ErrNoPair) || try >= e.options.PairTries {
			return p, err
		}
		if err := pause(ctx, time.Duration(try)*200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (e *engine) tryPair(ctx context.Context, lock bool) (p *pair, err error) {
	holds := make([]*hold, len(e.replicas))
	pauses := make([]time.Duration, len(e.replicas))
	defer func() {
		var resumed errgroup.Group
		for i, h := range holds {
			if h != nil {
				resumed.Go(func() (err error) { pauses[i], err = h.release(ctx); return e.blame(h.replica, err) })
			}
		}
		if resumeErr := resumed.Wait(); resumeErr != nil {
			p, err = nil, errors.Join(err, resumeErr)
		}
	}()
	if err := e.stopAppliers(ctx, holds); err != nil {
		return nil, err
	}
	p = &pair{pauses: pauses}
	if lock {
		p.locked = true
		err = e.lockedSnapshots(ctx, p)
	} else {
		err = e.searchSnapshots(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	p.taken = time.Now()
	var group errgroup.Group // without a context of its own: a statement cancelled for another's failure would cost its connection
	for _, r := range e.alive() {
		i := r.index
		group.Go(func() error { return e.blame(r, e.snapshotsAt(ctx, r, holds[i], p.gtids)) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := e.noneBeyond(ctx, holds); err != nil {
		return nil, err
	}
	for _, s := range e.primary.streams {
		if err := s.mark(ctx); err != nil {
			return nil, nodeError(ctx, s.Node, "SAVEPOINT", err)
		}
	}
	p.history, err = e.historyLength(ctx)
	return p, err
}

func (e *engine) searchSnapshots(ctx context.Context, p *pair) error {
	deadline := time.Now().Add(e.options.MaxPause)
	before, err := e.primary.executed(ctx)
	if err != nil {
		return err
	}
	for {
		p.attempts++
		for _, s := range e.primary.streams {
			if err := s.snapshot(ctx); err != nil {
				return nodeError(ctx, s.Node, "open a snapshot", err)
			}
		}
		owned, after, err := e.ownedAndExecuted(ctx)
		if err != nil {
			return err
		}
		if owned == "" && after == before {
			p.gtids = after
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: a commit was in flight at each of %d looks within %v: %w", e.primary.name, p.attempts, e.options.MaxPause, ErrNoPair)
		}
		before = after
	}
}

// ownedAndExecuted reads the transactions in flight first: the order is what the proof of takePair needs.
func (e *engine) ownedAndExecuted(ctx context.Context) (owned, executed string, err error) {
	if owned, err = e.primary.control.value(ctx, "SELECT @@global.gtid_owned"); err != nil {
		return "", "", err
	}
	executed, err = e.primary.executed(ctx)
	return owned, executed, err
}

// longStatement is how many seconds a statement may have run for the lock to be tried beside it.
const longStatement = 1

// lockedSnapshots opens the snapshots under a global read lock. The lock waits for running statements and makes all later writes wait
// for it, so it is not even tried while a long one runs (measured: one long SELECT, and every write waited until the lock gave up).
func (e *engine) lockedSnapshots(ctx context.Context, p *pair) (err error) {
	p.attempts++
	c := e.primary.control
	long, err := c.value(ctx, `SELECT COUNT(*) FROM performance_schema.processlist
		WHERE COMMAND IN ('Query','Execute') AND TIME >= ? AND ID <> CONNECTION_ID()`, longStatement)
	if err != nil {
		return err
	}
	if long != "0" {
		return fmt.Errorf("%s: %s statements run for %d s or longer, and the lock would wait for them: %w", c.Node, long, longStatement, ErrNoPair)
	}
	if err := c.exec(ctx, "SET SESSION lock_wait_timeout=1"); err != nil {
		return nodeError(ctx, c.Node, "SET lock_wait_timeout", err)
	}
	if err := c.exec(ctx, "FLUSH TABLES WITH READ LOCK"); err != nil {
		if node.Number(err) == node.ErrnoLockWaitTimeout {
			return fmt.Errorf("%s: the lock was not granted within 1 s: %w", c.Node, ErrNoPair)
		}
		return nodeError(ctx, c.Node, "FLUSH TABLES WITH READ LOCK", err)
	}
	defer func() {
		unlockCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resumeBound)
		defer cancel()
		if unlockErr := c.exec(unlockCtx, "UNLOCK TABLES"); unlockErr != nil {
			c.close() // a closed connection holds no lock
			err = errors.Join(err, nodeError(ctx, c.Node, "UNLOCK TABLES", unlockErr))
		}
	}()
	for _, s := range e.primary.streams {
		if err := s.snapshot(ctx); err != nil {
			return nodeError(ctx, s.Node, "open a snapshot", err)
		}
	}
	// What is owned now cannot commit before the lock is gone, so it does not matter.
	p.gtids, err = e.primary.executed(ctx)
	return err
}

// snapshotsAt opens the secondary's snapshots while its applier stands at exactly gtids. Looked at before and after: somebody else may
// start the applier.
func (e *engine) snapshotsAt(ctx context.Context, r *replica, h *hold, gtids string) error {
	if err := h.applyUpTo(ctx, gtids, e.options.CatchUp); err != nil {
		return err
	}
	before, err := r.standsAt(ctx, gtids)
	if err != nil {
		return err
	}
	for _, s := range r.streams {
		if err := s.snapshot(ctx); err != nil {
			return nodeError(ctx, s.Node, "open a snapshot", err)
		}
	}
	after, err := r.standsAt(ctx, gtids)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("%s: executed transactions of its own while its snapshots were opened; make it read-only: %w", r.name, ErrNoPair)
	}
	h.beyond = after
	for _, s := range r.streams {
		if err := s.mark(ctx); err != nil {
			return nodeError(ctx, s.Node, "SAVEPOINT", err)
		}
	}
	return nil
}

// noneBeyond wants that what the secondaries' snapshots show beyond the pair's set came from nowhere on the primary: then it is errant,
// for the GTID layer to judge, and not the applier gone too far.
func (e *engine) noneBeyond(ctx context.Context, holds []*hold) error {
	now, err := e.primary.begun(ctx)
	if err != nil {
		return err
	}
	for _, h := range holds {
		if h == nil { // dropped out earlier
			continue
		}
		errant, err := e.primary.subtract(ctx, h.beyond, now)
		if err != nil {
			return err
		}
		if errant != h.beyond {
			return e.blame(h.replica, fmt.Errorf("%s: its applier went beyond its limit, to %s: %w", h.replica.name, cut(h.beyond, 200), ErrNoPair))
		}
	}
	return nil
}

// standsAt wants the applier stopped and all of gtids executed, and gives what else is.
func (r *replica) standsAt(ctx context.Context, gtids string) (beyond string, err error) {
	c, err := r.status(ctx)
	if err != nil {
		return "", err
	}
	if c.SQL {
		return "", fmt.Errorf("%s: somebody started the applier while it was held: %w", r.name, ErrNoPair)
	}
	executed, err := r.executed(ctx)
	if err != nil {
		return "", err
	}
	missing, err := r.subtract(ctx, gtids, executed)
	if err != nil {
		return "", err
	}
	if missing != "" {
		return "", fmt.Errorf("%s: held at a point that misses %s: %w", r.name, cut(missing, 200), ErrNoPair)
	}
	return r.subtract(ctx, executed, gtids)
}

// historyLength is the number of transactions whose old row versions the primary keeps (information_schema.INNODB_METRICS).
func (e *engine) historyLength(ctx context.Context) (int64, error) {
	v, err := e.primary.control.value(ctx, "SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME='trx_rseg_history_len'")
	return number([]byte(v)), err
}

// worn says why the pair should be given up for a new one, or nothing.
func (e *engine) worn(ctx context.Context, p *pair) (string, error) {
	if time.Since(p.taken) > e.options.SnapshotAge {
		return "its age", nil
	}
	n, err := e.historyLength(ctx)
	if err == nil && n-p.history > e.options.sizes.historyLimit() {
		return "the primary's history list", nil
	}
	return "", err
}

func (p *pair) span(replica int) contract.ProofSpan {
	return contract.ProofSpan{GTIDs: strings.ReplaceAll(p.gtids, "\n", ""), Taken: p.taken.UTC(), Attempts: p.attempts, Locked: p.locked,
		PauseMilliseconds: p.pauses[replica].Milliseconds()}
}
