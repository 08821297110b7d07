package proof

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// server is what a proof keeps open of one node.
type server struct {
	name    string
	db      *sql.DB
	uuid    string
	control *session   // statements outside the snapshots
	streams []*session // the snapshots, one a stream
}

// replica is a secondary under proof.
type replica struct {
	server
	channel string // the replication channel that comes from the primary
	index   int    // its place among the secondaries
	service *ServiceExpected
	errant  string // transactions that only it executed
	lost    error  // why it dropped out
	result  contract.Proof
}

func openServer(ctx context.Context, side Side, streams int) (server, error) {
	s := server{name: side.Name, db: side.DB}
	const needed = 2
	if limit := side.DB.Stats().MaxOpenConnections; limit > 0 && limit < needed {
		return s, fmt.Errorf("%s: the pool allows %d connections, the proof needs %d: %w", side.Name, limit, needed, ErrUnfit)
	}
	var err error
	if s.control, err = openSession(ctx, side); err != nil {
		return s, err
	}
	for range streams {
		stream, err := openStream(ctx, side)
		if err != nil {
			return s, err
		}
		s.streams = append(s.streams, stream)
	}
	s.uuid, err = s.control.value(ctx, "SELECT @@global.server_uuid")
	return s, err
}

func (s *server) close() {
	if s.control != nil {
		s.control.close()
	}
	for _, stream := range s.streams {
		stream.close()
	}
}

// value reads one text value.
func (s *session) value(ctx context.Context, statement string, args ...any) (string, error) {
	var v sql.NullString
	err := s.Conn.QueryRowContext(ctx, statement, args...).Scan(&v)
	return v.String, nodeError(ctx, s.Node, statement, err)
}

// status reads the channel from the primary.
func (r *replica) status(ctx context.Context) (node.Channel, error) {
	channels, err := readChannels(ctx, r.control)
	if err != nil {
		return node.Channel{}, err
	}
	for _, c := range channels {
		if c.Name == r.channel {
			return c, nil
		}
	}
	return node.Channel{}, fmt.Errorf("%s: channel %q is gone: %w", r.name, r.channel, ErrNotReplicating)
}

// findChannel finds the channel from the primary, takes a dead proof's limit off it, and wants both of its threads running.
func (r *replica) findChannel(ctx context.Context, primary *server) error {
	channels, err := readChannels(ctx, r.control)
	if err != nil {
		return err
	}
	var sources []string
	for _, c := range channels {
		if c.SourceUUID != primary.uuid {
			sources = append(sources, fmt.Sprintf("%q from %s", c.Name, c.SourceUUID))
			continue
		}
		r.channel = c.Name
		if _, failed := c.ApplierFailure(); heldByProof(c) && !failed {
			return restartApplier(ctx, r.control.Pinned, c.Name)
		}
		if c.Trouble() != "" {
			return notReplicating(r.name, c)
		}
		return nil
	}
	saw := "no channel at all"
	if len(sources) > 0 {
		saw = "only channel " + strings.Join(sources, ", ")
	}
	return fmt.Errorf("%s: no channel from %s (%s), saw %s; set replication up first: %w", r.name, primary.name, primary.uuid, saw, ErrNotReplicating)
}

// executed reads the set of executed transactions.
func (s *server) executed(ctx context.Context) (string, error) {
	gtids, err := node.ReadGTIDs(ctx, s.control)
	return gtids.Executed, nodeError(ctx, s.name, "read gtid_executed", err)
}

// subtract asks the server, which knows every form of a set, tags included.
func (s *server) subtract(ctx context.Context, a, b string) (string, error) {
	rest, err := node.Subtract(ctx, s.control, a, b)
	return rest, nodeError(ctx, s.name, "subtract GTID sets", err)
}

// has says whether the server executed all of the set.
func (s *server) has(ctx context.Context, set string) (bool, error) {
	v, err := s.control.value(ctx, "SELECT GTID_SUBSET(?, @@global.gtid_executed)", set)
	return v == "1", err
}

// waitFor waits until the server executed all of the set, or the time is over.
func (s *server) waitFor(ctx context.Context, set string, bound time.Duration) (bool, error) {
	v, err := s.control.value(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", set, bound.Seconds())
	return v == "0", err
}

// catchUp waits until the secondary executed all that the primary had executed when this was called, and gives that set.
func (r *replica) catchUp(ctx context.Context, primary *server, bound time.Duration) (string, error) {
	set, err := primary.executed(ctx)
	if err != nil {
		return "", err
	}
	deadline := time.Now().Add(bound)
	for {
		done, err := r.waitFor(ctx, set, time.Second)
		if err != nil || done {
			return set, err
		}
		c, err := r.status(ctx)
		if err != nil {
			return "", err
		}
		if c.Trouble() != "" {
			return "", notReplicating(r.name, c)
		}
		if time.Now().After(deadline) {
			missing, err := r.subtractExecuted(ctx, set)
			if err != nil {
				return "", err
			}
			hint := ""
			if c.DelaySeconds != 0 {
				hint = fmt.Sprintf(", and its channel delays by %d s on purpose", c.DelaySeconds)
			}
			return "", fmt.Errorf("%s: did not catch up with %s within %v: misses %s%s: %w", r.name, primary.name, bound, cut(missing, 200), hint, ErrBehind)
		}
	}
}

// catchUp is replica.catchUp, and a secondary that cannot is to blame for it.
func (e *engine) catchUp(ctx context.Context, r *replica) (string, error) {
	set, err := r.catchUp(ctx, &e.primary, e.options.CatchUp)
	return set, e.blame(r, err)
}

// onceCaughtUp reads from all secondaries at the same time, after each has caught up.
func (e *engine) onceCaughtUp(ctx context.Context, read func(*replica) error) error {
	for _, r := range e.alive() { // one after another: they share the primary's control session
		if _, err := e.catchUp(ctx, r); err != nil {
			return err
		}
	}
	var all errgroup.Group
	for _, r := range e.alive() {
		all.Go(func() error { return e.blame(r, read(r)) })
	}
	return all.Wait()
}

func (r *replica) subtractExecuted(ctx context.Context, set string) (string, error) {
	return r.control.value(ctx, "SELECT GTID_SUBTRACT(?, @@global.gtid_executed)", set)
}

// cut shortens a text for people, at a border of characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}
