package clone

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// watch is a clone that this process issued, seen from a second connection.
type watch struct {
	claim *node.Claim
	donor string
	looks *looks
	// unpin puts back what a failed clone, which ends in no restart, would leave behind.
	unpin func(context.Context)
}

const lookTimeout = 10 * time.Second

// look skips a look that fails: the statement's own end decides.
func (w *watch) look(ctx context.Context) {
	status, err := w.looks.status(ctx)
	if err != nil || !status.Running() || status.PID != w.claim.ConnectionID() {
		return // not begun yet: the row is still an earlier clone's
	}
	w.looks.take(ctx, status)
}

// looks is what is done at every look at a running clone, whoever issued it: say how far it is, hold its limit, end it when it is stuck.
type looks struct {
	node       *node.Node
	options    Options
	onProgress func(Progress)
	meter      *meter
	pacer      *pacer
	// ceiling and limit are those of the last look that could read them.
	ceiling, limit int
	// killedAfter is the stall after which the watchdog ended the clone.
	killedAfter time.Duration
}

func newLooks(n *node.Node, o Options, onProgress func(Progress), now time.Time) *looks {
	return &looks{node: n, options: o, onProgress: onProgress, meter: newMeter(now), pacer: newPacer(now),
		ceiling: o.ThrottleMiBps, limit: o.ThrottleMiBps}
}

func (l *looks) status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return ReadStatus(ctx, l.node)
}

func (l *looks) take(ctx context.Context, status Status) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	now := time.Now()
	p := l.meter.look(status, now)
	l.throttle(ctx, &p, now)
	if l.onProgress != nil {
		l.onProgress(p)
	}
	if stalled := l.meter.stalledFor(now); l.hopeless(ctx, stalled) {
		if killed, err := killQuery(ctx, l.node, status); err == nil && killed && l.killedAfter == 0 {
			l.killedAfter = stalled
		}
	}
}

// stalled is Failure.Stalled.
func (l *looks) stalled() int { return int(l.killedAfter.Seconds()) }

func (l *looks) hopeless(ctx context.Context, stalled time.Duration) bool {
	limit := l.options.stallAfter()
	if stalled < limit {
		return false
	}
	if stalled >= StallPatience*limit || l.options.DonorAnswers == nil {
		return true
	}
	return l.options.DonorAnswers(ctx) != nil
}

// killQuery ends the statement and leaves its connection, and with it the claim.
func killQuery(ctx context.Context, n *node.Node, seen Status) (bool, error) {
	return kill(ctx, n, "KILL QUERY", func(now Status) bool { return now.PID == seen.PID && now.Begin.Equal(seen.Begin) })
}

// kill looks and kills on one connection: connection IDs are given anew only by a new server process, which that connection
// would not outlive, so a look that is hours old when the KILL is sent can only miss.
func kill(ctx context.Context, n *node.Node, verb string, wanted func(Status) bool) (bool, error) {
	conn, err := n.DB().Conn(ctx)
	if err != nil {
		return false, node.Wrap(n.Name(), "connect to end the clone", err)
	}
	defer conn.Close()
	status, err := ReadStatus(ctx, node.Pinned{Node: n.Name(), Conn: conn})
	if err != nil || !status.Running() || !wanted(status) {
		return false, err
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf("%s %d", verb, status.PID))
	if node.Number(err) == node.ErrnoUnknownThread {
		return false, nil
	}
	return err == nil, node.Wrap(n.Name(), "end the clone", err)
}

// Kill ends whatever clone runs on the node and waits until it has ended: the operator's abort. It reports false when none ran. The
// node's data are gone then; it stays fenced. While the plugin is frozen in a read from its donor it takes up to 30 s
// (measured on 9.7).
func Kill(ctx context.Context, n *node.Node) (bool, error) {
	killed, err := kill(ctx, n, "KILL", func(Status) bool { return true })
	if err != nil || !killed {
		return killed, err
	}
	for {
		status, err := ReadStatus(ctx, n)
		if err != nil || !status.Running() {
			return true, err
		}
		if err := node.Sleep(ctx, 200*time.Millisecond); err != nil {
			return true, node.Wrap(n.Name(), "wait for the clone to end", err)
		}
	}
}
