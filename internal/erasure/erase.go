package erasure

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
)

// Destroyed is what one call of Erase destroyed; a run that was cut and repeated adds them up, or hears each through Options.
type Destroyed struct {
	// GTIDExecuted and GTIDPurged are the sets before they were reset; empty when they had been reset already.
	GTIDExecuted string   `json:"gtidExecuted,omitempty"`
	GTIDPurged   string   `json:"gtidPurged,omitempty"`
	Channels     []string `json:"channels,omitempty"` // names of the channels forgotten; "" is the default one
	Schemas      []Schema `json:"schemas,omitempty"`
	// Ended are the sessions that held a lock on something to be dropped.
	Ended []node.Session `json:"-"`
}

// Schema is one dropped schema.
type Schema struct {
	Name   string `json:"name"`
	Tables int    `json:"tables"` // base tables
	Views  int    `json:"views"`
	// Bytes of data and indexes as information_schema.TABLES says, which is InnoDB's estimate.
	Bytes int64 `json:"bytes"`
}

// Options for Erase.
type Options struct {
	// OnSchema, if not nil, is told each schema once it is gone.
	OnSchema func(Schema)
	// LockWaitSeconds bounds each wait for a metadata lock, after which the holders are ended; 0 means 5.
	LockWaitSeconds int
	// Attempts bounds how often one schema is tried; 0 means 10.
	Attempts int
}

// Erase destroys the claimed node's data. Everything runs on the claim; the node must stand behind our
// fence (fence.ErrNotFenced), which is completed first if a cut left it half open, and the claim must have read the primary (Claim.Confirm). super_read_only is off only while schemas are
// dropped, and on again on every way out that still has a connection; its persisted value stays ON throughout.
func Erase(ctx context.Context, c *node.Claim, o Options) (Destroyed, error) {
	var d Destroyed
	if o.LockWaitSeconds <= 0 {
		o.LockWaitSeconds = 5
	}
	if o.Attempts <= 0 {
		o.Attempts = 10
	}
	if err := fence.Hold(ctx, c); err != nil {
		return d, err
	}
	if err := c.Confirm(ctx); err != nil {
		return d, err
	}
	schemas, err := userSchemas(ctx, c)
	if err != nil {
		return d, err
	}
	// A LOCK INSTANCE FOR BACKUP would make STOP REPLICA fail (3857, measured on 9.7).
	if d.Ended, err = endLockHolders(ctx, c); err != nil {
		return d, err
	}
	if d.Channels, err = forgetReplication(ctx, c); err != nil {
		return d, err
	}
	if err := resetGTIDs(ctx, c, &d); err != nil {
		return d, err
	}
	if err := dropSchemas(ctx, c, o, schemas, &d); err != nil {
		return d, err
	}
	return d, requireEmpty(ctx, c)
}

// Begun reports whether an erase of the node has passed its point of no return: its GTID set is empty. Only for a node that
// stands behind our fence does this say that it was us.
func Begun(ctx context.Context, r node.Reader) (bool, error) {
	gtids, err := node.ReadGTIDs(ctx, r)
	return err == nil && gtids.Executed == "", err
}

// forgetReplication goes first: with an empty GTID set a channel would ask its source for all of history, and the
// retrieved set of a relay log would count as had.
func forgetReplication(ctx context.Context, c *node.Claim) ([]string, error) {
	channels, err := node.ReadReplication(ctx, c)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ch := range channels {
		names = append(names, ch.Name)
	}
	if err := c.Exec(ctx, "stop replication", "STOP REPLICA"); err != nil {
		return nil, err
	}
	return names, c.Exec(ctx, "forget replication", "RESET REPLICA ALL")
}

func resetGTIDs(ctx context.Context, c *node.Claim, d *Destroyed) error {
	gtids, err := node.ReadGTIDs(ctx, c)
	if err != nil || gtids.Executed == "" {
		return err
	}
	if err := c.Exec(ctx, "reset the GTIDs", c.Version().ResetBinaryLogs()); err != nil {
		return err
	}
	d.GTIDExecuted, d.GTIDPurged = gtids.Executed, gtids.Purged
	return requireNoGTIDs(ctx, c)
}

func requireNoGTIDs(ctx context.Context, c *node.Claim) error {
	gtids, err := node.ReadGTIDs(ctx, c)
	if err != nil {
		return err
	}
	if gtids.Executed != "" {
		return &node.Error{Node: c.Name(), Doing: "verify that the GTIDs are reset", Err: fmt.Errorf(
			"the node claims %q although it holds no trustworthy data: find who writes to it behind the fence", gtids.Executed)}
	}
	return nil
}

func requireEmpty(ctx context.Context, c *node.Claim) error {
	left, err := userSchemas(ctx, c)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return &node.Error{Node: c.Name(), Doing: "verify the erase", Err: fmt.Errorf("schema %q is there again: find who writes to it behind the fence", left[0].Name)}
	}
	return requireNoGTIDs(ctx, c)
}
