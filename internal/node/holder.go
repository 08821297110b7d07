package node

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Holder is the session that holds a server's named lock.
type Holder struct {
	ConnectionID uint64
	User         string
	// Attributes of its connection; empty when the server shows none.
	Attributes map[string]string
	// Alive reports whether the server still lists the session.
	Alive bool
	// Cloning reports whether the session runs the CLONE that clone_status calls In Progress.
	Cloning bool
}

// Cluster is the cluster for which the holder claimed the server, by its own word.
func (h Holder) Cluster() string { return h.Attributes[AttributeCluster] }

// Run is the run for which the holder claimed the server, by its own word.
func (h Holder) Run() string { return h.Attributes[AttributeRun] }

// CloneRunningError: a CLONE of this cluster runs on the server and holds the lock, whether its client lives or not. It is to be
// joined, never started twice.
type CloneRunningError struct {
	Node   string
	Holder Holder
}

func (e *CloneRunningError) Error() string {
	return fmt.Sprintf("node %s: connection %d of run %q is cloning it now; join that clone", e.Node, e.Holder.ConnectionID, e.Holder.Run())
}

// HeldByOtherError: the lock is held by a session that is not of this cluster. Nothing was killed.
type HeldByOtherError struct {
	Node   string
	Holder Holder
	Want   string // our cluster
}

func (e *HeldByOtherError) Error() string {
	who := fmt.Sprintf("a session that names no cluster (connection %d, user %s)", e.Holder.ConnectionID, e.Holder.User)
	if c := e.Holder.Cluster(); c != "" {
		who = fmt.Sprintf("a resync of cluster %q (run %q, connection %d)", c, e.Holder.Run(), e.Holder.ConnectionID)
	}
	return fmt.Sprintf("node %s: claimed by %s, not by cluster %q: two inventory entries may name one server; remove one, or wait until the other run has ended",
		e.Node, who, e.Want)
}

// LockHeldError: an earlier holder was killed and had not gone when the wait ended.
type LockHeldError struct {
	Node   string
	Holder Holder
	Waited time.Duration
}

func (e *LockHeldError) Error() string {
	return fmt.Sprintf("node %s: connection %d was told to end and still holds the lock after %s; try again, the server is rolling back or waiting for the network",
		e.Node, e.Holder.ConnectionID, e.Waited)
}

// WrongServerError: the server behind the address is not the approved node, or is the primary.
type WrongServerError struct {
	Node      string
	Saw, Want string
	IsPrimary bool
}

func (e *WrongServerError) Error() string {
	if e.IsPrimary {
		return fmt.Sprintf("node %s: its server_uuid %s is the primary's; a primary is never resynced: look at the node's address in the inventory", e.Node, e.Saw)
	}
	return fmt.Sprintf("node %s: its server_uuid is %s, approved was %s; make a new plan", e.Node, e.Saw, e.Want)
}

// PrimaryChangedError: the primary, read anew, is another server than the approved one.
type PrimaryChangedError struct {
	Node      string
	Saw, Want string
}

func (e *PrimaryChangedError) Error() string {
	return fmt.Sprintf("node %s: the primary's server_uuid is now %s, approved was %s; nothing more is erased: make a new plan", e.Node, e.Saw, e.Want)
}

// takeLock takes the named lock, from an earlier attempt of ours if need be.
//
// The order is what makes a late riser harmless. The holder is read first, then StillCurrent is asked, then that very
// connection is killed. If StillCurrent still says yes, no successor of ours has begun, so whoever was read before is not one.
// And connection IDs are never given twice in the life of a server process, which this connection does not outlive: a KILL
// delayed for hours can only miss.
func (c *Claim) takeLock(ctx context.Context) error {
	begin := time.Now()
	var last Holder
	for {
		var got sql.NullBool
		if err := One(ctx, c, "take the named lock", "SELECT GET_LOCK(?, 0)", []any{c.lock}, &got); err != nil {
			return err
		}
		if got.Valid && got.Bool {
			return nil
		}
		holder, err := c.holder(ctx)
		if err != nil {
			return err
		}
		if holder != nil && holder.Alive {
			last = *holder
			if err := c.supersede(ctx, *holder); err != nil {
				return err
			}
		}
		if waited := time.Since(begin); waited > c.options.LockWait {
			return &LockHeldError{Node: c.name, Holder: last, Waited: waited.Round(time.Second)}
		}
		if err := Sleep(ctx, lockPoll); err != nil {
			return Wrap(c.name, "wait for the named lock", err)
		}
	}
}

func (c *Claim) supersede(ctx context.Context, holder Holder) error {
	if holder.Cluster() != c.options.Cluster {
		return c.foreign(ctx, holder)
	}
	if holder.Cloning {
		return &CloneRunningError{Node: c.name, Holder: holder}
	}
	if err := c.options.StillCurrent(ctx); err != nil {
		return err
	}
	// It may have begun to clone while StillCurrent was asked.
	again, err := c.holder(ctx)
	if err != nil {
		return err
	}
	if again == nil || again.ConnectionID != holder.ConnectionID {
		return nil // gone, or another one, which has to be judged from the start
	}
	if again.Cloning {
		return &CloneRunningError{Node: c.name, Holder: *again}
	}
	err = c.Exec(ctx, "end an earlier attempt's session", fmt.Sprintf("KILL %d", holder.ConnectionID))
	if Number(err) == ErrnoUnknownThread {
		return nil
	}
	return err
}

// foreign names the holder that is not ours. When the server shows no attributes at all, not even those of this connection,
// nothing can be told about anybody.
func (c *Claim) foreign(ctx context.Context, holder Holder) error {
	if holder.Cluster() == "" {
		own, err := c.attributes(ctx, c.id)
		if err != nil {
			return err
		}
		if own[AttributeCluster] == "" {
			return &Error{Node: c.name, Doing: "see who holds the named lock", Err: errors.New(
				"the server keeps no connection attributes: set performance_schema=ON and performance_schema_session_connect_attrs_size to 512 or more (or -1)")}
		}
	}
	return &HeldByOtherError{Node: c.name, Holder: holder, Want: c.options.Cluster}
}

func (c *Claim) holder(ctx context.Context) (*Holder, error) { return readHolder(ctx, c, c.lock) }

func (c *Claim) attributes(ctx context.Context, id uint64) (map[string]string, error) {
	return readAttributes(ctx, c, id)
}

// readHolder reads who holds the server's named lock; nil when nobody does.
func readHolder(ctx context.Context, r Reader, lock string) (*Holder, error) {
	const doing = "see who holds the named lock"
	var id sql.NullInt64
	if err := One(ctx, r, doing, "SELECT IS_USED_LOCK(?)", []any{lock}, &id); err != nil {
		return nil, err
	}
	if !id.Valid {
		return nil, nil
	}
	h := &Holder{ConnectionID: uint64(id.Int64)}
	var err error
	if h.Attributes, err = readAttributes(ctx, r, h.ConnectionID); err != nil {
		return nil, err
	}
	err = Each(ctx, r, doing, "SELECT COALESCE(PROCESSLIST_USER, '') FROM performance_schema.threads WHERE PROCESSLIST_ID = ?", []any{h.ConnectionID},
		func(scan func(...any) error) error { h.Alive = true; return scan(&h.User) })
	if err != nil {
		return nil, err
	}
	err = Each(ctx, r, doing, "SELECT PID FROM performance_schema.clone_status WHERE PID = ? AND STATE = 'In Progress'", []any{h.ConnectionID},
		func(scan func(...any) error) error { var pid uint64; h.Cloning = h.Alive; return scan(&pid) })
	if Number(err) == ErrnoNoSuchTable { // the clone plugin is not loaded
		err = nil
	}
	return h, err
}

func readAttributes(ctx context.Context, r Reader, id uint64) (map[string]string, error) {
	attributes := make(map[string]string)
	err := Each(ctx, r, "read a session's attributes",
		"SELECT ATTR_NAME, COALESCE(ATTR_VALUE, '') FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID = ?", []any{id},
		func(scan func(...any) error) error {
			var k, v string
			err := scan(&k, &v)
			attributes[k] = v
			return err
		})
	return attributes, err
}
