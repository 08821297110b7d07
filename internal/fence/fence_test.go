package fence_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

const clientPassword = "client-password"

var declared = fence.ServiceState{ReadOnly: true, SuperReadOnly: true, EventScheduler: "off"}

// picture is everything that Restore promises to put back.
type picture struct {
	Persisted map[string]string
	Global    map[string]string
	GTIDs     string
	Threads   [2]bool
	Channel   string
}

func take(t *testing.T, s *sandbox.Node) picture {
	t.Helper()
	ctx := context.Background() // also asked in a Cleanup
	n := nodetest.Open(t, servers, s)
	p := picture{Persisted: map[string]string{}, Global: map[string]string{}}
	persisted, err := n.PersistedSettings(ctx)
	require.NoError(t, err)
	for name, v := range persisted {
		p.Persisted[name] = *v.Persisted
	}
	settings, err := n.Settings(ctx, fence.Settings()...)
	require.NoError(t, err)
	for name, v := range settings {
		if name != "skip_replica_start" { // what a server was started with is of no effect any more
			p.Global[name] = v.Value
		}
	}
	g, err := n.GTIDs(ctx)
	require.NoError(t, err)
	p.GTIDs = g.Executed
	channels, err := n.Replication(ctx)
	require.NoError(t, err)
	for _, c := range channels {
		p.Threads = [2]bool{c.IO != "No", c.SQL}
	}
	p.Channel = nodetest.String(t, s, "SELECT CONCAT_WS(' ', Host, Port, User_name, User_password, Connect_retry) FROM mysql.slave_master_info")
	return p
}

func restore(t *testing.T, s *sandbox.Node, note fence.Note) {
	t.Helper()
	require.NoError(t, fence.Restore(t.Context(), nodetest.Claim(t, servers, s), note))
}

// client is an ordinary account, made on the primary.
func client(t *testing.T, s *sandbox.Node) *sql.DB {
	t.Helper()
	p := servers.Primary()
	nodetest.Exec(t, p, "CREATE USER IF NOT EXISTS client IDENTIFIED BY '"+clientPassword+"'", "GRANT SELECT ON *.* TO client")
	require.NoError(t, s.WaitFor(t.Context(), p))
	config := s.RootConfig()
	config.User, config.Passwd = "client", clientPassword
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestTheFenceKeepsClientsOutOverARestart(t *testing.T) {
	s := servers.Secondaries()[0]
	n := nodetest.Open(t, servers, s)
	db := client(t, s)
	before := take(t, s)
	note, err := fence.Take(t.Context(), n)
	require.NoError(t, err)

	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "DO 1")
	require.NoError(t, err)
	rootDB, err := s.DB()
	require.NoError(t, err)
	root, err := rootDB.Conn(t.Context()) // passes the fence, and must lose its transaction all the same
	require.NoError(t, err)
	_, err = root.ExecContext(t.Context(), "START TRANSACTION WITH CONSISTENT SNAPSHOT")
	require.NoError(t, err)

	c := nodetest.Claim(t, servers, s)
	raised, err := fence.Raise(t.Context(), c)
	require.NoError(t, err)
	users := map[string]bool{}
	for _, e := range raised.Ended {
		users[e.User] = true
	}
	require.True(t, users["root"])
	require.False(t, users[servers.Accounts.Admin.User])
	_, err = conn.ExecContext(t.Context(), "DO 1")
	require.Error(t, err)
	_, err = root.ExecContext(t.Context(), "DO 1")
	require.Error(t, err)

	fenced := func() {
		t.Helper()
		require.EqualValues(t, node.ErrnoOfflineMode, node.Number(db.PingContext(t.Context())))
		status, err := fence.State(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, fence.Ours, status.Owner)
		require.True(t, status.Complete(), "%v", status.Missing)
		require.NoError(t, fence.Require(t.Context(), n))
		channels, err := n.Replication(t.Context())
		require.NoError(t, err)
		require.Equal(t, "No", channels[0].IO)
		require.False(t, channels[0].SQL)
		_, err = n.DB().ExecContext(t.Context(), "DROP DATABASE nothing_of_that_name")
		require.Equal(t, node.ClassReadOnly, node.Classify(err))
	}
	fenced()
	_, err = fence.Take(t.Context(), n)
	require.ErrorIs(t, err, fence.ErrFenced)
	raised, err = fence.Raise(t.Context(), c)
	require.NoError(t, err)
	require.Empty(t, raised.Ended)

	require.NoError(t, s.Restart(t.Context()))
	fenced()

	restore(t, s, note)
	require.Eventually(t, func() bool { return db.PingContext(t.Context()) == nil }, time.Minute, 100*time.Millisecond)
	require.Equal(t, before, take(t, s))
}

func TestANoteSurvivesJSON(t *testing.T) {
	s := servers.Secondaries()[0]
	note, err := fence.Take(t.Context(), nodetest.Open(t, servers, s))
	require.NoError(t, err)
	j, err := json.Marshal(note)
	require.NoError(t, err)
	var back fence.Note
	require.NoError(t, json.Unmarshal(j, &back))
	require.Equal(t, note, back)
	require.NotContains(t, string(j), servers.Accounts.Replication.Password.Reveal())
}

// Whatever the settings were, also where what holds differs from what is persisted, Restore puts back exactly that.
func TestRestorePutsBackExactly(t *testing.T) {
	s := servers.Secondaries()[0]
	original := take(t, s)
	for name, setup := range map[string][]string{
		"as it is":                      nil,
		"nothing persisted":             {"RESET PERSIST IF EXISTS super_read_only", "RESET PERSIST IF EXISTS event_scheduler"},
		"persisted other than in force": {"SET PERSIST_ONLY super_read_only = OFF", "SET PERSIST_ONLY read_only = OFF", "SET PERSIST_ONLY skip_replica_start = OFF"},
		"writable":                      {"SET PERSIST super_read_only = OFF", "SET PERSIST read_only = OFF"},
		"offline persisted off":         {"SET PERSIST offline_mode = OFF"},
		"channel stopped":               {"STOP REPLICA"},
		"only the receiver runs":        {"STOP REPLICA SQL_THREAD"},
		"only the applier runs":         {"STOP REPLICA IO_THREAD"},
		"scheduler on":                  {"SET GLOBAL event_scheduler = ON"},
	} {
		t.Run(name, func(t *testing.T) {
			nodetest.Exec(t, s, setup...)
			before := take(t, s)
			note, err := fence.Take(t.Context(), nodetest.Open(t, servers, s))
			require.NoError(t, err)
			c := nodetest.Claim(t, servers, s)
			_, err = fence.Raise(t.Context(), c)
			require.NoError(t, err)
			require.NoError(t, fence.Restore(t.Context(), c, note))
			require.Equal(t, before, take(t, s))
			require.NoError(t, fence.Restore(t.Context(), c, note))
			require.Equal(t, before, take(t, s))

			nodetest.Exec(t, s, "SET PERSIST super_read_only = ON", "SET PERSIST event_scheduler = OFF", "RESET PERSIST IF EXISTS read_only",
				"RESET PERSIST IF EXISTS skip_replica_start", "RESET PERSIST IF EXISTS offline_mode", "START REPLICA")
			require.Equal(t, original.Persisted, take(t, s).Persisted)
		})
	}
}

// Cut before each statement and run again: never a stopped channel without the mark, and the end is the same.
func TestRaiseAndRestoreCutAnywhere(t *testing.T) {
	s := servers.Secondaries()[0]
	n := nodetest.Open(t, servers, s)
	// Nothing is as the fence wants it, so that no statement is left out.
	nodetest.Exec(t, s, "RESET PERSIST super_read_only", "RESET PERSIST event_scheduler", "SET GLOBAL super_read_only = OFF")
	t.Cleanup(func() { nodetest.Exec(t, s, "SET PERSIST super_read_only = ON", "SET PERSIST event_scheduler = OFF") })
	before := take(t, s)
	note, err := fence.Take(t.Context(), n)
	require.NoError(t, err)
	for k := 0; ; k++ {
		c, cut := nodetest.CutBefore(t, s, n, nodetest.Options(t, servers, s), k)
		_, err := fence.Raise(t.Context(), c)
		if !cut() {
			require.NoError(t, err)
			require.Greater(t, k, 5)
			break
		}
		require.ErrorIs(t, err, node.ErrClaimLost)
		status, err := fence.State(t.Context(), n)
		require.NoError(t, err)
		if status.Owner == fence.None {
			require.Equal(t, before, take(t, s), "unmarked and yet changed, cut at %d", k)
		} else {
			require.Equal(t, fence.Ours, status.Owner)
			_, err = fence.Take(t.Context(), n)
			require.ErrorIs(t, err, fence.ErrFenced)
		}
		// Begin anew each time, so that every statement is the one before the cut.
		restore(t, s, note)
		require.Equal(t, before, take(t, s), "restored after a cut at %d", k)
	}
	for k := 0; ; k++ {
		_, err := fence.Raise(t.Context(), nodetest.Claim(t, servers, s))
		require.NoError(t, err)
		c, cut := nodetest.CutBefore(t, s, n, nodetest.Options(t, servers, s), k)
		err = fence.Restore(t.Context(), c, note)
		if !cut() {
			require.NoError(t, err)
			require.Greater(t, k, 3)
			break
		}
		require.ErrorIs(t, err, node.ErrClaimLost)
		restore(t, s, note)
		require.Equal(t, before, take(t, s), "restore cut at %d", k)
	}
	require.Equal(t, before, take(t, s))
}

func TestSomebodyElsesOfflineModeIsNotTouched(t *testing.T) {
	s := servers.Secondaries()[0]
	n := nodetest.Open(t, servers, s)
	nodetest.Exec(t, s, "SET PERSIST offline_mode = ON")
	t.Cleanup(func() { nodetest.Exec(t, s, "SET PERSIST offline_mode = OFF", "RESET PERSIST offline_mode") })
	status, err := fence.State(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, fence.Other, status.Owner)
	require.Contains(t, status.By, servers.Accounts.Root.User+"@")
	c := nodetest.Claim(t, servers, s)
	var other *fence.OfflineByOtherError
	_, err = fence.Take(t.Context(), c)
	require.ErrorAs(t, err, &other)
	_, err = fence.Raise(t.Context(), c)
	require.ErrorAs(t, err, &other)
	require.ErrorAs(t, fence.Lift(t.Context(), c, declared, nil), &other)
	require.ErrorAs(t, fence.Restore(t.Context(), c, fence.Note{}), &other)
	require.ErrorIs(t, fence.Hold(t.Context(), c), fence.ErrNotFenced)
	require.Equal(t, "1", nodetest.String(t, s, "SELECT @@global.offline_mode"))
}

func TestHoldCompletesOursAndBeginsNone(t *testing.T) {
	s := servers.Secondaries()[0]
	c := nodetest.Claim(t, servers, s)
	before := take(t, s)
	require.ErrorIs(t, fence.Hold(t.Context(), c), fence.ErrNotFenced)
	require.Equal(t, before, take(t, s))
	note, err := fence.Take(t.Context(), c)
	require.NoError(t, err)
	_, err = fence.Raise(t.Context(), c)
	require.NoError(t, err)
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "RESET PERSIST skip_replica_start", "SET GLOBAL event_scheduler = ON")
	require.ErrorIs(t, fence.Require(t.Context(), c), fence.ErrNotFenced)
	require.NoError(t, fence.Hold(t.Context(), c))
	require.NoError(t, fence.Require(t.Context(), c))
	require.NoError(t, fence.Restore(t.Context(), c, note))
	require.Equal(t, before, take(t, s))
}

func TestLiftDeclaresAndHoldsOverARestart(t *testing.T) {
	s := servers.Secondaries()[0]
	n := nodetest.Open(t, servers, s)
	for _, tc := range []struct {
		name     string
		declared fence.ServiceState
		noted    bool
	}{
		{"writable, without a note", fence.ServiceState{EventScheduler: "ON"}, false},
		{"read-only, with a note", fence.ServiceState{ReadOnly: true, EventScheduler: "off"}, true},
		{"the usual, with a note", declared, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var note *fence.Note
			if tc.noted {
				taken, err := fence.Take(t.Context(), n)
				require.NoError(t, err)
				note = &taken
			}
			c := nodetest.Claim(t, servers, s)
			_, err := fence.Raise(t.Context(), c)
			require.NoError(t, err)
			nodetest.Exec(t, s, "START REPLICA")
			require.NoError(t, fence.Lift(t.Context(), c, tc.declared, note))
			require.NoError(t, fence.Lift(t.Context(), c, tc.declared, note))
			check := func() {
				t.Helper()
				status, err := fence.State(t.Context(), n)
				require.NoError(t, err)
				require.Equal(t, fence.None, status.Owner)
				p := take(t, s)
				on := map[bool]string{true: "ON", false: "OFF"}
				require.Equal(t, on[tc.declared.ReadOnly], p.Global["read_only"])
				require.Equal(t, on[tc.declared.SuperReadOnly], p.Global["super_read_only"])
				require.Equal(t, on[tc.declared.EventScheduler == "ON"], p.Global["event_scheduler"])
				require.NotContains(t, p.Persisted, "offline_mode")
				require.NotContains(t, p.Persisted, "skip_replica_start")
			}
			if tc.declared == declared {
				check() // the others have shown it with a restart
				return
			}
			require.NoError(t, s.Restart(t.Context()))
			check()
			require.Equal(t, "0", nodetest.String(t, s, "SELECT @@skip_replica_start"))
			require.Equal(t, [2]bool{true, true}, take(t, s).Threads)
		})
	}
	nodetest.Exec(t, s, "RESET PERSIST IF EXISTS read_only")
}

func TestLiftCutAnywhere(t *testing.T) {
	s := servers.Secondaries()[0]
	n := nodetest.Open(t, servers, s)
	note, err := fence.Take(t.Context(), n)
	require.NoError(t, err)
	for k := 0; ; k++ {
		_, err := fence.Raise(t.Context(), nodetest.Claim(t, servers, s))
		require.NoError(t, err)
		nodetest.Exec(t, s, "START REPLICA")
		c, cut := nodetest.CutBefore(t, s, n, nodetest.Options(t, servers, s), k)
		err = fence.Lift(t.Context(), c, declared, &note)
		if !cut() {
			require.NoError(t, err)
			require.Greater(t, k, 3)
			return
		}
		status, err := fence.State(t.Context(), n)
		require.NoError(t, err)
		if status.Owner == fence.None { // open: then it is in the declared state already
			p := take(t, s)
			require.Equal(t, "ON", p.Global["super_read_only"])
			require.NotContains(t, p.Persisted, "skip_replica_start")
		}
		require.NoError(t, fence.Lift(t.Context(), nodetest.Claim(t, servers, s), declared, &note))
		require.NotContains(t, take(t, s).Persisted, "offline_mode")
	}
}

func TestLiftRefusesWhatCannotBe(t *testing.T) {
	s := servers.Secondaries()[0]
	c := nodetest.Claim(t, servers, s)
	require.Error(t, fence.Lift(t.Context(), c, fence.ServiceState{SuperReadOnly: true, EventScheduler: "off"}, nil))
	require.Error(t, fence.Lift(t.Context(), c, fence.ServiceState{EventScheduler: "sometimes"}, nil))
}

// What has lost transactions or its channel is not released, by neither way.
func TestAnErasedNodeStaysFenced(t *testing.T) {
	s := servers.Secondaries()[0]
	c := nodetest.Claim(t, servers, s)
	note, err := fence.Take(t.Context(), c)
	require.NoError(t, err)
	_, err = fence.Raise(t.Context(), c)
	require.NoError(t, err)

	nodetest.Exec(t, s, "RESET REPLICA ALL")
	require.ErrorIs(t, fence.Restore(t.Context(), c, note), fence.ErrErased)
	nodetest.Exec(t, s, c.Version().ResetBinaryLogs())
	require.ErrorIs(t, fence.Restore(t.Context(), c, note), fence.ErrErased)
	require.ErrorIs(t, fence.Lift(t.Context(), c, declared, &note), fence.ErrErased)
	require.NoError(t, fence.Require(t.Context(), c))

	nodetest.Exec(t, s, "SET GLOBAL gtid_purged = '"+note.GTIDExecuted+"'")
	require.NoError(t, s.Follow(context.WithoutCancel(t.Context()), servers.Primary(), servers.Accounts.Replication))
	require.NoError(t, fence.Restore(t.Context(), c, note))
}

func TestRaiseRefusesAServerThatForgets(t *testing.T) {
	s := servers.Secondaries()[0]
	before := take(t, s)
	file := s.OptionFile()
	appendLine(t, file, "persisted_globals_load=OFF")
	require.NoError(t, s.Restart(t.Context()))
	t.Cleanup(func() {
		removeLine(t, file, "persisted_globals_load=OFF")
		require.NoError(t, s.Restart(context.WithoutCancel(t.Context())))
		require.NoError(t, s.WaitFor(context.WithoutCancel(t.Context()), servers.Primary()))
		require.Equal(t, before.Persisted, take(t, s).Persisted)
	})
	_, err := fence.Raise(t.Context(), nodetest.Claim(t, servers, s))
	require.ErrorIs(t, err, fence.ErrNotPersistent)
	require.Equal(t, "0", nodetest.String(t, s, "SELECT @@global.offline_mode"))
}
