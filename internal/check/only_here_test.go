package check_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// locally runs statements on a secondary outside its binary log, as root.
func (l *pathLab) locally(t *testing.T, name string, statements ...string) {
	t.Helper()
	all := append([]string{"SET SESSION sql_log_bin = 0", "SET GLOBAL super_read_only = OFF"}, statements...)
	require.NoError(t, l.Node(name).Exec(t.Context(), append(all, "SET GLOBAL super_read_only = ON")...))
}

func (l *pathLab) compared(t *testing.T) *check.Observations {
	t.Helper()
	o := l.observe(t)
	require.NoError(t, o.PreviewAll(t.Context(), l.opened))
	require.NoError(t, o.CompareAll(t.Context(), l.opened))
	return o
}

// unsized are the objects without their sizes, which are the server's.
func unsized(objects []contract.OnlyHere) []contract.OnlyHere {
	all := make([]contract.OnlyHere, len(objects))
	for i, object := range objects {
		object.Bytes = 0
		all[i] = object
	}
	return all
}

func TestWhatOnlyOneNodeHasIsShown(t *testing.T) {
	l := newPathLab(t)
	require.NoError(t, l.Primary().Exec(t.Context(), "CREATE TABLE app.log (id INT PRIMARY KEY, v TEXT, KEY slow (v(10)))", "CREATE EVENT app.nightly ON SCHEDULE EVERY 1 DAY DO DO 1",
		"CREATE USER reader IDENTIFIED BY 'r'", "GRANT SELECT ON app.* TO reader", "CREATE VIEW app.seen AS SELECT id FROM app.log",
		"CREATE TABLE app.gone (id INT)", "CREATE VIEW app.broken AS SELECT id FROM app.gone", "DROP TABLE app.gone",
		"CREATE PROCEDURE app.same(IN a INT) SELECT 1", "CREATE FUNCTION app.same(a INT) RETURNS INT DETERMINISTIC RETURN a",
		"CREATE TRIGGER app.fires BEFORE INSERT ON app.log FOR EACH ROW SET NEW.v = 'a'"))
	for _, s := range l.Secondaries() {
		require.NoError(t, s.WaitFor(t.Context(), l.Primary()))
	}
	o := l.compared(t)
	for _, name := range []string{"db2", "db3"} {
		loss := o.Loss(name)
		require.Empty(t, loss.OnlyHere, name)
		require.True(t, loss.None())
		require.True(t, loss.Rescuable())
		require.False(t, loss.SeenAt.IsZero())
	}

	l.locally(t, "db2", "CREATE DATABASE mine", "CREATE TABLE mine.a (id INT PRIMARY KEY)", "INSERT INTO mine.a VALUES (1)", "CREATE DATABASE hollow",
		"CREATE TABLE app.old (id INT) ENGINE=MyISAM", "INSERT INTO app.old VALUES (1)",
		"ALTER TABLE app.log ADD COLUMN note TEXT, MODIFY v VARCHAR(20)", "ALTER TABLE app.t ENGINE=MyISAM",
		"CREATE INDEX quick ON app.log (v)", "ALTER TABLE app.log DROP INDEX slow, ADD INDEX slow (v DESC)", "CREATE INDEX of_its_own ON app.old (id)",
		"CREATE USER stray IDENTIFIED BY 's'", "GRANT INSERT ON app.log TO reader", "ALTER USER reader IDENTIFIED BY 'q' ACCOUNT LOCK",
		"CREATE EVENT app.stray ON SCHEDULE EVERY 1 DAY DO DO 1", "ALTER EVENT app.nightly ON SCHEDULE EVERY 2 DAY DISABLE",
		"CREATE VIEW app.own AS SELECT 1 AS a", "ALTER VIEW app.seen AS SELECT id + 1 AS id FROM app.log", "CREATE PROCEDURE app.own() SELECT 1",
		"DROP PROCEDURE app.same", "CREATE PROCEDURE app.same(IN a BIGINT) SELECT 1", "CREATE FUNCTION app.own() RETURNS INT DETERMINISTIC RETURN 1",
		"CREATE TRIGGER app.own AFTER INSERT ON app.log FOR EACH ROW SET @a = 1",
		"DROP TRIGGER app.fires", "CREATE TRIGGER app.fires BEFORE INSERT ON app.log FOR EACH ROW SET NEW.v = 'b'",
		"INSTALL COMPONENT 'file://component_validate_password'",
		"CREATE FUNCTION service_get_read_locks RETURNS INTEGER SONAME 'locking_service.so'", "INSTALL PLUGIN mysql_no_login SONAME 'mysql_no_login.so'")
	o = l.compared(t)
	loss := o.Loss("db2")
	require.Equal(t, []contract.OnlyHere{
		{Kind: contract.ObjectSchema, Name: "hollow"},
		{Kind: contract.ObjectSchema, Name: "mine"},
		{Kind: contract.ObjectTable, Name: "app.old"},
		{Kind: contract.ObjectTable, Name: "app.log", Differs: "columns only here: note; columns of another kind or place: v"},
		{Kind: contract.ObjectTable, Name: "app.t", Differs: "its engine is MyISAM, the primary's InnoDB"},
		{Kind: contract.ObjectIndex, Name: "app.log.quick"},
		{Kind: contract.ObjectIndex, Name: "app.log.slow", Differs: "its definition differs"},
		{Kind: contract.ObjectAccount, Name: "'reader'@'%'", Differs: "its options differ; its password was set here and not by the primary; its privileges differ"},
		{Kind: contract.ObjectAccount, Name: "'stray'@'%'"},
		{Kind: contract.ObjectEvent, Name: "app.nightly", Differs: "its definition differs"},
		{Kind: contract.ObjectEvent, Name: "app.stray"},
		{Kind: contract.ObjectView, Name: "app.own"},
		{Kind: contract.ObjectView, Name: "app.seen", Differs: "its definition differs"},
		{Kind: contract.ObjectProcedure, Name: "app.own"},
		{Kind: contract.ObjectProcedure, Name: "app.same", Differs: "its definition differs"},
		{Kind: contract.ObjectFunction, Name: "app.own"},
		{Kind: contract.ObjectFunction, Name: "service_get_read_locks"},
		{Kind: contract.ObjectTrigger, Name: "app.fires", Differs: "its definition differs"},
		{Kind: contract.ObjectTrigger, Name: "app.own"},
		{Kind: contract.ObjectComponent, Name: "file://component_validate_password"},
		{Kind: contract.ObjectPlugin, Name: "mysql_no_login"},
	}, unsized(loss.OnlyHere))
	require.Equal(t, 21, loss.OnlyHereInAll)
	require.Positive(t, loss.OnlyHere[1].Bytes)
	require.Positive(t, loss.OnlyHere[2].Bytes)
	require.Len(t, loss.Data(), 5)
	require.False(t, loss.None())
	require.False(t, loss.Rescuable(), "no binary log has it")
	require.Empty(t, loss.Unknown)
	require.Empty(t, o.Loss("db3").OnlyHere)
	require.NotContains(t, fmt.Sprintf("%+v", o.Belongings), "$A$", "no hash of a password")

	for writes, verdict := range map[contract.UnreplicatedWrites]contract.Verdict{
		contract.UnreplicatedRefuse: contract.VerdictFail, contract.UnreplicatedRescue: contract.VerdictFail, contract.UnreplicatedDiscard: contract.VerdictWarn,
	} {
		o.Request.UnreplicatedWrites = writes
		f := finding(t, o, "data-without-gtids", "db2")
		require.Equal(t, verdict, f.Verdict, writes)
		require.Contains(t, f.Observed, "schema mine (")
		require.Contains(t, f.Observed, "table app.old (")
	}
}

// TestADroppedTableIsNoLossOnceItIsCaughtUp: what the primary has dropped is still on a node that is behind, and nobody can tell it from the node's own.
func TestADroppedTableIsNoLossOnceItIsCaughtUp(t *testing.T) {
	l := newPathLab(t)
	require.NoError(t, l.Node("db2").Exec(t.Context(), "STOP REPLICA SQL_THREAD"))
	require.NoError(t, l.Primary().Exec(t.Context(), "CREATE TABLE app.staging (id INT PRIMARY KEY)"))
	require.NoError(t, l.Node("db3").WaitFor(t.Context(), l.Primary()))
	require.NoError(t, l.Node("db3").Exec(t.Context(), "STOP REPLICA SQL_THREAD"))
	require.NoError(t, l.Primary().Exec(t.Context(), "DROP TABLE app.staging", "ALTER TABLE app.t ADD COLUMN v INT"))
	l.locally(t, "db2", "CREATE TABLE app.own (id INT PRIMARY KEY)")

	o := l.compared(t)
	const differs = "columns not here: v"
	require.Contains(t, unsized(o.Loss("db2").OnlyHere), contract.OnlyHere{Kind: contract.ObjectTable, Name: "app.own", Behind: true})
	require.Contains(t, unsized(o.Loss("db3").OnlyHere), contract.OnlyHere{Kind: contract.ObjectTable, Name: "app.staging", Behind: true})
	require.Contains(t, o.Loss("db3").OnlyHere, contract.OnlyHere{Kind: contract.ObjectTable, Name: "app.t", Behind: true, Differs: differs})
	require.Len(t, o.Loss("db3").Data(), 1, "a change that has not arrived is no loss; a table that may be the node's own is one until it is known")
	require.Contains(t, finding(t, o, "data-without-gtids", "db3").Observed, "app.staging")

	for _, s := range l.Secondaries() {
		require.NoError(t, s.Exec(t.Context(), "START REPLICA SQL_THREAD"))
	}
	o = l.compared(t)
	require.Empty(t, o.Loss("db3").Data())
	require.Equal(t, []contract.OnlyHere{{Kind: contract.ObjectTable, Name: "app.own"}}, unsized(o.Loss("db2").Data()))
}

// TestTablesThatComeAndGoAreNobodysLoss: a job that makes, fills and drops a table all the time, as many do, or a view, or an account.
func TestTablesThatComeAndGoAreNobodysLoss(t *testing.T) {
	l := newPathLab(t)
	ctx, stop := context.WithCancel(t.Context())
	rounds := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			if l.Primary().Exec(context.WithoutCancel(ctx), "CREATE TABLE app.staging (id INT PRIMARY KEY)", "INSERT INTO app.staging VALUES (1)", "DROP TABLE app.staging",
				"CREATE INDEX passing ON app.t (id)", "DROP INDEX passing ON app.t",
				"CREATE VIEW app.passing AS SELECT 1 AS a", "DROP VIEW app.passing", "CREATE USER passing", "DROP USER passing") == nil {
				n++
			}
		}
		rounds <- n
	}()
	for range 5 {
		o := l.compared(t)
		for _, name := range []string{"db2", "db3"} {
			require.Empty(t, o.Loss(name).OnlyHere, name)
			require.Empty(t, o.Belongings[name].Problem)
		}
	}
	stop()
	require.Positive(t, <-rounds)
}

// TestWhatErrantTransactionsMadeIsInTheirLog: a rescue keeps it, so it does not stand in a rescue's way.
func TestWhatErrantTransactionsMadeIsInTheirLog(t *testing.T) {
	l := newPathLab(t)
	require.NoError(t, l.Primary().Exec(t.Context(), "CREATE TABLE app.log (id INT PRIMARY KEY)"))
	require.NoError(t, l.Node("db2").WaitFor(t.Context(), l.Primary()))
	require.NoError(t, l.Node("db2").Exec(t.Context(), "SET GLOBAL super_read_only = OFF", "CREATE DATABASE IF NOT EXISTS mine", "USE mine", "CREATE TABLE a (id INT PRIMARY KEY)",
		"INSERT INTO mine.a VALUES (1)", "ALTER TABLE `app`.log ADD COLUMN note TEXT", "RENAME TABLE app.t TO app.`t 2`", "SET GLOBAL super_read_only = ON"))
	o := l.compared(t)
	loss := o.Loss("db2")
	require.Equal(t, []contract.OnlyHere{
		{Kind: contract.ObjectSchema, Name: "mine", Logged: true},
		{Kind: contract.ObjectTable, Name: "mine.a", Logged: true},
		{Kind: contract.ObjectTable, Name: "app.t 2", Logged: true},
		{Kind: contract.ObjectTable, Name: "app.log", Differs: "columns only here: note", Logged: true},
	}, unsized(loss.Data()))
	require.True(t, loss.Rescuable())
	require.Empty(t, loss.Unlogged())

	l.locally(t, "db2", "CREATE TABLE mine.b (id INT PRIMARY KEY)")
	loss = l.compared(t).Loss("db2")
	require.Equal(t, []contract.OnlyHere{{Kind: contract.ObjectTable, Name: "mine.b"}}, loss.Unlogged())
	require.False(t, loss.Rescuable())

	// Both are logged alike; one made its table.
	require.NoError(t, l.Node("db2").Exec(t.Context(), "SET GLOBAL super_read_only = OFF", "DO SLEEP(1.1)", "CREATE TABLE IF NOT EXISTS mine.b (id INT PRIMARY KEY)",
		"CREATE TABLE IF NOT EXISTS mine.e (id INT PRIMARY KEY)", "SET GLOBAL super_read_only = ON"))
	require.Equal(t, []contract.OnlyHere{{Kind: contract.ObjectTable, Name: "mine.b"}}, unsized(l.compared(t).Loss("db2").Unlogged()))

	// The log has the new name and none of the rows.
	require.NoError(t, l.Node("db2").Exec(t.Context(), "SET GLOBAL super_read_only = OFF", "RENAME TABLE mine.b TO mine.c", "SET GLOBAL super_read_only = ON"))
	loss = l.compared(t).Loss("db2")
	require.Equal(t, []contract.OnlyHere{{Kind: contract.ObjectTable, Name: "mine.c"}}, loss.Unlogged())
	require.False(t, loss.Rescuable())
}

// TestWhatIsMerelyShownNeedsNoConsent: accounts, events, views, routines, triggers and plugins hold no data.
func TestWhatIsMerelyShownNeedsNoConsent(t *testing.T) {
	l := newPathLab(t)
	l.locally(t, "db2", "CREATE USER stray IDENTIFIED BY 's'", "CREATE EVENT app.stray ON SCHEDULE EVERY 1 DAY DO DO 1",
		"CREATE VIEW app.stray AS SELECT 1 AS a")
	o := l.compared(t)
	loss := o.Loss("db2")
	require.Len(t, loss.OnlyHere, 3)
	require.True(t, loss.None() && loss.Rescuable())
	for _, f := range check.Judge(o) {
		require.False(t, f.Code == "data-without-gtids" && f.Verdict != contract.VerdictPass, "%+v", f)
	}
}
