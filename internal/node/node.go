package node

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Node is one MySQL server. It is safe for concurrent use.
type Node struct {
	endpoint Endpoint
	config   *mysql.Config
	db       *sql.DB
}

// Open prepares a node; it does not connect. The error is about the endpoint itself.
func Open(endpoint Endpoint) (*Node, error) {
	config, err := endpoint.config(nil)
	if err != nil {
		return nil, err
	}
	db, err := openPool(endpoint, config)
	if err != nil {
		return nil, err
	}
	db.SetMaxIdleConns(2)
	db.SetConnMaxIdleTime(time.Minute)
	return &Node{endpoint: endpoint, config: config, db: db}, nil
}

func openPool(endpoint Endpoint, config *mysql.Config) (*sql.DB, error) {
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", endpoint.Name, err)
	}
	return sql.OpenDB(connector), nil
}

// Name is the node's name in the inventory.
func (n *Node) Name() string { return n.endpoint.Name }

// Endpoint is how the node is reached.
func (n *Node) Endpoint() Endpoint { return n.endpoint }

// DB is the pool for questions. Nothing that destroys may run on it: see Claim.
func (n *Node) DB() *sql.DB { return n.db }

// Config is how the pool's connections are opened, for whoever needs some of another kind. It holds the password.
func (n *Node) Config() *mysql.Config { return n.config.Clone() }

// Close closes every pooled connection.
func (n *Node) Close() error { return n.db.Close() }

// Ping makes sure that the server answers in the MySQL protocol as this account. A bare TCP dial would fill the server's
// error log (MY-010914) and its Aborted_connects.
func (n *Node) Ping(ctx context.Context) error {
	return Wrap(n.Name(), "ping", n.db.PingContext(ctx))
}

// WaitReady pings until the server answers or ctx ends. onWaiting, if not nil, is told each failed ping's error. An
// account that is refused is reported at once: waiting does not mend a password.
func (n *Node) WaitReady(ctx context.Context, interval time.Duration, onWaiting func(error)) error {
	for {
		err := n.Ping(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && Classify(err) == ClassAccessDenied {
			return err
		}
		if onWaiting != nil {
			onWaiting(err)
		}
		if Sleep(ctx, interval) != nil {
			return err
		}
	}
}

// Sleep waits for d or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
