package clone

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// MaxThrottle is the largest limit of a clone, in MiB/s (MySQL manual: clone_max_data_bandwidth).
const MaxThrottle = 1 << 20

// The recipient has two limits that its clone keeps both, over the network and of data. The first holds what was asked for: it cannot
// be passed whoever steers, and every watcher reads the newest wish there, were it set by another worker or by hand. The second
// is steered below it. Both are lost at a restart, like the clone they belong to. (Both are the recipient's; on a donor they do
// nothing. Measured on 9.7.)
const (
	setThrottle  = "SET GLOBAL clone_max_network_bandwidth = ?, GLOBAL clone_max_data_bandwidth = ?"
	readThrottle = "SELECT @@global.clone_max_network_bandwidth, @@global.clone_max_data_bandwidth"
)

// SetThrottle changes the limit of the clone that runs, and of the next one until a restart; 0 is no limit. It takes effect
// within a second or two (measured on 9.7), and whoever watches the clone steers below it from then on. It runs beside the claim: it
// can harm nothing.
func SetThrottle(ctx context.Context, n *node.Node, mibps int) error {
	if err := checkThrottle(n.Name(), mibps); err != nil {
		return err
	}
	_, err := n.DB().ExecContext(ctx, setThrottle, mibps, mibps)
	return node.Wrap(n.Name(), "set the throttle", err)
}

func checkThrottle(name string, mibps int) error {
	if mibps < 0 || mibps > MaxThrottle {
		return node.Wrap(name, "set the throttle", fmt.Errorf("%d MiB/s: wanted 0 (no limit) to %d", mibps, MaxThrottle))
	}
	return nil
}

// throttle holds the limit at one look. An error leaves the server at what it was told last; the next look tries again.
func (l *looks) throttle(ctx context.Context, p *Progress, now time.Time) {
	var ceiling, told int
	if err := node.One(ctx, l.node, "read the throttle", readThrottle, nil, &ceiling, &told); err != nil {
		p.CeilingMiBps, p.LimitMiBps = l.ceiling, l.limit
		return
	}
	p.CeilingMiBps, p.LimitMiBps = ceiling, ceiling
	if l.options.Adapt != nil {
		p.LimitMiBps = lower(ceiling, l.options.Adapt(ctx, *p))
	}
	l.ceiling, l.limit = p.CeilingMiBps, p.LimitMiBps
	pace := l.pacer.next(p.LimitMiBps, p.Bytes, now)
	if pace == told {
		return
	}
	_, _ = l.node.DB().ExecContext(ctx, "SET GLOBAL clone_max_data_bandwidth = ?", pace)
}

// lower is the lower of two limits, of which 0 is none.
func lower(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// oneThread is the limit, in MiB/s, up to which a copy is made by one thread. The server gives each thread of a copy the whole limit
// when it takes the others to be idle, which it does at low limits: two threads copied twice as fast as allowed (measured on 9.7 at 2
// and 20 MiB/s). With its tuning off it would not begin a second thread below 64 MiB/s for each either (MySQL source: limit_workers).
const oneThread = 64

// pinThread keeps a clone with a low limit to one thread and returns how to undo that, which matters only if no restart follows.
func pinThread(ctx context.Context, c *node.Claim, o Options) (unpin func(context.Context), err error) {
	nothing := func(context.Context) {}
	if o.ThrottleMiBps == 0 || o.ThrottleMiBps > oneThread {
		return nothing, nil
	}
	var before int
	if err := node.One(ctx, c, "read the clone's threads", "SELECT @@global.clone_max_concurrency", nil, &before); err != nil {
		return nothing, err
	}
	set := func(ctx context.Context, threads int) error {
		return c.Exec(ctx, "set the clone's threads", "SET GLOBAL clone_max_concurrency = ?", threads)
	}
	return func(ctx context.Context) { _ = set(ctx, before) }, set(ctx, 1)
}
