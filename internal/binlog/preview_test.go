package binlog_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// astray makes errant transactions on the secondary, and takes their errantness away when the test ends.
func astray(t *testing.T, statements ...string) (s *sandbox.Node, errant string) {
	t.Helper()
	p, s := servers.Primary(), servers.Nodes[1]
	require.NoError(t, s.WaitFor(t.Context(), p))
	nodetest.Exec(t, s, append([]string{"SET GLOBAL super_read_only = OFF", "CREATE DATABASE IF NOT EXISTS app"}, statements...)...)
	errant = node.CleanGTIDSet(nodetest.String(t, s, "SELECT GTID_SUBTRACT(@@global.gtid_executed, ?)", nodetest.String(t, p, "SELECT @@global.gtid_executed")))
	t.Cleanup(func() {
		nodetest.Exec(t, p, "SET GLOBAL gtid_purged = '+"+errant+"'")
		nodetest.Exec(t, s, "SET SESSION sql_log_bin = 0", "DROP DATABASE app")
	})
	return s, errant
}

// rows makes a table of n rows, each in a transaction of its own.
func rows(n int) []string {
	statements := []string{"CREATE TABLE app.t (id INT PRIMARY KEY, filler VARCHAR(1000))"}
	for i := range n {
		statements = append(statements, fmt.Sprintf("INSERT INTO app.t VALUES (%d, REPEAT('row-secret', 100))", i))
	}
	return statements
}

func read(ctx context.Context, n *node.Node, errant string) (gtids []string, err error) {
	err = binlog.Read(ctx, n, errant, func(e binlog.Event) error {
		if e.Last {
			gtids = append(gtids, e.GTID.String())
		}
		return nil
	})
	return gtids, err
}

func TestOnlyTheErrantTransactionsAreRead(t *testing.T) {
	s, errant := astray(t, rows(3)...)
	p := servers.Primary()
	nodetest.Exec(t, p, "CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.t (id INT)", "INSERT INTO elsewhere.t VALUES (1)", "DROP DATABASE elsewhere")
	require.NoError(t, s.WaitFor(t.Context(), p))
	n := nodetest.Open(t, servers, s)
	gtids, err := read(t.Context(), n, errant)
	require.NoError(t, err)
	uuid := nodetest.UUID(t, s)
	set, err := binlog.ParseSet(strings.Join(gtids, ","))
	require.NoError(t, err)
	assert.Equal(t, errant, set.String())
	assert.Len(t, gtids, 5)
	for _, g := range gtids {
		assert.Contains(t, g, uuid)
	}
	// A part of them, from the middle.
	last := gtids[len(gtids)-2]
	gtids, err = read(t.Context(), n, last)
	require.NoError(t, err)
	assert.Equal(t, []string{last}, gtids)

	// Nobody takes it for a replica that the node feeds.
	replicas, err := node.ReadDownstreams(t.Context(), n)
	require.NoError(t, err)
	assert.Empty(t, replicas)
	assert.Equal(t, "0", dumps(t, s))

	preview, err := binlog.Preview(t.Context(), n, errant, binlog.Limits{})
	require.NoError(t, err)
	assert.Equal(t, []contract.TableChanges{{Schema: "app", Table: "t", Inserted: 3}}, preview.Tables)
	assert.Equal(t, 2, preview.StatementsInAll)
	assert.Empty(t, preview.Partial)
	assert.Greater(t, preview.Bytes, int64(3000))
	now := time.Now()
	assert.False(t, preview.First.Before(now.Add(-time.Hour)) || preview.Last.After(now.Add(time.Minute)) || preview.Last.Before(preview.First), "%v %v", preview.First, preview.Last)

	preview, err = binlog.Preview(t.Context(), n, "", binlog.Limits{})
	require.NoError(t, err)
	assert.Equal(t, contract.LossPreview{}, preview)
}

func dumps(t *testing.T, n *sandbox.Node) string {
	t.Helper()
	return nodetest.String(t, n, "SELECT COUNT(*) FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'")
}

func TestLimits(t *testing.T) {
	s, errant := astray(t, append(rows(20), "INSERT INTO app.t SELECT id + 100, REPEAT('x', 1000) FROM app.t")...)
	n := nodetest.Open(t, servers, s)
	// The first two are definitions.
	preview, err := binlog.Preview(t.Context(), n, errant, binlog.Limits{Bytes: 10000})
	require.NoError(t, err)
	assert.Regexp(t, `reading stopped after 0 MiB, with \d+ of 23 transactions read`, preview.Partial)
	require.Len(t, preview.Tables, 1)
	assert.Positive(t, preview.Tables[0].Inserted)
	assert.Less(t, preview.Tables[0].Inserted, int64(20))
	assert.LessOrEqual(t, preview.Bytes, int64(10000))

	// An event that is too large is stepped over, and memory is not spent on it.
	preview, err = binlog.Preview(t.Context(), n, errant, binlog.Limits{Event: 4000})
	require.NoError(t, err)
	assert.Equal(t, "it has an event that is too large to be looked into (3 times)", preview.Partial)
	assert.EqualValues(t, 20, preview.Tables[0].Inserted)
	whole, err := binlog.Preview(t.Context(), n, errant, binlog.Limits{})
	require.NoError(t, err)
	assert.EqualValues(t, 40, whole.Tables[0].Inserted)
	assert.Equal(t, whole.Bytes, preview.Bytes)

	preview, err = binlog.Preview(t.Context(), n, errant, binlog.Limits{Time: time.Nanosecond})
	require.NoError(t, err)
	assert.Contains(t, preview.Partial, "reading stopped after 1ns, with 0 of 23 transactions read")
	assert.Equal(t, "0", dumps(t, s))

	ctx, cancel := context.WithCancel(t.Context())
	cut := errors.New("cut")
	err = binlog.Read(ctx, n, errant, func(e binlog.Event) error {
		if e.First {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = binlog.Preview(ctx, n, errant, binlog.Limits{})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, binlog.Read(t.Context(), n, errant, func(binlog.Event) error { return cut }), cut)
	assert.Equal(t, "0", dumps(t, s))
}

func TestPurged(t *testing.T) {
	s, errant := astray(t, append(rows(2), "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (100, '')")...)
	file := nodetest.String(t, s, "SELECT SUBSTRING_INDEX(FILE_NAME, '/', -1) FROM performance_schema.file_instances WHERE EVENT_NAME = 'wait/io/file/sql/binlog' ORDER BY FILE_NAME DESC LIMIT 1")
	nodetest.Exec(t, s, "PURGE BINARY LOGS TO '"+file+"'")
	n := nodetest.Open(t, servers, s)
	preview, err := binlog.Preview(t.Context(), n, errant, binlog.Limits{})
	require.NoError(t, err)
	assert.Contains(t, preview.Unreadable, "node db2: the binary logs of 4 of its 5 errant transactions were purged (")
	assert.Empty(t, preview.Tables)
	var purged *binlog.PurgedError
	_, err = read(t.Context(), n, errant)
	require.ErrorAs(t, err, &purged)
	assert.EqualValues(t, 4, purged.Gone)
	set, err := binlog.ParseSet(errant)
	require.NoError(t, err)
	gone, err := binlog.ParseSet(purged.GTIDs)
	require.NoError(t, err)
	gtids, err := read(t.Context(), n, set.Minus(gone).String())
	require.NoError(t, err)
	assert.Len(t, gtids, 1)
}

func TestALogThatIsGoneFromTheDisk(t *testing.T) {
	s, errant := astray(t, append(rows(2), "FLUSH BINARY LOGS")...)
	n := nodetest.Open(t, servers, s)
	file := nodetest.String(t, s, "SELECT FILE_NAME FROM performance_schema.file_instances WHERE EVENT_NAME = 'wait/io/file/sql/binlog' ORDER BY FILE_NAME DESC LIMIT 1 OFFSET 1")
	damage(t, file)
	preview, err := binlog.Preview(t.Context(), n, errant, binlog.Limits{})
	require.NoError(t, err)
	assert.Contains(t, preview.Unreadable, "node db2: its binary logs cannot be read: ")
	assert.NotContains(t, preview.Unreadable, "secret")
}

func TestTransactionsThatTheNodeNeverHad(t *testing.T) {
	s, _ := astray(t)
	n := nodetest.Open(t, servers, s)
	_, err := read(t.Context(), n, "11111111-1111-1111-1111-111111111111:1-3")
	var incomplete *binlog.IncompleteError
	require.ErrorAs(t, err, &incomplete)
	assert.ErrorContains(t, err, "node db2: 0 of 3 errant transactions were read whole: it has not executed 11111111-1111-1111-1111-111111111111:1-3")
	_, err = read(t.Context(), n, "nonsense")
	require.ErrorContains(t, err, "does not begin with a UUID")
}

func TestWithoutABinaryLog(t *testing.T) {
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{{}, {Settings: []string{"skip_log_bin", "log_replica_updates=OFF"}}}})
	s := c.Nodes[1]
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET GLOBAL gtid_purged = '+11111111-1111-1111-1111-111111111111:1-3'")
	preview, err := binlog.Preview(t.Context(), nodetest.Open(t, c, s), "11111111-1111-1111-1111-111111111111:1-3", binlog.Limits{})
	require.NoError(t, err)
	assert.Contains(t, preview.Unreadable, "node db2: log_bin is OFF, so its 3 errant transactions are recorded nowhere")
}

// TestBehindTheFence: the admin account gets in and can read; the replication account, which may read binary logs as well, does not.
func TestBehindTheFence(t *testing.T) {
	s, errant := astray(t, rows(2)...)
	claim := nodetest.Claim(t, servers, s)
	_, err := fence.Raise(t.Context(), claim)
	require.NoError(t, err)
	t.Cleanup(func() {
		claim.Close()
		nodetest.Exec(t, s, "RESET PERSIST", "SET GLOBAL offline_mode = OFF", "SET GLOBAL super_read_only = OFF", "START REPLICA")
	})
	gtids, err := read(t.Context(), nodetest.Open(t, servers, s), errant)
	require.NoError(t, err)
	assert.Len(t, gtids, 4)

	endpoint := nodetest.Endpoint(servers, s)
	endpoint.User, endpoint.Password = servers.Accounts.Replication.User, servers.Accounts.Replication.Password.Reveal()
	replication, err := node.Open(endpoint)
	require.NoError(t, err)
	defer replication.Close()
	_, err = read(t.Context(), replication, errant)
	require.Error(t, err)
	assert.Equal(t, node.ClassOffline, node.Classify(err), err)
}

func TestConnections(t *testing.T) {
	s, errant := astray(t)
	plain := nodetest.Endpoint(servers, s)
	with := func(change func(*node.Endpoint)) error {
		endpoint := plain
		change(&endpoint)
		// The first login of an account since then takes another way.
		nodetest.Exec(t, s, "FLUSH PRIVILEGES")
		n, err := node.Open(endpoint)
		require.NoError(t, err)
		defer n.Close()
		_, err = read(t.Context(), n, errant)
		return err
	}
	require.NoError(t, with(func(*node.Endpoint) {}))
	require.NoError(t, with(func(e *node.Endpoint) { e.TLS = &tls.Config{InsecureSkipVerify: true} }))
	err := with(func(e *node.Endpoint) { e.TLS = &tls.Config{RootCAs: x509.NewCertPool()} })
	require.ErrorContains(t, err, "certificate")

	wrong := "wrong-secret"
	err = with(func(e *node.Endpoint) { e.Password = wrong })
	require.Equal(t, node.ClassAccessDenied, node.Classify(err))
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), wrong)
}

func TestWithoutTLS(t *testing.T) {
	c := sandbox.ForTest(t, sandbox.Options{Nodes: []sandbox.NodeOptions{{Settings: []string{"tls_version="}}}})
	p := c.Primary()
	require.Empty(t, nodetest.String(t, p, "SELECT @@global.tls_version"))
	executed := nodetest.String(t, p, "SELECT @@global.gtid_executed")
	endpoint := nodetest.Endpoint(c, p)
	for _, fallback := range []bool{true, false} {
		endpoint.TLS, endpoint.TLSFallback = &tls.Config{InsecureSkipVerify: true}, fallback
		n, err := node.Open(endpoint)
		require.NoError(t, err)
		defer n.Close()
		gtids, err := read(t.Context(), n, executed)
		if fallback {
			require.NoError(t, err)
			assert.NotEmpty(t, gtids)
		} else {
			require.Error(t, err)
		}
	}
}

// damage makes a hole of zeros in a file.
func damage(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 200), info.Size()/2)
	require.NoError(t, err)
}
