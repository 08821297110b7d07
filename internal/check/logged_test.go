package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestWhatStatementsMade(t *testing.T) {
	made := contract.OnlyHere{Kind: contract.ObjectTable, Name: "app.a"}
	differs := contract.OnlyHere{Kind: contract.ObjectTable, Name: "app.a", Differs: "its columns differ"}
	schema := contract.OnlyHere{Kind: contract.ObjectSchema, Name: "app"}
	event := contract.OnlyHere{Kind: contract.ObjectEvent, Name: "app.a"}
	for _, c := range []struct {
		statement string
		object    contract.OnlyHere
		logged    bool
	}{
		{"CREATE TABLE app.a (id INT)", made, true},
		{"create  table `app` . `a` (id INT)", made, true},
		{"USE `app`; CREATE TABLE a (id INT)", made, true},
		{"USE `other`; CREATE TABLE a (id INT)", made, false},
		{"USE `other`; CREATE TABLE app.a LIKE b", made, true},
		{"CREATE TABLE IF NOT EXISTS app.a (id INT)", made, false},
		{"CREATE TABLE app.ab (id INT)", made, false},
		{"ALTER TABLE app.a ADD COLUMN b INT", made, false},
		{"ALTER TABLE app.a ADD COLUMN b INT", differs, true},
		{"CREATE TABLE app.a (id INT)", differs, true},
		{"DROP TABLE app.a", differs, false},
		{"RENAME TABLE app.x TO app.y, app.z TO app.a", made, true},
		{"RENAME TABLE app.a TO app.b", made, false},
		{"USE `app`; RENAME TABLE x TO a", made, true},
		{"CREATE DATABASE app", schema, true},
		{"CREATE SCHEMA IF NOT EXISTS `app` CHARSET utf8mb4", schema, true},
		{"DROP DATABASE app", schema, false},
		{"CREATE EVENT app.a ON SCHEDULE EVERY 1 DAY DO DO 1", event, false},
		{"INSERT INTO app.b VALUES ('...') /* CREATE TABLE app.a */", made, false},
	} {
		objects := []contract.OnlyHere{c.object}
		markLogged(objects, &contract.LossPreview{Statements: []string{c.statement}})
		require.Equal(t, c.logged, objects[0].Logged, "%s: %+v", c.statement, c.object)
		markLogged(objects[:1:1], nil)
	}
	objects := []contract.OnlyHere{{Kind: contract.ObjectTable, Name: "a`b.c"}, made}
	markLogged(objects, &contract.LossPreview{Statements: []string{"USE `a``b`; CREATE TABLE c (id INT)"}})
	require.True(t, objects[0].Logged)
	require.False(t, objects[1].Logged)
	markLogged(objects[1:], &contract.LossPreview{Unreadable: "purged", Statements: []string{"CREATE TABLE app.a (id INT)"}})
	require.False(t, objects[1].Logged)
}

func TestOfServer(t *testing.T) {
	const set = uuid1 + ":1-5:tag:1-2," + uuid2 + ":7"
	require.Equal(t, uuid1+":1-5:tag:1-2", ofServer(set, uuid1))
	require.Equal(t, uuid2+":7", ofServer(set, uuid2))
	require.Empty(t, ofServer(set, uuid3))
	require.Empty(t, ofServer("", uuid1))
}

// A former primary is told from a present node: what a node wrote itself by mistake is no history that went back.
func TestErrantWritesOfAPresentNodeAreNoRestore(t *testing.T) {
	judge := func(change func(*Observations)) contract.Finding {
		o := healthy()
		change(o)
		for _, f := range Judge(settle(o)) {
			if f.Code == "restored-primary" {
				return f
			}
		}
		return contract.Finding{}
	}
	errant := func(set string) func(*Observations) {
		return func(o *Observations) {
			o.Against = map[string]Comparison{"db2": {Errant: set, Transactions: 1, Shared: true}}
			o.Nodes[0].GTIDs.Executed = uuid1 + ":1-100,99999999-0000-0000-0000-000000000009:1-5"
		}
	}
	require.Equal(t, contract.VerdictPass, judge(errant(uuid2+":1")).Verdict, "its own")
	require.Equal(t, contract.VerdictPass, judge(errant(uuid3+":1")).Verdict, "another secondary's")
	require.Equal(t, contract.VerdictPass, judge(errant("88888888-0000-0000-0000-000000000008:1")).Verdict, "of a server the primary never heard of")
	require.Contains(t, judge(errant("99999999-0000-0000-0000-000000000009:6")).Observed, "former primary")
	require.Contains(t, judge(errant(uuid1+":101")).Observed, "once wrote itself")
	verify := judge(func(o *Observations) { errant(uuid1 + ":101")(o); o.Request.Mode = contract.ModeVerify })
	require.Equal(t, contract.VerdictWarn, verify.Verdict)
}
