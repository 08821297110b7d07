package proof

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// lab is the primary and its secondaries that this package's tests share.
var lab *sandbox.Cluster

func TestMain(m *testing.M) {
	c, end, err := sandbox.ForTestMain(sandbox.Options{Nodes: sandbox.Nodes(3)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lab = c
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// rootAccounts differ in the lab: each node made its own, with its own salt.
var rootAccounts = []string{"root@localhost", "root@%"}

// sideOf connects as the admin account, which holds what the inventory grants and no more.
func sideOf(t *testing.T, n *sandbox.Node) Side {
	t.Helper()
	db, err := n.Open(lab.Accounts.Admin)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return Side{Name: n.Name, DB: db, Rows: n.Config(lab.Accounts.Admin)}
}

// encryptedSideOf reads rows under TLS.
func encryptedSideOf(t *testing.T, n *sandbox.Node) Side {
	t.Helper()
	side := sideOf(t, n)
	side.Rows.TLS = &tls.Config{InsecureSkipVerify: true}
	return side
}

// sidesOf are all nodes, the primary first.
func sidesOf(t *testing.T, of func(*testing.T, *sandbox.Node) Side) []Side {
	t.Helper()
	var out []Side
	for _, n := range lab.Nodes {
		out = append(out, of(t, n))
	}
	return out
}

func secondarySides(t *testing.T) []Side { return sidesOf(t, sideOf)[1:] }

// prove runs a proof of all secondaries; every test that is not about options uses it.
func prove(t *testing.T, o Options) []contract.Proof {
	t.Helper()
	return proveSides(t, sidesOf(t, sideOf), o)
}

func proveSides(t *testing.T, sides []Side, o Options) []contract.Proof {
	t.Helper()
	if o.IgnoreAccounts == nil {
		o.IgnoreAccounts = rootAccounts
	}
	proofs, err := Run(t.Context(), sides[0], sides[1:], o, nil)
	require.NoError(t, err)
	require.Len(t, proofs, len(lab.Secondaries()))
	applierRuns(t)
	return proofs
}

// applierRuns wants every applier of the lab running without a limit: no exit of a proof may leave it otherwise.
func applierRuns(t *testing.T) {
	t.Helper()
	for _, n := range lab.Secondaries() {
		db, err := n.DB()
		require.NoError(t, err)
		conn, err := db.Conn(context.WithoutCancel(t.Context()))
		require.NoError(t, err)
		channels, err := readChannels(context.WithoutCancel(t.Context()), node.Pinned{Node: n.Name, Conn: conn})
		require.NoError(t, conn.Close())
		require.NoError(t, err)
		require.Len(t, channels, 1)
		require.True(t, channels[0].SQL, "%s: %+v", n.Name, channels[0])
		require.Equal(t, "None", channels[0].Until, n.Name)
	}
}

// onPrimary runs statements on the primary and waits until every secondary has them.
func onPrimary(t *testing.T, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // for use in a Cleanup as well
	require.NoError(t, lab.Primary().Exec(ctx, statements...))
	for _, n := range lab.Secondaries() {
		require.NoError(t, n.WaitFor(ctx, lab.Primary()))
	}
}

// harm changes one secondary behind replication's back.
func harm(t *testing.T, n *sandbox.Node, statements ...string) {
	t.Helper()
	all := append([]string{"SET SESSION sql_log_bin=0", "SET GLOBAL super_read_only=OFF", "SET SESSION foreign_key_checks=0",
		"SET SESSION sql_mode='ALLOW_INVALID_DATES'", "SET SESSION time_zone='+00:00'"}, statements...)
	ctx := context.WithoutCancel(t.Context())
	err := n.Exec(ctx, all...)
	require.NoError(t, n.Exec(ctx, "SET GLOBAL super_read_only=ON"))
	require.NoError(t, err)
}

// fresh makes a schema for a test and removes it with everything that harm did in it.
func fresh(t *testing.T, schema string, statements ...string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, n := range lab.Secondaries() {
			_ = n.Exec(ctx, "SET SESSION sql_log_bin=0", "SET GLOBAL super_read_only=OFF", "CREATE DATABASE IF NOT EXISTS "+node.Quote(schema), "SET GLOBAL super_read_only=ON")
		}
		_ = lab.Primary().Exec(ctx, "DROP DATABASE IF EXISTS "+node.Quote(schema))
		for _, n := range lab.Secondaries() {
			_ = n.WaitFor(ctx, lab.Primary())
		}
	})
	onPrimary(t, append([]string{"DROP DATABASE IF EXISTS " + node.Quote(schema), "CREATE DATABASE " + node.Quote(schema), "USE " + node.Quote(schema),
		"SET SESSION sql_mode='ALLOW_INVALID_DATES'", "SET SESSION time_zone='+00:00'"}, statements...)...)
}

func describe(p contract.Proof) string {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func requireEqual(t *testing.T, p contract.Proof) {
	t.Helper()
	require.True(t, p.Equal, describe(p))
	require.Equal(t, contract.ProofEqual, p.Verdict)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
