package fence

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/clusterresync/clusterresync/internal/node"
)

// ErrErased: the node has lost transactions or a channel since the note was taken; only a proof may bring it back.
var ErrErased = errors.New("the node is no longer as noted: it has been erased, in part or wholly")

// Restore releases a node that was fenced and not erased: settings, persisted settings and running threads are as
// noted, data and channel were never touched (invariant I2). It may be run again. A node that has lost something since is refused
// with ErrErased and stays fenced.
func Restore(ctx context.Context, c *node.Claim, note Note) error {
	status, settings, err := read(ctx, c)
	if err != nil {
		return err
	}
	switch status.Owner {
	case Other:
		return &OfflineByOtherError{Node: c.Name(), By: status.By, Since: status.Since}
	case None:
		// offline_mode goes last, so all was done but perhaps its last line. What others have set since is theirs.
		return forgetOffline(ctx, c, settings[offlineMode], note.Settings[offlineMode].Persisted)
	}
	if err := requireAsNoted(ctx, c, note); err != nil {
		return err
	}
	for _, name := range []string{eventScheduler, superReadOnly, readOnly, skipReplicaStart} {
		if err := putBack(ctx, c, name, settings[name], note.Settings[name]); err != nil {
			return err
		}
	}
	for _, t := range note.Channels {
		if err := startThreads(ctx, c, t); err != nil {
			return err
		}
	}
	return openOffline(ctx, c, note.Settings[offlineMode].Persisted)
}

func requireAsNoted(ctx context.Context, c *node.Claim, note Note) error {
	gtids, err := node.ReadGTIDs(ctx, c)
	if err != nil {
		return err
	}
	intact, err := node.Subset(ctx, c, note.GTIDExecuted, gtids.Executed)
	if err != nil {
		return err
	}
	if !intact {
		return &node.Error{Node: c.Name(), Doing: "restore the node", Err: fmt.Errorf("%w: noted GTIDs %s, now %q", ErrErased, note.GTIDExecuted, gtids.Executed)}
	}
	channels, err := node.ReadReplication(ctx, c)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, ch := range channels {
		there[ch.Name] = true
	}
	for _, t := range note.Channels {
		if !there[t.Channel] {
			return &node.Error{Node: c.Name(), Doing: "restore the node", Err: fmt.Errorf("%w: replication channel %q is gone", ErrErased, t.Channel)}
		}
	}
	return nil
}

// putBack makes one setting as it was, first what holds now, then what a restart brings.
func putBack(ctx context.Context, c *node.Claim, name string, now, was node.Setting) error {
	value, err := word(was.Value)
	if err != nil {
		return node.Wrap(c.Name(), "put back "+name, err)
	}
	// Setting super_read_only may have moved read_only since it was read, so these two are always set.
	dynamic := name != skipReplicaStart
	if dynamic && (now.Value != was.Value || name == readOnly) {
		if err := c.Exec(ctx, "put back "+name, "SET GLOBAL "+name+" = "+value); err != nil {
			return err
		}
	}
	return putBackPersisted(ctx, c, name, now.Persisted, was.Persisted)
}

func putBackPersisted(ctx context.Context, c *node.Claim, name string, now, was *string) error {
	doing := "put back what is persisted of " + name
	switch {
	case was == nil && now == nil, was != nil && now != nil && *was == *now:
		return nil
	case was == nil:
		return c.Exec(ctx, doing, "RESET PERSIST IF EXISTS "+name)
	}
	value, err := word(*was)
	if err != nil {
		return node.Wrap(c.Name(), doing, err)
	}
	return c.Exec(ctx, doing, "SET PERSIST_ONLY "+name+" = "+value)
}

func startThreads(ctx context.Context, c *node.Claim, t Threads) error {
	what := ""
	switch {
	case t.IO && t.SQL:
	case t.IO:
		what = " IO_THREAD"
	case t.SQL:
		what = " SQL_THREAD"
	default:
		return nil
	}
	return c.Exec(ctx, "start replication again", "START REPLICA"+what+" FOR CHANNEL ?", t.Channel)
}

// openOffline lets clients in with one statement, so that no cut can leave a node that is open now and closed after a
// restart, or the reverse.
func openOffline(ctx context.Context, c *node.Claim, persisted *string) error {
	if err := c.Exec(ctx, "end offline mode", "SET PERSIST offline_mode = OFF"); err != nil {
		return err
	}
	settings, err := node.ReadSettings(ctx, c, offlineMode)
	if err != nil {
		return err
	}
	return forgetOffline(ctx, c, settings[offlineMode], persisted)
}

// forgetOffline takes the trace of openOffline out of mysqld-auto.cnf, unless it was there before.
func forgetOffline(ctx context.Context, c *node.Claim, now node.Setting, was *string) error {
	if was != nil || now.Persisted == nil {
		return nil
	}
	return c.Exec(ctx, "forget offline mode", "RESET PERSIST IF EXISTS offline_mode")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// word guards the one place where a noted value becomes part of a statement: these settings are all switches.
func word(value string) (string, error) {
	if !plainWord.MatchString(value) {
		return "", fmt.Errorf("noted value %q is no plain word", value)
	}
	return value, nil
}
