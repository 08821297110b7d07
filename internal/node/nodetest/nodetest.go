// Package nodetest opens the servers of a sandbox as package node sees them, with the cluster's least-privileged admin
// account, for the tests of node and of the packages that stand on it. It is not part of the product.
package nodetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// Run is the run that Claim names.
const Run = "test-run"

// Endpoint is the sandbox node as the worker reaches it, as the admin account.
func Endpoint(c *sandbox.Cluster, n *sandbox.Node) node.Endpoint {
	return node.Endpoint{
		Name: n.Name, Address: n.WorkerAddress(), PeerAddress: n.PeerAddress(),
		User: c.Accounts.Admin.User, Password: c.Accounts.Admin.Password.Reveal(),
	}
}

// Open opens the node until the test ends.
func Open(t testing.TB, c *sandbox.Cluster, n *sandbox.Node) *node.Node {
	t.Helper()
	opened, err := node.Open(Endpoint(c, n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// UUID reads a node's server_uuid.
func UUID(t testing.TB, n *sandbox.Node) string {
	t.Helper()
	return String(t, n, "SELECT @@server_uuid")
}

// String reads one value as root.
func String(t testing.TB, n *sandbox.Node, query string, args ...any) string {
	t.Helper()
	s, err := n.QueryString(context.Background(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}

// Exec runs statements as root.
func Exec(t testing.TB, n *sandbox.Node, statements ...string) {
	t.Helper()
	if err := n.Exec(context.Background(), statements...); err != nil {
		t.Fatal(err)
	}
}

// Options claim the node as a secondary of the cluster's primary, for an attempt that is always current.
func Options(t testing.TB, c *sandbox.Cluster, n *sandbox.Node) node.ClaimOptions {
	t.Helper()
	primary := Open(t, c, c.Primary())
	return node.ClaimOptions{
		ExpectUUID: UUID(t, n), ExpectPrimaryUUID: UUID(t, c.Primary()),
		Primary: func(ctx context.Context) (string, error) {
			id, err := primary.Identity(ctx)
			return id.UUID, err
		},
		StillCurrent: func(context.Context) error { return nil },
		Cluster:      c.Name, Run: Run,
	}
}

// Claim claims the node until the test ends.
func Claim(t testing.TB, c *sandbox.Cluster, n *sandbox.Node) *node.Claim {
	t.Helper()
	return ClaimWith(t, Open(t, c, n), Options(t, c, n))
}

// ClaimWith claims the node until the test ends.
func ClaimWith(t testing.TB, n *node.Node, o node.ClaimOptions) *node.Claim {
	t.Helper()
	claim, err := n.Claim(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(claim.Close)
	return claim
}

// CutBefore makes the claim's session end at the server just before its k-th statement (from 0) is sent, as if its
// worker had died there. cut reports whether it came to that.
func CutBefore(t testing.TB, server *sandbox.Node, n *node.Node, o node.ClaimOptions, k int) (claim *node.Claim, cut func() bool) {
	t.Helper()
	var count atomic.Int64
	var armed, done atomic.Bool
	var id atomic.Uint64
	o.OnStatement = func(doing, _ string) {
		if !armed.Load() || doing == "release the claim" || int(count.Add(1))-1 != k {
			return
		}
		done.Store(true)
		if err := server.Exec(context.Background(), fmt.Sprintf("KILL %d", id.Load())); err != nil {
			t.Errorf("cut the claim: %v", err)
		}
		for {
			left, err := server.QueryString(context.Background(), "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_ID = ?", id.Load())
			if err != nil {
				t.Errorf("cut the claim: %v", err)
				return
			}
			if left == "0" {
				return
			}
		}
	}
	claim = ClaimWith(t, n, o)
	id.Store(claim.ConnectionID())
	armed.Store(true)
	return claim, done.Load
}
