package clone

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
)

// ErrNothingStopsIt: the node holds no user schema, so a rehearsal would not stop at its first drop but be the clone.
var ErrNothingStopsIt = errors.New("the node holds no schema, and a rehearsal would be the clone itself; there is nothing that it could save")

// Rehearse issues the real CLONE while super_read_only is ON. Donor and recipient run their own checks (accounts, privileges,
// plugins, settings, versions), and when all is well the server stops at 1290 before it drops anything, replication and data
// as they were (measured on 9.7). nil means that this happened. A *Failure says which check did not pass; its Data
// is Untouched.
//
// What stops it is the drop of a user schema, be it an empty one. On a node without any, super_read_only stops nothing and
// the statement is a whole clone (measured on 9.7); such a node is refused with ErrNothingStopsIt.
//
// It runs behind the whole fence and on a claim that has read the primary: were super_read_only taken away by somebody
// in that very moment, it would be a real clone.
func Rehearse(ctx context.Context, c *node.Claim, donor string, account Account, o Options) (err error) {
	statement, args, err := statement(donor, account, o)
	if err != nil {
		return node.Wrap(c.Name(), "rehearse the clone", err)
	}
	if err := fence.Require(ctx, c); err != nil {
		return err
	}
	if err := c.Confirm(ctx); err != nil {
		return err
	}
	if err := requireSchema(ctx, c); err != nil {
		return err
	}
	before, err := node.ReadGTIDs(ctx, c)
	if err != nil {
		return err
	}
	found, err := readKnobs(ctx, c)
	if node.Number(err) == node.ErrnoUnknownSystemVar {
		return newFailure(c.Name(), donor, node.ErrnoPluginNotLoaded, ErrNoPlugin.Error(), Status{})
	}
	if err != nil {
		return err
	}
	defer func() { // the node may be released untouched, and then it should be
		if back := found.putBack(ctx, c); err == nil {
			err = back
		}
	}()
	if err := setKnobs(ctx, c, donor, o); err != nil {
		return err
	}
	if err := requireSuperReadOnly(ctx, c); err != nil {
		return err
	}
	err = c.ExecSecret(ctx, "rehearse the clone", []string{account.Password}, statement, args...)
	var my *mysql.MySQLError
	switch {
	case err == nil, node.Number(err) == errnoNotManaged:
		return &node.Error{Node: c.Name(), Doing: "rehearse the clone", Err: errors.New(
			"super_read_only was taken away while the rehearsal ran, so it was a real clone; the node is fenced and must be resynced")}
	case node.Number(err) == node.ErrnoReadOnly:
		return requireSame(ctx, c, before)
	case c.Lost() == nil && errors.As(err, &my):
		return newFailure(c.Name(), donor, my.Number, my.Message, Status{})
	}
	return err
}

func requireSchema(ctx context.Context, c *node.Claim) error {
	const query = "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME " + node.UserSchemas
	var schemas int
	if err := node.One(ctx, c, "look for schemas", query, nil, &schemas); err != nil {
		return err
	}
	if schemas == 0 {
		return node.Wrap(c.Name(), "rehearse the clone", ErrNothingStopsIt)
	}
	return nil
}

func requireSuperReadOnly(ctx context.Context, c *node.Claim) error {
	var on bool
	if err := node.One(ctx, c, "look at super_read_only", "SELECT @@global.super_read_only", nil, &on); err != nil {
		return err
	}
	if !on {
		return &node.Error{Node: c.Name(), Doing: "rehearse the clone", Err: fmt.Errorf("%w: super_read_only is OFF", fence.ErrNotFenced)}
	}
	return nil
}

func requireSame(ctx context.Context, c *node.Claim, before node.GTIDs) error {
	after, err := node.ReadGTIDs(ctx, c)
	if err != nil {
		return err
	}
	if after != before {
		return &node.Error{Node: c.Name(), Doing: "verify the rehearsal", Err: fmt.Errorf("the GTID set was %q and is %q", before.Executed, after.Executed)}
	}
	return nil
}
