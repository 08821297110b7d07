package sandbox

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// replicate makes the cluster's accounts on the primary and has each secondary
// follow it. The accounts reach the secondaries by replication, so that every
// node's GTID set is a part of the primary's.
func (c *Cluster) replicate(ctx context.Context) error {
	primary := c.Primary()
	statements, err := c.Accounts.setUpSQL(c.distribution.Version)
	if err != nil {
		return err
	}
	// Each server salted root's password for itself. Replicated once, root is the same account everywhere, as in a real cluster.
	password := c.Accounts.Root.Password.Reveal() // letters and digits: nothing to quote
	statements = append(statements,
		"ALTER USER 'root'@'%' IDENTIFIED BY '"+password+"', 'root'@'localhost' IDENTIFIED BY '"+password+"'")
	if err := primary.Exec(ctx, statements...); err != nil {
		return fmt.Errorf("make the accounts: %w", err)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, secondary := range c.Secondaries() {
		group.Go(func() error {
			if err := secondary.Follow(groupCtx, primary, c.Accounts.Replication); err != nil {
				return err
			}
			if err := secondary.Exec(groupCtx, "SET PERSIST super_read_only = ON", "SET PERSIST event_scheduler = OFF"); err != nil {
				return err
			}
			return secondary.WaitFor(groupCtx, primary)
		})
	}
	return group.Wait()
}

// Follow has the node replicate from source by account, with every option of
// the channel but these at the server's default. It tries for a day: since 8.4
// a channel gives up after ten tries by default.
func (n *Node) Follow(ctx context.Context, source *Node, account Account) error {
	return n.Exec(ctx,
		fmt.Sprintf(`CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d, SOURCE_USER='%s', SOURCE_PASSWORD='%s',
			SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400`,
			source.PeerPort(), account.User, account.Password.Reveal()),
		"START REPLICA")
}

// WaitFor waits until the node has executed everything that source has executed
// by now, or ctx ends.
func (n *Node) WaitFor(ctx context.Context, source *Node) error {
	executed, err := source.QueryString(ctx, "SELECT @@GLOBAL.gtid_executed")
	if err != nil {
		return err
	}
	for {
		// In short waits, so that a stopped applier or the end of ctx is not sat
		// out on the server.
		missed, err := n.QueryString(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 1)", executed)
		if err != nil {
			return fmt.Errorf("wait for what %s executed: %w", source.Name, err)
		}
		if missed == "0" {
			return nil
		}
		if err := n.channelError(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("node %s: wait for what %s executed: %w", n.Name, source.Name, err)
		}
	}
}

// channelError returns what stopped the node's applier, if anything did.
func (n *Node) channelError(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	message, err := n.QueryString(ctx, `SELECT GROUP_CONCAT(CONCAT(LAST_ERROR_NUMBER, ': ', LAST_ERROR_MESSAGE) SEPARATOR '; ')
		FROM performance_schema.replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER <> 0 AND SERVICE_STATE = 'OFF'`)
	if err != nil {
		return err
	}
	if message != "" {
		return fmt.Errorf("node %s: replication stopped: %s", n.Name, message)
	}
	return nil
}
