package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// clone replaces all of recipient by a copy of donor, with the accounts the
// product has, and returns what the statement ended in.
func clone(ctx context.Context, c *Cluster, recipient, donor *Node) error {
	db, err := recipient.Open(c.Accounts.Admin)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, statement := range []string{
		"SET GLOBAL super_read_only = OFF",
		fmt.Sprintf("SET GLOBAL clone_valid_donor_list = '%s'", donor.PeerAddress()),
		fmt.Sprintf("CLONE INSTANCE FROM '%s'@'127.0.0.1':%d IDENTIFIED BY '%s'", c.Accounts.Donor.User, donor.PeerPort(), c.Accounts.Donor.Password.Reveal()),
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// A real clone ends in each way of supervision as it does in the field.
func TestCloneEndsAsTheSupervisionHasIt(t *testing.T) {
	nodes := Nodes(4)
	nodes[1].Supervision, nodes[2].Supervision, nodes[3].Supervision = Supervised, Container, Bare
	nodes[2].RestartPause = 50 * time.Millisecond
	c := ForTest(t, Options{Nodes: nodes})
	require.NoError(t, c.Primary().Exec(t.Context(), "CREATE DATABASE copied", "CREATE TABLE copied.t (id INT PRIMARY KEY)", "INSERT INTO copied.t VALUES (42)"))

	for _, expected := range []struct {
		supervision Supervision
		number      uint16 // of the error that the statement ends in
		exit        int
		comesBack   bool
	}{
		{Supervised, 0, 16, true},
		{Container, 3707, 0, true},
		{Bare, 3707, 0, false},
	} {
		t.Run(string(expected.supervision), func(t *testing.T) {
			n := c.Nodes[1]
			for _, candidate := range c.Secondaries() {
				if candidate.Supervision() == expected.supervision {
					n = candidate
				}
			}
			uuid, err := n.QueryString(t.Context(), "SELECT @@server_uuid")
			require.NoError(t, err)

			err = clone(t.Context(), c, n, c.Primary())
			if expected.number == 0 {
				require.NoError(t, err)
			} else {
				var serverError *mysql.MySQLError
				require.True(t, errors.As(err, &serverError), "%v", err)
				require.Equal(t, expected.number, serverError.Number)
			}
			require.Eventually(t, func() bool { codes, err := n.Exits(); return err == nil && len(codes) == 1 }, time.Minute, 20*time.Millisecond)
			codes, err := n.Exits()
			require.NoError(t, err)
			require.Equal(t, []int{expected.exit}, codes)
			if !expected.comesBack {
				require.ErrorContains(t, n.WaitReady(t.Context()), "the server ended")
				require.NoError(t, n.Start())
			}
			require.NoError(t, n.WaitReady(t.Context()))
			require.Eventually(t, func() bool {
				state, err := n.QueryString(t.Context(), "SELECT STATE FROM performance_schema.clone_status")
				return err == nil && state == "Completed"
			}, time.Minute, 50*time.Millisecond)
			value, err := n.QueryString(t.Context(), "SELECT id FROM copied.t")
			require.NoError(t, err)
			require.Equal(t, "42", value)
			after, err := n.QueryString(t.Context(), "SELECT @@server_uuid")
			require.NoError(t, err)
			require.Equal(t, uuid, after)
			readOnly, err := n.QueryString(t.Context(), "SELECT @@GLOBAL.super_read_only")
			require.NoError(t, err)
			require.Equal(t, "1", readOnly, "persisted variables were not read at the restart")
		})
	}
}

func TestCrashOfANode(t *testing.T) {
	nodes := Nodes(2)
	nodes[1].Supervision = Bare
	c := ForTest(t, Options{Nodes: nodes})
	supervised, bare := c.Nodes[0], c.Nodes[1]

	t.Run("is healed by a supervisor", func(t *testing.T) {
		before := supervised.PID()
		require.NoError(t, supervised.Kill9())
		require.Eventually(t, func() bool { pid := supervised.PID(); return pid != 0 && pid != before }, time.Minute, 20*time.Millisecond)
		require.NoError(t, supervised.WaitReady(t.Context()))
		codes, err := supervised.Exits()
		require.NoError(t, err)
		require.Equal(t, []int{137}, codes)
	})
	t.Run("lasts where nobody heals it", func(t *testing.T) {
		require.NoError(t, bare.Kill9())
		require.Eventually(t, func() bool { return !bare.Running() }, time.Minute, 20*time.Millisecond)
		require.ErrorContains(t, bare.WaitReady(t.Context()), "the server ended")
		require.Error(t, bare.Kill9(), "there is no server to kill")
		require.NoError(t, bare.Start())
		require.NoError(t, bare.WaitReady(t.Context()))
	})
	t.Run("lasts under a supervisor when it is to", func(t *testing.T) {
		require.NoError(t, supervised.Kill9AndStayDown(t.Context()))
		require.False(t, supervised.Running())
		codes, err := supervised.Exits()
		require.NoError(t, err)
		require.Equal(t, []int{137, 137}, codes)
		require.NoError(t, supervised.Start())
		require.NoError(t, supervised.WaitReady(t.Context()))
	})
	t.Run("is told from a clean stop", func(t *testing.T) {
		require.NoError(t, bare.Stop(t.Context()))
		codes, err := bare.Exits()
		require.NoError(t, err)
		require.Equal(t, []int{137, 0}, codes)
		require.NoError(t, bare.Start())
		require.NoError(t, bare.WaitReady(t.Context()))
		require.ErrorContains(t, bare.Start(), "already runs")
	})
	t.Run("replication goes on afterwards", func(t *testing.T) {
		require.NoError(t, supervised.Exec(t.Context(), "CREATE DATABASE afterwards"))
		require.NoError(t, bare.WaitFor(t.Context(), supervised))
	})
}

func TestFrozenNodeKeepsConnectionsAndAnswersNothing(t *testing.T) {
	n := shared.Secondaries()[0]
	db, err := n.Open(shared.Accounts.Root)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	before := connectionID(t, t.Context(), conn)

	require.NoError(t, n.Freeze())
	t.Cleanup(func() { _ = n.Thaw() })
	answered := make(chan error, 1)
	go func() { answered <- conn.PingContext(context.WithoutCancel(t.Context())) }()
	select {
	case err := <-answered:
		require.Failf(t, "a frozen server answered", "%v", err)
	case <-time.After(300 * time.Millisecond):
	}
	require.True(t, n.Running())
	require.NoError(t, n.Thaw())
	require.NoError(t, <-answered)
	require.Equal(t, before, connectionID(t, t.Context(), conn))
}

func connectionID(t *testing.T, ctx context.Context, conn *sql.Conn) (id uint64) {
	t.Helper()
	require.NoError(t, conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id))
	return id
}

func TestLinksSeparateTheWorkerFromThePeers(t *testing.T) {
	nodes := Nodes(2)
	nodes[0].Links = true
	c := ForTest(t, Options{Nodes: nodes})
	primary, secondary := c.Nodes[0], c.Nodes[1]
	addresses := map[string]bool{primary.Address(): true, primary.WorkerAddress(): true, primary.PeerAddress(): true}
	require.Len(t, addresses, 3)
	require.Equal(t, primary.PeerAddress(), c.Status(t.Context()).Nodes[1].Source)

	throughWorkerLink := primary.Config(c.Accounts.Admin)
	throughWorkerLink.Addr = primary.WorkerAddress()
	connector, err := mysql.NewConnector(throughWorkerLink)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.PingContext(t.Context()))

	primary.PeerLink.Cut()
	require.NoError(t, db.PingContext(t.Context()), "the worker's link was cut as well")
	require.NoError(t, primary.Exec(t.Context(), "CREATE DATABASE behind_the_cut"))
	require.Eventually(t, func() bool {
		state, err := secondary.QueryString(t.Context(), "SELECT SERVICE_STATE FROM performance_schema.replication_connection_status")
		return err == nil && state == "CONNECTING"
	}, time.Minute, 50*time.Millisecond)
	require.NotEqual(t, gtids(t, primary), gtids(t, secondary))

	require.NoError(t, primary.PeerLink.Heal())
	require.NoError(t, secondary.WaitFor(t.Context(), primary))

	primary.WorkerLink.Cut()
	require.Error(t, db.PingContext(t.Context()))
	require.NoError(t, primary.Ping(t.Context()), "the server's own address goes past every link")
}

func TestStandaloneNodeMerelyExists(t *testing.T) {
	nodes := Nodes(2)
	nodes[1] = NodeOptions{Name: "stranger", Standalone: true, InitialSettings: []string{"innodb_page_size=8k"}, Settings: []string{"max_connections=17"}}
	c := ForTest(t, Options{Nodes: nodes})
	require.Empty(t, c.Secondaries())
	stranger := c.Node("stranger")
	values, err := stranger.QueryString(t.Context(), "SELECT CONCAT_WS(' ', @@innodb_page_size, @@max_connections, @@gtid_executed)")
	require.NoError(t, err)
	require.Equal(t, "8192 17 ", values)
	require.Nil(t, c.Node("nobody"))
	content, err := readFile(c.Inventory())
	require.NoError(t, err)
	require.NotContains(t, content, "stranger")
}

func TestExecNamesTheNodeAndNotTheSecret(t *testing.T) {
	err := shared.Primary().Exec(t.Context(), "CREATE USER 'a'@'b' IDENTIFIED WITH no_such_plugin BY 'hunter2'")
	require.ErrorContains(t, err, "node db1: CREATE")
	require.False(t, strings.Contains(err.Error(), "hunter2"), err.Error())
}
