package clone

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// watch looks at a running clone from a second connection. A look that fails is skipped: the statement's own end decides.
type watch struct {
	claim      *node.Claim
	node       *node.Node
	donor      string
	options    Options
	onProgress func(Progress)
	meter      *meter
	// killedAfter is the stall after which the watchdog ended the clone.
	killedAfter time.Duration
}

const lookTimeout = 10 * time.Second

func (w *watch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	status, err := ReadStatus(ctx, w.node)
	if err != nil || !status.Running() || status.PID != w.claim.ConnectionID() {
		return // not begun yet: the row is still an earlier clone's
	}
	now := time.Now()
	p := w.meter.look(status, now)
	if w.onProgress != nil {
		w.onProgress(p)
	}
	if stalled := w.meter.stalledFor(now); w.hopeless(ctx, stalled) {
		if killed, err := killQuery(ctx, w.node, status); err == nil && killed && w.killedAfter == 0 {
			w.killedAfter = stalled
		}
	}
}

func (w *watch) hopeless(ctx context.Context, stalled time.Duration) bool {
	limit := w.options.stallAfter()
	if stalled < limit {
		return false
	}
	if stalled >= StallPatience*limit || w.options.DonorAnswers == nil {
		return true
	}
	return w.options.DonorAnswers(ctx) != nil
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
