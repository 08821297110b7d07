package binlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// errnoLogUnreadable is how a server refuses to go on with a dump, whatever the reason (MySQL manual: ER_SOURCE_FATAL_ERROR_READING_BINLOG).
const errnoLogUnreadable = 1236

// errEnough ends a reading before its end, at the visitor's wish.
var errEnough = errors.New("enough")

// Read visits every event of the errant transactions, in the order in which the node wrote them; a format description comes before the
// first and again before the first of another format. It returns nil only when every one of errant was read whole and exactly once.
//
// Errors: *PurgedError, *NoBinaryLogError, *UnreadableError and *IncompleteError are about the logs, a *node.Error about the connection;
// the visitor's are returned as they are. An event is held in memory whole (the server allows up to 1 GiB).
func Read(ctx context.Context, n *node.Node, errant string, visit func(Event) error) error {
	return read(ctx, n, errant, 0, visit)
}

func read(ctx context.Context, n *node.Node, errant string, maxEvent int, visit func(Event) error) error {
	wanted, err := ParseSet(errant)
	if err != nil {
		return fmt.Errorf("node %s: the errant transactions to read: %w", n.Name(), err)
	}
	if wanted.Empty() {
		return nil
	}
	logs, err := readLogs(ctx, n)
	if err != nil {
		return err
	}
	if err := logs.holds(n.Name(), wanted); err != nil {
		return err
	}
	frames := &frame{left: wanted}
	var session uint32
	var visited error
	d := &dump{
		endpoint: n.Endpoint(), uuid: logs.uuid, have: logs.executed.Minus(wanted), maxEvent: maxEvent,
		opened: func(id uint32) { session = id },
		take: func(p packet) (bool, error) {
			e, kept, err := frames.take(p.raw, p.size)
			if err != nil {
				visited = broken(n.Name(), err, frames.seen, wanted)
				return false, visited
			}
			if kept {
				if visited = visit(e); visited != nil {
					return false, visited
				}
			}
			return frames.left.Empty() && !frames.within, nil
		},
	}
	err = d.run(ctx)
	if session != 0 {
		endSession(ctx, n, session)
	}
	switch {
	case visited != nil:
		return visited
	case node.Number(err) == errnoLogUnreadable:
		return refused(ctx, n, wanted, err)
	case err != nil:
		return err
	}
	if err := frames.end(); err != nil {
		return broken(n.Name(), err, frames.seen, wanted)
	}
	if frames.left.Empty() {
		return nil
	}
	return &IncompleteError{Where: "node " + n.Name(), Seen: frames.seen, Wanted: wanted.Count(), Missing: frames.left.String()}
}

// endSession makes sure that no session of ours goes on reading: it would be taken for a replica that the node feeds. It returns when the
// server does not know the session any more, or does not answer.
func endSession(ctx context.Context, n *node.Node, id uint32) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for {
		if _, err := n.DB().ExecContext(ctx, fmt.Sprintf("KILL %d", id)); err != nil {
			return // 1094 once it is gone
		}
		if node.Sleep(ctx, 10*time.Millisecond) != nil {
			return
		}
	}
}

// logs is what a node says about its binary logs.
type logs struct {
	uuid             string
	on               bool
	executed, purged Set
}

func readLogs(ctx context.Context, n *node.Node) (logs, error) {
	var l logs
	var executed, purged string
	const query = "SELECT @@global.server_uuid, @@global.log_bin, @@global.gtid_executed, @@global.gtid_purged"
	err := node.One(ctx, n, "read what the binary logs hold", query, nil, &l.uuid, &l.on, &executed, &purged)
	if err != nil {
		return l, err
	}
	if l.executed, err = ParseSet(executed); err == nil {
		l.purged, err = ParseSet(purged)
	}
	return l, node.Wrap(n.Name(), "read what the binary logs hold", err)
}

func (l logs) holds(name string, wanted Set) error {
	if !l.on {
		return &NoBinaryLogError{Node: name, Wanted: wanted.Count()}
	}
	if gone := wanted.And(l.purged); !gone.Empty() {
		return &PurgedError{Node: name, GTIDs: gone.String(), Gone: gone.Count(), Wanted: wanted.Count()}
	}
	if never := wanted.Minus(l.executed); !never.Empty() {
		return &IncompleteError{Where: "node " + name, Wanted: wanted.Count(), Missing: never.String(),
			Why: "it has not executed " + shorten(never.String()) + " (were its GTIDs reset meanwhile?)"}
	}
	return nil
}

// refused says why a server would not go on: logs that were purged meanwhile, or what it said.
func refused(ctx context.Context, n *node.Node, wanted Set, said error) error {
	now, err := readLogs(ctx, n)
	if err != nil {
		return err
	}
	if err := now.holds(n.Name(), wanted); err != nil {
		return err
	}
	var known *node.Error
	if errors.As(said, &known) {
		said = known.Err
	}
	return &UnreadableError{Node: n.Name(), Why: "the server says " + said.Error()}
}

// broken is what an event means that does not fit.
func broken(name string, err error, seen int64, wanted Set) error {
	if errors.Is(err, errCut) {
		return &IncompleteError{Where: "node " + name, Seen: seen, Wanted: wanted.Count(), Why: err.Error()}
	}
	return &UnreadableError{Node: name, Why: err.Error()}
}
