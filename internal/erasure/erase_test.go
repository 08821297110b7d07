package erasure_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/erasure"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

const userSchemas = "SELECT COALESCE(GROUP_CONCAT(SCHEMA_NAME ORDER BY SCHEMA_NAME SEPARATOR '|'), '') FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ('mysql','sys','information_schema','performance_schema')"

var fill = sync.OnceValue(func() error {
	return servers.Primary().Exec(context.Background(),
		"CREATE DATABASE parents", "CREATE TABLE parents.p (id INT PRIMARY KEY)", "INSERT INTO parents.p VALUES (1)",
		"CREATE DATABASE children", "CREATE TABLE children.c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parents.p (id))", "INSERT INTO children.c VALUES (1, 1)",
		"CREATE DATABASE `odd ``na-me/é`", "CREATE TABLE `odd ``na-me/é`.`t``b` (id INT PRIMARY KEY, s VARCHAR(200))", "CREATE VIEW `odd ``na-me/é`.v AS SELECT 1 AS one",
		"CREATE DATABASE nothing_in_it")
})

var allSchemas = []string{"children", "nothing_in_it", "odd `na-me/é", "parents"}

// filled brings the secondary back to the primary's data, whatever a test left: nothing of the primary's binary logs was purged, so
// an emptied secondary can be given all of history again.
func filled(t *testing.T) *sandbox.Node {
	t.Helper()
	require.NoError(t, fill())
	s := servers.Secondaries()[0]
	refill(t, s)
	t.Cleanup(func() {
		refill(t, s)
		nodetest.Exec(t, s, "SET PERSIST offline_mode = OFF", "RESET PERSIST offline_mode", "RESET PERSIST IF EXISTS skip_replica_start")
	})
	return s
}

func refill(t *testing.T, s *sandbox.Node) {
	t.Helper()
	ctx := context.Background()
	if nodetest.String(t, s, "SELECT @@global.gtid_executed") == "" {
		nodetest.Exec(t, s, "STOP REPLICA", "RESET REPLICA ALL")
		require.NoError(t, s.Follow(ctx, servers.Primary(), servers.Accounts.Replication))
	}
	nodetest.Exec(t, s, "START REPLICA", "SET GLOBAL super_read_only = ON")
	require.NoError(t, s.WaitFor(ctx, servers.Primary()))
	require.Equal(t, strings.Join(allSchemas, "|"), nodetest.String(t, s, userSchemas))
}

func raise(t *testing.T, c *node.Claim) {
	t.Helper()
	_, err := fence.Raise(t.Context(), c)
	require.NoError(t, err)
}

func requireErased(t *testing.T, s *sandbox.Node) {
	t.Helper()
	require.Empty(t, nodetest.String(t, s, "SELECT @@global.gtid_executed"))
	require.Empty(t, nodetest.String(t, s, userSchemas))
	require.Empty(t, nodetest.String(t, s, "SELECT COALESCE(GROUP_CONCAT(Host), '') FROM mysql.slave_master_info"))
	require.Equal(t, "1", nodetest.String(t, s, "SELECT @@global.super_read_only"))
	require.NoError(t, fence.Require(t.Context(), nodetest.Open(t, servers, s)))
}

func TestEraseDestroysAllAndSaysWhat(t *testing.T) {
	s := filled(t)
	c := nodetest.Claim(t, servers, s)
	raise(t, c)
	had := nodetest.String(t, s, "SELECT @@global.gtid_executed")
	var heard []string
	d, err := erasure.Erase(t.Context(), c, erasure.Options{OnSchema: func(s erasure.Schema) { heard = append(heard, s.Name) }})
	require.NoError(t, err)
	requireErased(t, s)
	require.Equal(t, node.CleanGTIDSet(had), d.GTIDExecuted)
	require.Equal(t, []string{""}, d.Channels)
	require.Equal(t, allSchemas, heard)
	require.Len(t, d.Schemas, len(allSchemas))
	odd := d.Schemas[2]
	require.Equal(t, 1, odd.Tables)
	require.Equal(t, 1, odd.Views)
	require.Positive(t, odd.Bytes)
	require.Zero(t, d.Schemas[1].Tables)

	begun, err := erasure.Begun(t.Context(), c)
	require.NoError(t, err)
	require.True(t, begun)
	again, err := erasure.Erase(t.Context(), c, erasure.Options{})
	require.NoError(t, err)
	require.Empty(t, again.Schemas)
	require.Empty(t, again.GTIDExecuted)
	requireErased(t, s)
}

func TestEraseNeedsOurFenceAndTheProvenPrimary(t *testing.T) {
	s := filled(t)
	unharmed := func() {
		t.Helper()
		require.Equal(t, strings.Join(allSchemas, "|"), nodetest.String(t, s, userSchemas))
		require.NotEmpty(t, nodetest.String(t, s, "SELECT @@global.gtid_executed"))
		require.NotEmpty(t, nodetest.String(t, s, "SELECT COALESCE(GROUP_CONCAT(Host), '') FROM mysql.slave_master_info"))
	}
	c := nodetest.Claim(t, servers, s)
	_, err := erasure.Erase(t.Context(), c, erasure.Options{})
	require.ErrorIs(t, err, fence.ErrNotFenced)
	unharmed()

	nodetest.Exec(t, s, "SET PERSIST offline_mode = ON")
	_, err = erasure.Erase(t.Context(), c, erasure.Options{})
	require.ErrorIs(t, err, fence.ErrNotFenced)
	unharmed()
	nodetest.Exec(t, s, "SET PERSIST offline_mode = OFF")
	raise(t, c)

	o := nodetest.Options(t, servers, s)
	o.Primary = nil
	_, err = erasure.Erase(t.Context(), nodetest.ClaimWith(t, nodetest.Open(t, servers, s), o), erasure.Options{})
	require.ErrorContains(t, err, "without reading the primary")
	unharmed()

	o = nodetest.Options(t, servers, s)
	primary := o.ExpectPrimaryUUID
	o.Primary = func(context.Context) (string, error) { return primary, nil }
	c = nodetest.ClaimWith(t, nodetest.Open(t, servers, s), o)
	primary = "a new one"
	_, err = erasure.Erase(t.Context(), c, erasure.Options{})
	var changed *node.PrimaryChangedError
	require.ErrorAs(t, err, &changed)
	unharmed()
}

// Invariant I3: cut before every statement in turn, no schema is ever gone while the node still claims GTIDs; and run again it
// ends the same.
func TestEraseCutAnywhere(t *testing.T) {
	s := filled(t)
	n := nodetest.Open(t, servers, s)
	for k := 0; ; k++ {
		raise(t, nodetest.Claim(t, servers, s))
		c, cut := nodetest.CutBefore(t, s, n, nodetest.Options(t, servers, s), k)
		_, err := erasure.Erase(t.Context(), c, erasure.Options{})
		if !cut() {
			require.NoError(t, err)
			require.GreaterOrEqual(t, k, 7+len(allSchemas))
			break
		}
		require.ErrorIs(t, err, node.ErrClaimLost, "cut at %d", k)
		gtids, schemas := nodetest.String(t, s, "SELECT @@global.gtid_executed"), nodetest.String(t, s, userSchemas)
		if gtids != "" {
			require.Equal(t, strings.Join(allSchemas, "|"), schemas, "cut at %d: data gone, GTIDs claimed", k)
		}
		status, err := fence.State(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, fence.Ours, status.Owner)
		require.Equal(t, "ON", nodetest.String(t, s, "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = 'super_read_only'"))

		_, err = erasure.Erase(t.Context(), nodetest.Claim(t, servers, s), erasure.Options{})
		require.NoError(t, err, "again after a cut at %d", k)
		requireErased(t, s)
		refill(t, s)
	}
}

func TestSessionsThatHoldLocksDoNotStopTheErase(t *testing.T) {
	s := filled(t)
	raise(t, nodetest.Claim(t, servers, s))
	root, err := s.DB()
	require.NoError(t, err)
	for _, statement := range []string{"SELECT * FROM parents.p", "LOCK INSTANCE FOR BACKUP"} {
		conn, err := root.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.ExecContext(t.Context(), "START TRANSACTION")
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	// Another connection of the admin's own account reads what is to be dropped.
	own, err := nodetest.Open(t, servers, s).DB().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var id int
	require.NoError(t, own.QueryRowContext(t.Context(), "SELECT id FROM children.c").Scan(&id))

	d, err := erasure.Erase(t.Context(), nodetest.Claim(t, servers, s), erasure.Options{LockWaitSeconds: 1})
	require.NoError(t, err)
	require.Len(t, d.Ended, 3)
	requireErased(t, s)
	require.Error(t, own.QueryRowContext(t.Context(), "SELECT 1").Scan(&id))
}

// A prepared XA transaction holds its locks without a session, so that nobody can be ended. It may be the primary's, which is about to commit it.
func TestPreparedTransactionsDoNotStopTheErase(t *testing.T) {
	s := filled(t)
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "XA START 'a b','q''z',77", "INSERT INTO parents.p VALUES (2)",
		"XA END 'a b','q''z',77", "XA PREPARE 'a b','q''z',77", "XA START 'plain'", "INSERT INTO parents.p VALUES (3)", "XA END 'plain'", "XA PREPARE 'plain'")
	c := nodetest.Claim(t, servers, s)
	raise(t, c)

	// Whoever may not see them is told what to grant, with the node erased no further.
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "REVOKE XA_RECOVER_ADMIN ON *.* FROM resync_admin", "SET GLOBAL super_read_only = ON")
	_, err := erasure.Erase(t.Context(), c, erasure.Options{LockWaitSeconds: 1})
	require.ErrorContains(t, err, "XA_RECOVER_ADMIN")
	require.Equal(t, "1", nodetest.String(t, s, "SELECT @@global.super_read_only"))
	require.Empty(t, nodetest.String(t, s, "SELECT @@global.gtid_executed"))
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "GRANT XA_RECOVER_ADMIN ON *.* TO resync_admin", "SET GLOBAL super_read_only = ON")

	_, err = erasure.Erase(t.Context(), c, erasure.Options{LockWaitSeconds: 1})
	require.NoError(t, err)
	requireErased(t, s)
}

// A file that is not MySQL's stops the drop of its schema; once it is moved away, the erase goes on where it stood.
func TestAForeignFileInASchemasDirectory(t *testing.T) {
	s := filled(t)
	foreign := filepath.Join(s.DataDir(), "nothing_in_it", "notes.txt")
	require.NoError(t, os.WriteFile(foreign, []byte("mine"), 0o600))
	c := nodetest.Claim(t, servers, s)
	raise(t, c)
	d, err := erasure.Erase(t.Context(), c, erasure.Options{})
	var files *erasure.ForeignFilesError
	require.ErrorAs(t, err, &files)
	require.Equal(t, "nothing_in_it", files.Schema)
	require.Len(t, d.Schemas, 1)
	require.Empty(t, nodetest.String(t, s, "SELECT @@global.gtid_executed"))
	require.Equal(t, "1", nodetest.String(t, s, "SELECT @@global.super_read_only"))

	require.NoError(t, os.Remove(foreign))
	d, err = erasure.Erase(t.Context(), c, erasure.Options{})
	require.NoError(t, err)
	require.Len(t, d.Schemas, len(allSchemas)-1)
	requireErased(t, s)
}
