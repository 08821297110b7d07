package inventory_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// need is one thing that a run does and the privilege said to be needed for it.
type need struct {
	privilege string
	what      string
	on        *sandbox.Node
	prepare   []string // as root, before each try
	// do is run by the account. It returns nil only when all was done or seen.
	do      func(context.Context, *sql.DB) error
	restore []string // as root, after each try
}

// denials are the errors by which a server refuses what an account may not do: access denied to a schema, a table or at large, no such
// routine (for one that may not be seen), not the owner of a session, offline mode, read-only, and persisting without the privilege, XA RECOVER without it.
var denials = []uint16{1044, 1142, 1227, 1305, 1095, 3032, 1290, 3630, 1401}

var errUnseen = errors.New("not seen")

// TestOnServers shares one sandbox. What leaves its servers less whole comes later.
func TestOnServers(t *testing.T) {
	c := sandbox.ForTest(t, sandbox.Options{Nodes: sandbox.Nodes(2)})
	t.Run("verify-ca with the certificate that a server made itself", func(t *testing.T) { verifyCA(t, c) })
	t.Run("the limit of a channel's password", func(t *testing.T) { passwordLimit(t, c) })
	t.Run("replication privileges", func(t *testing.T) { replicationPrivileges(t, c) })
	t.Run("donor privileges", func(t *testing.T) { donorPrivileges(t, c) })
	t.Run("admin privileges", func(t *testing.T) { adminPrivileges(t, c) })
}

// adminPrivileges takes each privilege away in turn: what needs it then fails, and with the full set all succeeds.
func adminPrivileges(t *testing.T, c *sandbox.Cluster) {
	version := serverVersion(t, c)
	admin := c.Accounts.Admin
	needs := adminNeeds(t, c, version)

	required := inventory.Requirements(inventory.RoleAdmin, version)
	for _, p := range required {
		assert.True(t, slices.ContainsFunc(needs, func(n need) bool { return n.privilege == p.Name }), "nothing here shows what %s is for", p.Name)
	}
	for _, n := range needs {
		require.True(t, slices.ContainsFunc(required, func(p inventory.Privilege) bool { return p.Name == n.privilege }), "%s is not required", n.privilege)
		t.Run(n.privilege+"/"+n.what, func(t *testing.T) {
			assert.NoError(t, try(t, n, admin), "with the full set")

			restore := withhold(t, n.on, n.privilege, admin.User)
			err := try(t, n, admin)
			restore()
			require.Error(t, err, "without %s", n.privilege)
			var refused *mysql.MySQLError
			if errors.As(err, &refused) {
				assert.Contains(t, denials, refused.Number, "refused for lack of the privilege and nothing else: %v", err)
			} else {
				assert.ErrorIs(t, err, errUnseen)
			}
		})
	}

	t.Run("the clone itself, restart included", func(t *testing.T) {
		recipient := c.Nodes[1]
		// The needs above have reset histories on both nodes, as no run does; a clone makes the recipient whole whatever it held.
		require.NoError(t, recipient.Exec(t.Context(), calm...))
		err := as(t, recipient, admin, func(ctx context.Context, db *sql.DB) error {
			return run("SET GLOBAL clone_valid_donor_list = '"+c.Primary().PeerAddress()+"'", cloneFrom(c))(ctx, db)
		})
		require.NoError(t, err)
		assert.Eventually(t, func() bool {
			return as(t, recipient, admin, see("Completed", "SELECT STATE FROM performance_schema.clone_status")) == nil
		}, time.Minute, 200*time.Millisecond)
	})
}

func donorPrivileges(t *testing.T, c *sandbox.Cluster) {
	donor, recipient := c.Primary(), c.Nodes[1]
	require.NoError(t, donor.Exec(t.Context(), "CREATE DATABASE kept", "CREATE TABLE kept.t (id INT PRIMARY KEY)", "INSERT INTO kept.t VALUES (1)"))
	require.NoError(t, recipient.WaitFor(t.Context(), donor))

	// The recipient is super_read_only, so that nothing is dropped: 1290 says that all of the donor's own checks passed.
	rehearse := func() error {
		return as(t, recipient, c.Accounts.Admin, run("SET GLOBAL clone_valid_donor_list = '"+donor.PeerAddress()+"'", cloneFrom(c)))
	}
	assertNumber(t, 1290, rehearse())

	require.NoError(t, donor.Exec(t.Context(), "SET GLOBAL offline_mode = ON"))
	err := rehearse()
	assertNumber(t, 3862, err)
	assert.ErrorContains(t, err, "3032", "a fenced donor does not let the account in")
	require.NoError(t, donor.Exec(t.Context(), "GRANT "+inventory.PassesFences+" ON *.* TO "+c.Accounts.Donor.User))
	assertNumber(t, 1290, rehearse())
	require.NoError(t, donor.Exec(t.Context(), "REVOKE "+inventory.PassesFences+" ON *.* FROM "+c.Accounts.Donor.User))
	require.NoError(t, donor.Exec(t.Context(), "SET GLOBAL offline_mode = OFF"))
	assertNumber(t, 1290, rehearse())

	t.Cleanup(withhold(t, donor, "BACKUP_ADMIN", c.Accounts.Donor.User))
	err = rehearse()
	assertNumber(t, 3862, err)
	assert.ErrorContains(t, err, "1227", "a donor lets nobody clone without BACKUP_ADMIN")

	rows, err := recipient.QueryString(t.Context(), "SELECT COUNT(*) FROM kept.t")
	require.NoError(t, err)
	assert.Equal(t, "1", rows, "a rehearsal destroys nothing")
}

func replicationPrivileges(t *testing.T, c *sandbox.Cluster) {
	secondary, user := c.Nodes[1], c.Accounts.Replication.User
	running := func() bool {
		state, err := secondary.QueryString(t.Context(), "SELECT SERVICE_STATE FROM performance_schema.replication_connection_status")
		return err == nil && state == "ON"
	}
	require.True(t, running(), "with the privilege")

	require.NoError(t, secondary.Exec(t.Context(), "STOP REPLICA"))
	restore := withhold(t, c.Primary(), "REPLICATION SLAVE", user)
	require.NoError(t, secondary.Exec(t.Context(), "START REPLICA"))
	// It can log in, and is then refused with the number of a wrong password: only the command tells the two apart.
	require.Eventually(t, func() bool {
		text, err := secondary.QueryString(t.Context(), "SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status")
		return err == nil && strings.Contains(text, "REGISTER") && strings.Contains(text, "1045")
	}, time.Minute, 100*time.Millisecond, "without the privilege")

	restore()
	require.NoError(t, secondary.Exec(t.Context(), "STOP REPLICA", "START REPLICA"))
	require.Eventually(t, running, time.Minute, 100*time.Millisecond, "with the privilege again")
}

// passwordLimit keeps the limit that Resolve applies equal to the server's.
func passwordLimit(t *testing.T, c *sandbox.Cluster) {
	change := func(password string) error {
		return c.Primary().Exec(t.Context(), "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PASSWORD='"+password+"' FOR CHANNEL 'limit'")
	}
	assert.NoError(t, change(strings.Repeat("a", 32)))
	t.Cleanup(func() {
		require.NoError(t, c.Primary().Exec(context.Background(), "RESET REPLICA ALL FOR CHANNEL 'limit'"))
	})
	assertNumber(t, 3056, change(strings.Repeat("a", 33)))
	assertNumber(t, 3056, change(strings.Repeat("é", 17)))
}

func verifyCA(t *testing.T, c *sandbox.Cluster) {
	config := c.Primary().Config(c.Accounts.Admin)
	var err error
	config.TLS, config.AllowFallbackToPlaintext, err = inventory.TLS{
		Mode: inventory.TLSVerifyCA, CAFile: filepath.Join(c.Primary().DataDir(), "ca.pem"),
	}.Config("127.0.0.1")
	require.NoError(t, err)
	connector, err := mysql.NewConnector(config)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer db.Close()
	encrypted := see("TLSv1", "SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_version'")
	assert.NoError(t, encrypted(t.Context(), db))
}

// calm takes a node out of every state that a need may have put it in.
var calm = []string{"SET GLOBAL offline_mode = OFF", "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"}

func adminNeeds(t *testing.T, c *sandbox.Cluster, v node.Version) []need {
	t.Helper()
	p, s := c.Primary(), c.Nodes[1]
	require.NoError(t, p.Exec(t.Context(),
		"CREATE USER app", "CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)",
		"CREATE VIEW shop.v AS SELECT id AS viewed FROM shop.t", "CREATE TRIGGER shop.tr BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.id = NEW.id + 41",
		"CREATE PROCEDURE shop.p() SELECT 42",
		"CREATE EVENT shop.by_root ON SCHEDULE EVERY 1 DAY DO SELECT 43",
		"CREATE DEFINER = app EVENT shop.by_app ON SCHEDULE EVERY 1 DAY DO SELECT 43",
		"CREATE DEFINER = gone EVENT shop.by_gone ON SCHEDULE EVERY 1 DAY DO SELECT 43"))
	require.NoError(t, s.WaitFor(t.Context(), p))
	uuid, err := s.QueryString(t.Context(), "SELECT @@server_uuid")
	require.NoError(t, err)

	const unlogged = "SET SESSION sql_log_bin = 0"
	disable := func(definer, event string) func(context.Context, *sql.DB) error {
		return run(unlogged, "ALTER DEFINER = "+definer+" EVENT shop."+event+" "+v.DisableOnReplica())
	}
	schema := []string{unlogged, "CREATE DATABASE x", "CREATE TABLE x.t (id INT)", "CREATE PROCEDURE x.p() SELECT 1",
		"CREATE EVENT x.e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "CREATE TRIGGER x.tr BEFORE INSERT ON x.t FOR EACH ROW SET @a = 1"}
	noSchema := []string{unlogged, "DROP DATABASE IF EXISTS x"}
	stopped := []string{"STOP REPLICA"}

	needs := []need{
		// While the channel runs.
		{"PROCESS", "sessions of others", p, nil, see("Binlog Dump", "SHOW PROCESSLIST"), nil},
		{"REPLICATION SLAVE", "who replicates from it", p, nil, see(uuid, "SHOW REPLICAS"), nil},
		{"REPLICATION SLAVE", "events of the binary log", p, nil, see("", "SHOW BINLOG EVENTS LIMIT 1"), nil},
		{"REPLICATION CLIENT", "the channel", s, nil, see("repl", "SHOW REPLICA STATUS"), nil},
		{"REPLICATION CLIENT", "the binary log", s, nil, see("binlog", v.BinaryLogStatus()), nil},

		{"PROCESS", "long transactions", s, nil, see("", "SELECT COUNT(*) FROM information_schema.INNODB_TRX"), nil},
		{"PROCESS", "history list", p, nil, see("", "SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'"), nil},
		{"SELECT", "rows", s, nil, see("", "SELECT COUNT(*) FROM shop.t"), nil},
		{"SELECT", "accounts", s, nil, see("app", "SHOW CREATE USER app"), nil},
		{"SELECT", "grants of others", s, nil, see("USAGE", "SHOW GRANTS FOR app"), nil},
		{"SELECT", "a routine's definition", s, nil, see("SELECT 42", "SHOW CREATE PROCEDURE shop.p"), nil},
		{"SELECT", "routines", s, nil, see("SELECT 42", "SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'shop'"), nil},
		{"SELECT", "the error log", s, nil, see("System", "SELECT PRIO FROM performance_schema.error_log"), nil},
		{"SHOW VIEW", "a view's definition", s, nil, see("viewed", "SHOW CREATE VIEW shop.v"), nil},
		{"SHOW VIEW", "views", s, nil, see("viewed", "SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'shop'"), nil},
		{"TRIGGER", "a trigger's definition", s, nil, see("41", "SHOW CREATE TRIGGER shop.tr"), nil},
		{"TRIGGER", "triggers", s, nil, see("41", "SELECT ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop'"), nil},
		{"EVENT", "an event's definition", s, nil, see("SELECT 43", "SHOW CREATE EVENT shop.by_app"), nil},
		{"EVENT", "events", s, nil, see("SELECT 43", "SELECT EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop'"), nil},

		{"EVENT", "disable an event", s, nil, disable("app", "by_app"), nil},
		{"SYSTEM_USER", "an event of root", s, nil, disable("root@localhost", "by_root"), nil},
		{"CONNECTION_ADMIN", "disable an event while read_only", s, []string{"SET GLOBAL read_only = ON"}, disable("app", "by_app"), nil},

		{"SYSTEM_VARIABLES_ADMIN", "persist super_read_only", s, nil, run("SET PERSIST super_read_only = ON"), []string{"RESET PERSIST IF EXISTS super_read_only"}},
		{"SYSTEM_VARIABLES_ADMIN", "persist event_scheduler", s, nil, run("SET PERSIST event_scheduler = OFF"), nil},
		{"SYSTEM_VARIABLES_ADMIN", "write past the binary log", s, nil, run(unlogged), nil},
		{"SYSTEM_VARIABLES_ADMIN", "name the donor", s, nil, run("SET GLOBAL clone_valid_donor_list = '127.0.0.1:1'"), nil},
		{"SYSTEM_VARIABLES_ADMIN", "throttle", s, nil, run("SET GLOBAL clone_max_data_bandwidth = 0"), nil},
		{"PERSIST_RO_VARIABLES_ADMIN", "keep channels stopped", s, nil, run("SET PERSIST_ONLY skip_replica_start = ON"), []string{"RESET PERSIST IF EXISTS skip_replica_start"}},
		{"PERSIST_RO_VARIABLES_ADMIN", "let them start again", s, []string{"SET PERSIST_ONLY skip_replica_start = ON"}, run("RESET PERSIST skip_replica_start"), []string{"RESET PERSIST IF EXISTS skip_replica_start"}},
		{"CONNECTION_ADMIN", "raise the fence", s, nil, run("SET PERSIST offline_mode = ON"), []string{"RESET PERSIST IF EXISTS offline_mode"}},
		{"CONNECTION_ADMIN", "work behind the fence", s, []string{"SET GLOBAL offline_mode = ON"}, run("DO 1"), nil},
		{"CONNECTION_ADMIN", "end a client's session", s, nil, kill(t, s, sandbox.Account{User: "app"}), nil},
		{"SYSTEM_USER", "end root's session", s, nil, kill(t, s, c.Accounts.Root), nil},

		{"DROP", "drop a schema", s, schema, run(unlogged, "DROP DATABASE x"), noSchema},
		{"CONNECTION_ADMIN", "drop a schema while read_only", s, append(slices.Clone(schema), "SET GLOBAL read_only = ON"), run(unlogged, "DROP DATABASE x"), noSchema},

		{"XA_RECOVER_ADMIN", "find prepared transactions", s, nil, run("XA RECOVER CONVERT XID"), nil},

		{"CLONE_ADMIN", "rehearse the clone", s, []string{"SET GLOBAL super_read_only = ON", "SET GLOBAL clone_valid_donor_list = '" + p.PeerAddress() + "'"}, rehearsal(c), nil},
		{"BACKUP_ADMIN", "probe the path to the donor", s, []string{"SET GLOBAL clone_valid_donor_list = '" + p.PeerAddress() + "'"}, probe(c), nil},

		// From here on the channel and the history are lost.
		{"REPLICATION_SLAVE_ADMIN", "stop the channel", s, nil, run("STOP REPLICA"), nil},
		{"REPLICATION_SLAVE_ADMIN", "start the channel", s, stopped, run("START REPLICA"), nil},
		{"REPLICATION_SLAVE_ADMIN", "hold the applier at a GTID", s, stopped, run("START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS = '11111111-1111-1111-1111-111111111111:1'"), stopped},
		{"REPLICATION_SLAVE_ADMIN", "change the channel", s, stopped, run("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0"), nil},
		{"REPLICATION_SLAVE_ADMIN", "an applier of few privileges", s, stopped, run("CHANGE REPLICATION SOURCE TO PRIVILEGE_CHECKS_USER = app"), nil},
		{"REPLICATION_SLAVE_ADMIN", "change its filters", s, stopped, run("CHANGE REPLICATION FILTER REPLICATE_DO_DB = ()"), nil},
		{"RELOAD", "forget the channel", s, stopped, run("RESET REPLICA ALL"), nil},
		{"RELOAD", "reset GTIDs", s, nil, run(v.ResetBinaryLogs()), nil},
		{"RELOAD", "the proof's fallback", s, nil, run("FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"), nil},
		{"SYSTEM_VARIABLES_ADMIN", "put GTIDs back", s, []string{v.ResetBinaryLogs()}, run("SET GLOBAL gtid_purged = '11111111-1111-1111-1111-111111111111:1'"), nil},
	}
	if v.AtLeast(8, 2, 0) {
		return append(needs,
			need{"SET_ANY_DEFINER", "an event's definer", s, nil, disable("app", "by_app"), nil},
			need{"ALLOW_NONEXISTENT_DEFINER", "a definer that is gone", s, nil, disable("gone", "by_gone"), nil})
	}
	return append(needs,
		need{"SET_USER_ID", "an event's definer", s, nil, disable("app", "by_app"), nil},
		need{"SET_USER_ID", "a definer that is gone", s, nil, disable("gone", "by_gone"), nil})
}
