package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
)

func approvedOf(t *testing.T, secondary string) check.Approved {
	t.Helper()
	return check.Approved{NodeUUID: ask(t, secondary, "SELECT @@server_uuid"), PrimaryUUID: ask(t, "db1", "SELECT @@server_uuid")}
}

func TestRecheckOfAnUnchangedNode(t *testing.T) {
	l := newLab(t)
	require.NoError(t, check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approvedOf(t, "db2")))
}

func TestRecheckRefusesOtherServers(t *testing.T) {
	l := newLab(t)
	approved := approvedOf(t, "db2")
	var identity *check.IdentityError

	err := check.Recheck(t.Context(), l.opened["db3"], l.opened["db1"], approved)
	require.ErrorAs(t, err, &identity, "another node")
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db3"], approved)
	require.ErrorAs(t, err, &identity, "another primary")
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], check.Approved{})
	require.ErrorAs(t, err, &identity, "nothing was approved")
	approved.NodeUUID = approved.PrimaryUUID
	err = check.Recheck(t.Context(), l.opened["db1"], l.opened["db1"], approved)
	require.ErrorAs(t, err, &identity, "the primary is never erased")
	require.Contains(t, err.Error(), "never erased")
}

func TestRecheckRefusesAPrimaryThatSteppedDown(t *testing.T) {
	l := newLab(t)
	var identity *check.IdentityError

	as(t, "db1", "SET GLOBAL read_only = ON")
	err := check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approvedOf(t, "db2"))
	as(t, "db1", "SET GLOBAL read_only = OFF")
	require.ErrorAs(t, err, &identity)
	require.Contains(t, err.Error(), "read_only is ON")

	as(t, "db1", "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_AUTO_POSITION=1")
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approvedOf(t, "db2"))
	as(t, "db1", "RESET REPLICA ALL")
	require.ErrorAs(t, err, &identity)
	require.Contains(t, err.Error(), "replicates from 127.0.0.1:1")
}

func TestRecheckRefusesANodeThatFeedsOthers(t *testing.T) {
	follow(t, "db3", "db2")
	t.Cleanup(func() { follow(t, "db3", "db1"); endReaders(t, "db2") })
	l := newLab(t)
	var identity *check.IdentityError
	err := check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approvedOf(t, "db2"))
	require.ErrorAs(t, err, &identity)
	require.Contains(t, err.Error(), "it feeds server")
}

func TestRecheckJudgesTheLoss(t *testing.T) {
	as(t, "db2", "SET GLOBAL super_read_only = OFF", "CREATE DATABASE mine")
	t.Cleanup(func() {
		as(t, "db2", "SET SESSION sql_log_bin = 0", "DROP DATABASE mine", "SET GLOBAL super_read_only = ON")
		forgetOwnWrites(t, "db2")
	})
	l := newLab(t)
	approved := approvedOf(t, "db2")
	first, count, err := check.Errant(t.Context(), l.opened["db2"], l.opened["db1"])
	require.NoError(t, err)
	require.EqualValues(t, 1, count)

	var grew *check.LossGrewError
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved)
	require.ErrorAs(t, err, &grew, "no loss was approved")
	require.Equal(t, first, grew.Errant)

	approved.Errant = first
	require.NoError(t, check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved))

	as(t, "db2", "CREATE TABLE mine.t (id INT PRIMARY KEY)")
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved)
	require.ErrorAs(t, err, &grew, "one more than approved")
	require.EqualValues(t, 1, grew.Transactions)
	require.NotContains(t, grew.Errant, first+"-")

	as(t, "db2", "STOP REPLICA", "RESET BINARY LOGS AND GTIDS")
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved)
	require.ErrorAs(t, err, &grew, "the GTIDs are gone, the data are not")
	require.Contains(t, grew.Unknown, "2 schemas")
	approved.LossUnknown = true
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved)
	require.NoError(t, err)
	approved.LossUnknown, approved.Wreck = false, true
	err = check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved)
	require.ErrorAs(t, err, &grew, "it was approved as a wreck, and is none any more")
	asAdmin(t, "db2", "SET GLOBAL offline_mode = ON")
	t.Cleanup(func() { as(t, "db2", "SET GLOBAL offline_mode = OFF") })
	require.NoError(t, check.Recheck(t.Context(), l.opened["db2"], l.opened["db1"], approved), "an erase of ours that was cut")
}
