package node_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
)

func TestIdentity(t *testing.T) {
	n := nodetest.Open(t, servers, servers.Nodes[1])
	id, err := n.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, nodetest.UUID(t, servers.Nodes[1]), id.UUID)
	require.EqualValues(t, 2, id.ServerID)
	require.True(t, id.Version.AtLeast(8, 0, 27))
	require.NotEmpty(t, id.VersionComment)
}

// The session settings must hold whatever the server's own are.
func TestSessionsMeanTheSameOnEveryServer(t *testing.T) {
	s := servers.Nodes[2]
	nodetest.Exec(t, s, "SET GLOBAL time_zone = '+05:00'", "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "SET GLOBAL autocommit = 0", "SET GLOBAL max_execution_time = 1")
	t.Cleanup(func() {
		nodetest.Exec(t, s, "SET GLOBAL time_zone = DEFAULT", "SET GLOBAL sql_mode = DEFAULT", "SET GLOBAL autocommit = DEFAULT", "SET GLOBAL max_execution_time = DEFAULT")
	})
	n := nodetest.Open(t, servers, s)
	var zone, text string
	var autocommit, limit int
	var at time.Time
	err := n.DB().QueryRowContext(t.Context(), "SELECT @@time_zone, @@autocommit, @@max_execution_time, ?, CAST('2026-01-02 03:04:05' AS DATETIME)", `a\'b"c`).
		Scan(&zone, &autocommit, &limit, &text, &at)
	require.NoError(t, err)
	require.Equal(t, "+00:00", zone)
	require.Equal(t, 1, autocommit)
	require.Equal(t, 0, limit)
	require.Equal(t, `a\'b"c`, text)
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), at)
}

func TestErrorsOfRealServers(t *testing.T) {
	s := servers.Nodes[1]
	endpoint := nodetest.Endpoint(servers, s)

	wrong := endpoint
	wrong.Password = "wrong-password"
	n, err := node.Open(wrong)
	require.NoError(t, err)
	defer n.Close()
	err = n.Ping(t.Context())
	require.Equal(t, node.ClassAccessDenied, node.Classify(err))
	require.EqualValues(t, node.ErrnoAccessDenied, node.Number(err))
	require.NotContains(t, err.Error(), "wrong-password")
	require.ErrorContains(t, err, "node db2: ping")
	require.Error(t, n.WaitReady(t.Context(), time.Millisecond, func(error) { t.Error("a refused account was waited for") }))

	away := endpoint
	away.Address = "127.0.0.1:1"
	n2, err := node.Open(away)
	require.NoError(t, err)
	defer n2.Close()
	require.Equal(t, node.ClassUnreachable, node.Classify(n2.Ping(t.Context())))
	ctx, cancel := context.WithCancel(t.Context())
	waited := 0
	err = n2.WaitReady(ctx, time.Millisecond, func(error) {
		if waited++; waited == 3 {
			cancel()
		}
	})
	require.Equal(t, node.ClassUnreachable, node.Classify(err))
	require.GreaterOrEqual(t, waited, 3)

	n3 := nodetest.Open(t, servers, s)
	_, err = n3.DB().ExecContext(t.Context(), "DROP DATABASE nothing_of_that_name")
	require.Equal(t, node.ClassReadOnly, node.Classify(err), "%v", err)
}

func TestGTIDQuestions(t *testing.T) {
	n := nodetest.Open(t, servers, servers.Nodes[0])
	const u, v = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562"
	rest, err := node.Subtract(t.Context(), n, u+":1-5,\n"+v+":1", u+":2-3")
	require.NoError(t, err)
	require.Equal(t, u+":1:4-5,"+v+":1", rest)
	within, err := node.Subset(t.Context(), n, u+":2", u+":1-5")
	require.NoError(t, err)
	require.True(t, within)
	within, err = node.Subset(t.Context(), n, u+":6", u+":1-5")
	require.NoError(t, err)
	require.False(t, within)
	g, err := n.GTIDs(t.Context())
	require.NoError(t, err)
	require.Contains(t, g.Executed, nodetest.UUID(t, servers.Nodes[0]))
}

// TestManySubtractionsAtOnce: each answer belongs to its pair, over statements of several sizes and with sets longer than one may be.
func TestManySubtractionsAtOnce(t *testing.T) {
	n := nodetest.Open(t, servers, servers.Nodes[0])
	const u, v = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562"
	long := []string{u + ":1"}
	for i := range 60_000 {
		long = append(long, fmt.Sprint(3+2*i))
	}
	huge := strings.Join(long, ":")
	pairs := [][2]string{{"", u + ":1"}, {u + ":1-5,\n" + v + ":1", u + ":2-3"}, {u + ":1-5", ""}, {huge, u + ":1-9"}, {v + ":7," + huge, huge}}
	for i := range 5_000 {
		pairs = append(pairs, [2]string{fmt.Sprintf("%s:1-%d", u, i+2), u + ":1"})
	}
	if id, err := n.Identity(t.Context()); err == nil && id.Version.AtLeast(8, 3, 0) {
		pairs = append(pairs, [2]string{u + ":1-3:tag:1-5", u + ":2:tag:5"})
	}
	rests, err := node.SubtractAll(t.Context(), n, pairs)
	require.NoError(t, err)
	require.Len(t, rests, len(pairs))
	for i, pair := range pairs {
		if i < 10 || i%500 == 0 || i == len(pairs)-1 {
			want, err := node.Subtract(t.Context(), n, pair[0], pair[1])
			require.NoError(t, err)
			require.Equal(t, want, rests[i], "pair %d", i)
		}
	}
	require.Equal(t, v+":7", rests[4])
	require.Equal(t, u+":2-5001", rests[5+4_999])

	none, err := node.SubtractAll(t.Context(), n, nil)
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = node.SubtractAll(t.Context(), n, [][2]string{{u + ":1", ""}, {"nonsense", ""}})
	require.ErrorContains(t, err, "nonsense")
}

func TestSettingsSayWhoSetThem(t *testing.T) {
	s := servers.Nodes[2]
	n := nodetest.Open(t, servers, s)
	_, err := n.DB().ExecContext(t.Context(), "SET PERSIST max_connect_errors = 777")
	require.NoError(t, err)
	t.Cleanup(func() {
		nodetest.Exec(t, s, "RESET PERSIST max_connect_errors", "SET GLOBAL max_connect_errors = DEFAULT")
	})
	got, err := n.Settings(t.Context(), "max_connect_errors", "server_id", "no_such_variable")
	require.NoError(t, err)
	require.Len(t, got, 2)
	m := got["max_connect_errors"]
	require.Equal(t, "777", m.Value)
	require.Equal(t, "777", *m.Persisted)
	require.Equal(t, servers.Accounts.Admin.User, m.SetUser)
	require.WithinDuration(t, time.Now(), m.SetTime, time.Hour)
	require.Nil(t, got["server_id"].Persisted)
	require.Empty(t, got["server_id"].SetUser)

	persisted, err := n.PersistedSettings(t.Context())
	require.NoError(t, err)
	require.Contains(t, persisted, "max_connect_errors")
	require.Contains(t, persisted, "super_read_only")
	require.NotContains(t, persisted, "server_id")
}

func TestReplicationStatus(t *testing.T) {
	primary, secondary := nodetest.Open(t, servers, servers.Nodes[0]), nodetest.Open(t, servers, servers.Nodes[1])
	none, err := primary.Replication(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)

	channels, err := secondary.Replication(t.Context())
	require.NoError(t, err)
	require.Len(t, channels, 1)
	c := channels[0]
	require.True(t, c.Running())
	require.True(t, c.AutoPosition)
	require.Equal(t, "127.0.0.1", c.SourceHost)
	require.Equal(t, servers.Nodes[0].PeerPort(), c.SourcePort)
	require.Equal(t, nodetest.UUID(t, servers.Nodes[0]), c.SourceUUID)
	require.Equal(t, servers.Accounts.Replication.User, c.SourceUser)
	require.NotNil(t, c.LagSeconds)
	require.Empty(t, c.Filters)
	require.Empty(t, c.Workers)

	down, err := node.ReadDownstreams(t.Context(), primary)
	require.NoError(t, err)
	uuids := []string{}
	for _, d := range down {
		uuids = append(uuids, d.UUID)
	}
	require.ElementsMatch(t, []string{nodetest.UUID(t, servers.Nodes[1]), nodetest.UUID(t, servers.Nodes[2])}, uuids)
}

func TestAWorkersErrorIsRead(t *testing.T) {
	p, s := servers.Nodes[0], servers.Nodes[2]
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "CREATE DATABASE clash")
	nodetest.Exec(t, p, "CREATE DATABASE clash")
	t.Cleanup(func() {
		nodetest.Exec(t, s, "SET GLOBAL super_read_only = ON")
		nodetest.Exec(t, p, "DROP DATABASE clash")
	})
	n := nodetest.Open(t, servers, s)
	var c node.Channel
	require.Eventually(t, func() bool {
		channels, err := n.Replication(t.Context())
		require.NoError(t, err)
		c = channels[0]
		return !c.SQL
	}, time.Minute, 50*time.Millisecond)
	require.Len(t, c.Workers, 1)
	require.Equal(t, 1007, c.Workers[0].Errno)
	require.Contains(t, c.Trouble(), "applier stopped by error 1007: ")
	require.Contains(t, c.Workers[0].Text, "clash")
	require.Contains(t, c.Workers[0].GTID, nodetest.UUID(t, p))
	nodetest.Exec(t, s, "SET sql_log_bin = 0", "DROP DATABASE clash")
	nodetest.Exec(t, s, "START REPLICA")
	require.Eventually(t, func() bool {
		channels, err := n.Replication(t.Context())
		require.NoError(t, err)
		return channels[0].Running() && len(channels[0].Workers) == 0
	}, time.Minute, 50*time.Millisecond)
}

func TestOneWithoutARow(t *testing.T) {
	n := nodetest.Open(t, servers, servers.Nodes[0])
	var x int
	err := node.One(t.Context(), n, "look", "SELECT 1 WHERE FALSE", nil, &x)
	var typed *node.Error
	require.True(t, errors.As(err, &typed))
	require.Equal(t, "db1", typed.Node)
}

func TestTLS(t *testing.T) {
	cipher := func(e node.Endpoint) string {
		n, err := node.Open(e)
		require.NoError(t, err)
		defer n.Close()
		rows, err := node.Table(t.Context(), n, "look at the session", "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
		require.NoError(t, err)
		return rows[0]["Value"]
	}
	e := nodetest.Endpoint(servers, servers.Nodes[1])
	require.Empty(t, cipher(e))
	ca, err := os.ReadFile(filepath.Join(servers.Nodes[1].DataDir(), "ca.pem"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca))
	// The server's own certificate names no host, so its chain alone is verified, as VERIFY_CA does.
	e.TLS = &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool})
		return err
	}}
	require.NotEmpty(t, cipher(e))
	e.TLS = &tls.Config{ServerName: "elsewhere.example"}
	n, err := node.Open(e)
	require.NoError(t, err)
	defer n.Close()
	require.Error(t, n.Ping(t.Context()))
}

// lying is a server that answers the question for its version with something else.
type lying struct {
	*node.Node
	version, comment string
}

func (l lying) Query(ctx context.Context, doing, query string, args ...any) (*sql.Rows, error) {
	if strings.Contains(query, "@@version") {
		return l.Node.Query(ctx, doing, "SELECT ?, ?", l.version, l.comment)
	}
	return l.Node.Query(ctx, doing, query, args...)
}

func TestWhatIsNoMySQLIsRefused(t *testing.T) {
	n := nodetest.Open(t, servers, servers.Nodes[0])
	for _, l := range []lying{{n, "10.11.6-MariaDB-1", "Debian 12"}, {n, "11.4.2", "mariadb.org binary distribution"}, {n, "not a version", "x"}} {
		_, err := node.ReadIdentity(t.Context(), l)
		require.ErrorIs(t, err, node.ErrNotMySQL)
	}
}

func TestSessions(t *testing.T) {
	n := nodetest.Open(t, servers, servers.Nodes[0])
	sessions, err := node.ReadSessions(t.Context(), n)
	require.NoError(t, err)
	dumps := 0
	for _, s := range sessions {
		require.NotEmpty(t, s.User)
		if s.DumpsBinaryLog() {
			dumps++
			require.Equal(t, servers.Accounts.Replication.User, s.User)
		}
	}
	require.Equal(t, 2, dumps)
}
