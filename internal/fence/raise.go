package fence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

const (
	sessionPoll = 50 * time.Millisecond
	// A killed session may roll back for a while; longer than this is for the caller's retry.
	sessionWait = 60 * time.Second
)

// ErrNotPersistent: the server would not read its persisted variables at a restart, so no fence could hold.
var ErrNotPersistent = errors.New("persisted_globals_load is OFF: the fence would be lost at the restart that ends a clone; start the server with persisted_globals_load=ON")

// Raised is what Raise did to those who were there.
type Raised struct {
	// Ended are the client sessions that had to be killed after offline_mode had ended the ordinary ones.
	Ended []node.Session
}

// Raise fences the claimed node. It may be run again and completes what is missing.
//
// The order is: the mark first, so that a half-raised fence is known as ours and no client comes back; then the sessions
// that offline_mode spares, whose open transactions would make the next step wait; then nothing can write, no event can run and
// no channel can start after a restart; replication is stopped last, because a stopped channel without a mark would be an
// outage that nobody knows to end.
func Raise(ctx context.Context, c *node.Claim) (Raised, error) {
	var raised Raised
	status, settings, err := read(ctx, c)
	if err != nil {
		return raised, err
	}
	if status.Owner == Other {
		return raised, &OfflineByOtherError{Node: c.Name(), By: status.By, Since: status.Since}
	}
	if err := requirePersistence(ctx, c); err != nil {
		return raised, err
	}
	if s := settings[offlineMode]; !s.On() || !s.PersistedOn() {
		if err := c.Exec(ctx, "put into offline mode", "SET PERSIST offline_mode = ON"); err != nil {
			return raised, err
		}
	}
	if raised.Ended, err = endSessions(ctx, c); err != nil {
		return raised, err
	}
	// Bounds the wait for LOCK TABLES or a commit of somebody who passes the fence.
	if err := c.Exec(ctx, "bound lock waits", "SET SESSION lock_wait_timeout = 30"); err != nil {
		return raised, err
	}
	if s := settings[superReadOnly]; !s.On() || !s.PersistedOn() {
		if err := c.Exec(ctx, "refuse writes", "SET PERSIST super_read_only = ON"); err != nil {
			return raised, err
		}
	}
	if err := stopScheduler(ctx, c, settings[eventScheduler]); err != nil {
		return raised, err
	}
	if !settings[skipReplicaStart].PersistedOn() {
		if err := c.Exec(ctx, "keep replication from starting by itself", "SET PERSIST_ONLY skip_replica_start = ON"); err != nil {
			return raised, err
		}
	}
	if err := c.Exec(ctx, "stop replication", "STOP REPLICA"); err != nil {
		return raised, err
	}
	return raised, Require(ctx, c)
}

// Hold completes a fence that is ours already, after a cut or after somebody moved one of its settings. It never begins one:
// without our mark it fails with ErrNotFenced.
func Hold(ctx context.Context, c *node.Claim) error {
	status, err := State(ctx, c)
	if err != nil || status.Complete() {
		return err
	}
	if status.Owner != Ours {
		return Require(ctx, c)
	}
	_, err = Raise(ctx, c)
	return err
}

func requirePersistence(ctx context.Context, c *node.Claim) error {
	loads, err := node.ReadSettings(ctx, c, "persisted_globals_load")
	if err != nil {
		return err
	}
	if !loads["persisted_globals_load"].On() {
		return &node.Error{Node: c.Name(), Doing: "raise the fence", Err: ErrNotPersistent}
	}
	return nil
}

func stopScheduler(ctx context.Context, c *node.Claim, s node.Setting) error {
	if persistedOff(s) && !s.On() {
		return nil
	}
	statement := "SET PERSIST event_scheduler = OFF"
	if s.Value == "DISABLED" { // 1290 for any change at run time
		statement = "SET PERSIST_ONLY event_scheduler = OFF"
	}
	return c.Exec(ctx, "stop the event scheduler", statement)
}

// endSessions ends every client that offline_mode left: accounts with CONNECTION_ADMIN. They may come back, but without
// the transaction and the locks they had. Sessions of the own account and those that feed replicas stay.
func endSessions(ctx context.Context, c *node.Claim) ([]node.Session, error) {
	var me string
	if err := node.One(ctx, c, "read the own account", "SELECT SUBSTRING_INDEX(USER(), '@', 1)", nil, &me); err != nil {
		return nil, err
	}
	// What offline_mode ends itself is gone within moments and not worth a KILL.
	if err := node.Sleep(ctx, sessionPoll); err != nil {
		return nil, node.Wrap(c.Name(), "wait for the clients' sessions to end", err)
	}
	ended := map[uint64]node.Session{}
	begin := time.Now()
	for {
		sessions, err := node.ReadSessions(ctx, c)
		if err != nil {
			return nil, err
		}
		var waiting *node.Session
		for _, s := range sessions {
			if s.User == me || s.DumpsBinaryLog() {
				continue
			}
			_, told := ended[s.ConnectionID]
			if told {
				waiting = &s
				continue
			}
			if len(ended) > 0 && time.Since(begin) > time.Second {
				continue // came after the first sweep; it holds nothing from before the fence
			}
			err := c.Exec(ctx, "end a client's session", fmt.Sprintf("KILL %d", s.ConnectionID))
			if err != nil && node.Number(err) != node.ErrnoUnknownThread {
				return nil, err
			}
			ended[s.ConnectionID] = s
			waiting = &s
		}
		if waiting == nil {
			break
		}
		if time.Since(begin) > sessionWait {
			return nil, &node.Error{Node: c.Name(), Doing: "end the clients' sessions",
				Err: fmt.Errorf("connection %d of %s@%s still ends after %s (%s); try again, it may be rolling back", waiting.ConnectionID, waiting.User, waiting.Host, sessionWait, waiting.State)}
		}
		if err := node.Sleep(ctx, sessionPoll); err != nil {
			return nil, node.Wrap(c.Name(), "wait for the clients' sessions to end", err)
		}
	}
	list := make([]node.Session, 0, len(ended))
	for _, s := range ended {
		list = append(list, s)
	}
	return list, nil
}
