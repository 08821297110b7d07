package rescue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/archive"
	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/rescue"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/mysqldist"
)

// tables is the state that all servers begin with.
var tables = []string{
	"CREATE DATABASE app",
	"CREATE DATABASE `кассa €` CHARACTER SET utf8mb4",
	`CREATE TABLE app.wide (id BIGINT UNSIGNED PRIMARY KEY, i8 TINYINT, i24 MEDIUMINT UNSIGNED, big BIGINT UNSIGNED, d DECIMAL(30,10), f DOUBLE, bits BIT(11),
		ts TIMESTAMP(6) NULL, dt DATETIME(3), t TIME(2), y YEAR, da DATE, e ENUM('a','b'), s SET('x','y','z'), c CHAR(9), v VARCHAR(300) CHARACTER SET latin1,
		b BLOB, vb VARBINARY(20), txt MEDIUMTEXT, j JSON, g GEOMETRY, gen INT AS (i8 + 1) STORED, vir INT AS (i8 * 2))`,
	"CREATE TABLE app.nokey (a INT, b VARCHAR(10))",
	"CREATE TABLE app.busy (id INT PRIMARY KEY AUTO_INCREMENT, x INT)",
	"CREATE TABLE `кассa €`.`tëst ``q`` 表` (`ключ` INT PRIMARY KEY, `π` VARCHAR(40))",
	"INSERT INTO app.wide (id, i8, j) VALUES (1, 1, '{\"a\": [1, 2, {\"b\": null}]}'), (2, 2, NULL), (3, 3, '[]')",
	"INSERT INTO app.nokey VALUES (1, 'one'), (1, 'one'), (2, NULL)",
	"INSERT INTO `кассa €`.`tëst ``q`` 表` VALUES (1, 'п')",
}

// errantWrites are what one session does on a secondary. Comments say what each stands for.
var errantWrites = []string{
	`INSERT INTO app.wide (id, i8, i24, big, d, f, bits, ts, dt, t, y, da, e, s, c, v, b, vb, txt, j, g) VALUES
		(18446744073709551615, -128, 16777215, 18446744073709551615, -12345678901234567890.0123456789, 1e300, b'10101010101', '2020-02-29 23:59:59.123456',
		 '1000-01-01 00:00:00.5', '-838:59:58.99', 1901, '9999-12-31', 'b', 'x,z', 'ch', 'caf\xE9', 0x00FF27225C0A, 0x00, REPEAT('long text é ', 5000),
		 '{"k": "v", "n": 1.5, "t": true, "deep": {"x": [1, "2", null]}}', ST_GeomFromText('POINT(1 2)')),
		(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
	"UPDATE app.wide SET j = JSON_SET(j, '$.a[0]', 'changed'), txt = 'it''s \\\\ \"quoted\"; -- no end\n/*' WHERE id = 1",
	"UPDATE app.wide SET i8 = NULL WHERE id IN (2, 3)",
	"DELETE FROM app.wide WHERE id = 2",
	// A table without a key: one of two rows that are equal.
	"DELETE FROM app.nokey WHERE b = 'one' LIMIT 1",
	"UPDATE app.nokey SET b = 'two' WHERE a = 2",
	"INSERT INTO `кассa €`.`tëst ``q`` 表` VALUES (2, '表 🛒'), (3, NULL)",
	// DDL, with what must not get into the preview.
	"CREATE TABLE app.made (id INT PRIMARY KEY, v VARCHAR(20) DEFAULT 'dflt-secret' COMMENT 'comment-secret')",
	"ALTER TABLE app.nokey ADD COLUMN added INT DEFAULT 7",
	"CREATE USER 'eve'@'localhost' IDENTIFIED BY 'password-secret'",
	"CREATE PROCEDURE app.p() INSERT INTO app.made VALUES (99, 'body-secret')",
	// Several statements, a savepoint that is given up, and a statement that changes nothing.
	"BEGIN", "INSERT INTO app.made (id) VALUES (1), (2), (3)", "SAVEPOINT s", "DELETE FROM app.made", "ROLLBACK TO s",
	"UPDATE app.made SET v = 'x' WHERE id = 100", "UPDATE app.made SET v = 'row-secret' WHERE id = 2", "COMMIT",
	"CREATE TABLE app.filled (PRIMARY KEY (id)) SELECT id, v FROM app.made",
	// Compressed, with more rows than one event holds.
	"SET SESSION binlog_transaction_compression = ON",
	"INSERT INTO app.made WITH RECURSIVE n AS (SELECT 1000 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1999) SELECT i, REPEAT('z', 20) FROM n",
	"DELETE FROM app.made WHERE id >= 1990",
	"SET SESSION binlog_transaction_compression = OFF",
	// JSON in part.
	"SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
	"UPDATE app.wide SET j = JSON_SET(j, '$.n', 2) WHERE id = 18446744073709551615",
	"SET SESSION binlog_row_value_options = ''",
	// As text.
	"SET SESSION binlog_format = STATEMENT",
	"INSERT INTO app.made (id, v) VALUES (500, 'statement-secret'), (501, 4111)",
	"SELECT 502, 'load-secret' INTO OUTFILE './loaded.csv'", "LOAD DATA INFILE './loaded.csv' INTO TABLE app.made",
	"SET SESSION binlog_format = ROW",
	// XA: one committed, one given up.
	"XA START 'keep'", "INSERT INTO app.made (id) VALUES (600)", "XA END 'keep'", "XA PREPARE 'keep'", "XA COMMIT 'keep'",
	"XA START 'drop'", "INSERT INTO app.made (id) VALUES (601)", "XA END 'drop'", "XA PREPARE 'drop'", "XA ROLLBACK 'drop'",
	"XA START 'once'", "INSERT INTO app.made (id) VALUES (602)", "XA END 'once'", "XA COMMIT 'once' ONE PHASE",
	// No rows.
	"SET gtid_next = 'AUTOMATIC'", "CREATE DATABASE none", "DROP DATABASE none",
}

func TestPreviewRescueAndReplay(t *testing.T) {
	primary, secondary, scratch := servers.Primary(), servers.Nodes[1], servers.Nodes[2]
	nodetest.Exec(t, primary, tables...)
	require.NoError(t, secondary.WaitFor(t.Context(), primary))

	stop := busy(t, primary)
	nodetest.Exec(t, secondary, append([]string{"SET GLOBAL super_read_only = OFF", "SET GLOBAL binlog_row_metadata = FULL"}, errantWrites...)...)
	made := [3]int64{3 + 1000 + 2 + 1, 1, 10} // of the transaction, compressed, under XA, at last
	if tags := nodetest.String(t, secondary, "SELECT VERSION() NOT LIKE '8.0.%'"); tags == "1" {
		// One that only the node has, and one among what both have.
		made[0]++
		nodetest.Exec(t, primary, "SET gtid_next = 'AUTOMATIC:both'", "INSERT INTO app.busy (x) VALUES (-1)")
		nodetest.Exec(t, secondary, "SET gtid_next = 'AUTOMATIC:mine'", "INSERT INTO app.made (id) VALUES (700)")
		require.NoError(t, secondary.WaitFor(t.Context(), primary))
	}
	// Old files are read through, and the format changes in the middle.
	nodetest.Exec(t, secondary, "FLUSH BINARY LOGS", "SET GLOBAL binlog_checksum = NONE", "INSERT INTO app.made (id) VALUES (800)", "FLUSH BINARY LOGS")
	errant := errantOf(t, secondary)

	opened := nodetest.Open(t, servers, secondary)
	preview, err := binlog.Preview(t.Context(), opened, errant, binlog.Limits{})
	require.NoError(t, err)
	require.Empty(t, preview.Unreadable)
	require.Equal(t, "the file of a LOAD DATA that was logged as a statement is not looked into (1 times)", preview.Partial)
	got := map[string][3]int64{}
	for _, c := range preview.Tables {
		got[c.Schema+"."+c.Table] = [3]int64{c.Inserted, c.Updated, c.Deleted}
	}
	want := map[string][3]int64{
		"app.wide": {2, 4, 1}, "app.nokey": {0, 1, 1}, "кассa €.tëst `q` 表": {2, 0, 0},
		"app.made": made, "app.filled": {3, 0, 0},
	}
	assert.Equal(t, want, got)
	statements := strings.Join(preview.Statements, "\n")
	assert.Contains(t, statements, "CREATE TABLE app.made (id INT PRIMARY KEY, v VARCHAR(20) DEFAULT '...' COMMENT '...')")
	assert.Contains(t, statements, "ALTER TABLE app.nokey ADD COLUMN added INT DEFAULT 7")
	assert.Contains(t, statements, "CREATE USER 'eve'@'localhost' IDENTIFIED WITH '...' AS '...'")
	assert.Contains(t, statements, "INSERT INTO app.made (id, v) VALUES (?, '...'), (?, ?)")
	assert.Contains(t, statements, "LOAD DATA INFILE '...' INTO TABLE `app`.`made`")
	assert.Contains(t, statements, "DROP DATABASE none")
	encoded, err := json.Marshal(preview)
	require.NoError(t, err)
	for _, secret := range []string{"secret", "$A$", "4111", "long text"} {
		assert.NotContains(t, string(encoded), secret)
	}

	folder := t.TempDir()
	store, err := archive.OpenFolder(folder)
	require.NoError(t, err)
	var last rescue.Progress
	job := jobFor(t, secondary, errant)
	kept, err := rescue.Write(t.Context(), store, opened, job, func(p rescue.Progress) { last = p })
	require.NoError(t, err)
	assert.Equal(t, rescue.Verifying, last.Phase)
	assert.Equal(t, last.Wanted, last.Transactions)
	assert.Equal(t, node.CleanGTIDSet(errant), kept.GTIDs)
	require.NoError(t, rescue.Verify(t.Context(), store, kept, nil))
	again, err := rescue.Write(t.Context(), store, opened, job, nil)
	require.NoError(t, err)
	assert.Equal(t, kept, again, "a second attempt finds the first one's entry")
	stop()

	// Scratch becomes a copy of the primary that nobody feeds any more, and the secondary has the same and its own writes.
	require.NoError(t, secondary.WaitFor(t.Context(), primary))
	require.NoError(t, scratch.WaitFor(t.Context(), primary))
	nodetest.Exec(t, scratch, "STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF")
	before := state(t, scratch)
	assert.Equal(t, state(t, primary), before)
	wanted := state(t, secondary)
	require.NotEqual(t, wanted, before, "a comparison that cannot fail")

	manifest := readManifest(t, kept)
	replay(t, kept.Where, manifest, scratch)
	assert.Equal(t, wanted, state(t, scratch))
	assert.Equal(t, "0", nodetest.String(t, scratch, "SELECT GTID_SUBSET(?, @@global.gtid_executed)", errant), "they are new transactions")
	assert.Equal(t, got["app.made"], counted(manifest, "app", "made"))
	require.Len(t, manifest.Files, 3, "the text, and a file of events for each format")
	assert.Contains(t, run(t, kept.Where, programs(t), manifest.Look...), "### INSERT INTO `app`.`made`", "mysqlbinlog reads every checksum")

	// The text has the names of columns, the values, and who wrote them.
	text, err := os.ReadFile(filepath.Join(kept.Where, "changes.jsonl"))
	require.NoError(t, err)
	lines := map[string]int{}
	var biggest map[string]any
	for line := range strings.Lines(string(text)) {
		var one struct {
			GTID, Schema, Table, Change, NotDecoded string
			Row                                     map[string]any
		}
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&one), line)
		require.NotEmpty(t, one.GTID)
		lines[one.Schema+"."+one.Table+" "+one.Change]++
		if id, is := one.Row["id"].(json.Number); is && id == "18446744073709551615" {
			biggest = one.Row
		}
	}
	assert.Equal(t, 1008, lines["app.made insert"], "the one that XA rolled back too")
	assert.Equal(t, 4, lines["app.wide update"])
	base64 := func(s string) any { return map[string]any{"base64": s} }
	for column, value := range map[string]any{
		"i8": json.Number("-128"), "i24": json.Number("16777215"), "big": json.Number("18446744073709551615"), "d": "-12345678901234567890.0123456789",
		"bits": json.Number("1365"), "ts": "2020-02-29 23:59:59.123456", "dt": "1000-01-01 00:00:00.500", "y": json.Number("1901"), "da": "9999-12-31", "e": "b",
		"c": "ch", "b": base64("AP8nIlwK"), "vb": base64("AA=="), "txt": strings.Repeat("long text é ", 5000),
		"j": map[string]any{"k": "v", "n": json.Number("1.5"), "t": true, "deep": map[string]any{"x": []any{json.Number("1"), "2", nil}}},
	} {
		assert.Equal(t, value, biggest[column], column)
	}
}

func counted(m rescue.Manifest, schema, table string) [3]int64 {
	for _, c := range m.Tables {
		if c.Schema == schema && c.Table == table {
			return [3]int64{c.Inserted, c.Updated, c.Deleted}
		}
	}
	return [3]int64{}
}

// busy writes to the primary until it is told to stop.
func busy(t *testing.T, primary *sandbox.Node) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			if err := primary.Exec(context.WithoutCancel(ctx), fmt.Sprintf("INSERT INTO app.busy (x) VALUES (%d)", i), "UPDATE app.busy SET x = x + 1 ORDER BY id DESC LIMIT 5"); err != nil || ctx.Err() != nil {
				done <- err
				return
			}
		}
	}()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	return stop
}

func errantOf(t *testing.T, secondary *sandbox.Node) string {
	t.Helper()
	// The primary's set is read last: what it has by then is not errant.
	executed := nodetest.String(t, secondary, "SELECT @@global.gtid_executed")
	return nodetest.String(t, servers.Primary(), "SELECT GTID_SUBTRACT(?, @@global.gtid_executed)", executed)
}

func jobFor(t *testing.T, secondary *sandbox.Node, errant string) rescue.Job {
	t.Helper()
	return rescue.Job{
		Cluster: servers.Name, Run: "run/" + t.Name(), Node: secondary.Name, NodeUUID: nodetest.UUID(t, secondary),
		Primary: servers.Primary().Name, PrimaryUUID: nodetest.UUID(t, servers.Primary()), Errant: errant,
	}
}

// state is every definition and every row's checksum.
func state(t *testing.T, n *sandbox.Node) string {
	t.Helper()
	db, err := n.DB()
	require.NoError(t, err)
	rows, err := db.Query(`SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES
		WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') ORDER BY 1, 2`)
	require.NoError(t, err)
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var schema, table, name, create, checksum string
		require.NoError(t, rows.Scan(&schema, &table))
		quoted := node.Quote(schema) + "." + node.Quote(table)
		require.NoError(t, db.QueryRow("SHOW CREATE TABLE "+quoted).Scan(&name, &create))
		require.NoError(t, db.QueryRow("CHECKSUM TABLE "+quoted).Scan(&name, &checksum))
		fmt.Fprintf(&all, "%s %s\n%s\n", quoted, checksum, create)
	}
	require.NoError(t, rows.Err())
	all.WriteString(nodetest.String(t, n, "SELECT GROUP_CONCAT(User, '@', Host, ' ', HEX(authentication_string) ORDER BY User, Host SEPARATOR '\n') FROM mysql.user"))
	all.WriteString(nodetest.String(t, n, "SELECT GROUP_CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME, ROUTINE_DEFINITION) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'app'"))
	return all.String()
}

func readManifest(t *testing.T, kept rescue.Kept) rescue.Manifest {
	t.Helper()
	encoded, err := os.ReadFile(filepath.Join(kept.Where, "manifest.json"))
	require.NoError(t, err)
	var m rescue.Manifest
	require.NoError(t, json.Unmarshal(encoded, &m))
	return m
}

// replay does what the manifest says, with MySQL's own programs, as an account that has what the manifest says it needs.
func replay(t *testing.T, where string, m rescue.Manifest, to *sandbox.Node) {
	t.Helper()
	nodetest.Exec(t, to, "SET SESSION sql_log_bin = 0", "CREATE USER replayer IDENTIFIED BY 'replaypw'",
		"GRANT REPLICATION_APPLIER, SESSION_VARIABLES_ADMIN, SET_ANY_DEFINER, SYSTEM_USER ON *.* TO replayer",
		"GRANT ALL ON app.* TO replayer", "GRANT ALL ON `кассa €`.* TO replayer", "GRANT CREATE, DROP ON none.* TO replayer", "GRANT CREATE USER ON *.* TO replayer",
		"SET GLOBAL local_infile = ON")
	private := t.TempDir()
	host, port, _ := strings.Cut(to.Address(), ":")
	options := filepath.Join(private, "client.cnf")
	require.NoError(t, os.WriteFile(options, []byte("[client]\nhost="+host+"\nport="+port+"\nuser=replayer\npassword=replaypw\n"), 0o600))
	run(t, where, append([]string{"CLIENT_CNF=" + options, "REPLAY_SQL=" + filepath.Join(private, "replay.sql"), "LOAD_DIR=" + t.TempDir()}, programs(t)...), m.Replay.Commands...)
	nodetest.Exec(t, to, "SET SESSION sql_log_bin = 0", "DROP USER replayer")
}

// programs puts MySQL's own first on the PATH.
func programs(t *testing.T) []string {
	t.Helper()
	distribution, err := mysqldist.Find(t.Context(), nil)
	require.NoError(t, err)
	bin := t.TempDir()
	for _, name := range []string{"mysqlbinlog", "mysql"} {
		command, err := distribution.ClientCommand(name)
		require.NoError(t, err)
		script := "#!/bin/sh\nexec '" + strings.Join(command, "' '") + "' \"$@\"\n"
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700))
	}
	return []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + bin}
}

func run(t *testing.T, where string, environment []string, commands ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "-e", "-c", strings.Join(commands, "\n"))
	command.Dir, command.Env = where, environment
	var output, failure bytes.Buffer
	command.Stdout, command.Stderr = &output, &failure
	require.NoError(t, command.Run(), failure.String())
	return output.String()
}
