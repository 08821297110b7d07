package check_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// approvedOf is the approval of the node's loss as the observations show it.
func (l *pathLab) approvedOf(t *testing.T, o *check.Observations, name string) check.Approved {
	t.Helper()
	loss := o.Loss(name)
	require.Empty(t, loss.Unknown)
	approved := check.Approved{PrimaryUUID: o.Primary().Identity.UUID, Errant: loss.ErrantGTIDs, Data: loss.Data(), SeenAt: loss.SeenAt}
	for _, n := range o.Nodes {
		if n.Node == name {
			approved.NodeUUID = n.Identity.UUID
		}
	}
	return approved
}

func (l *pathLab) recheck(t *testing.T, name string, approved check.Approved) error {
	t.Helper()
	return check.Recheck(t.Context(), l.opened[name], l.opened["db1"], approved)
}

func requireGrew(t *testing.T, err error, names ...string) {
	t.Helper()
	var grew *check.LossGrewError
	require.ErrorAs(t, err, &grew)
	var found []string
	for _, object := range grew.Objects {
		require.Equal(t, contract.ObjectTable, object.Kind)
		found = append(found, object.Name)
		require.Contains(t, err.Error(), object.Name)
	}
	require.Equal(t, names, found)
}

// nextSecond waits until whatever is made from now on is younger than what is there: creation times are in whole seconds.
func nextSecond(t *testing.T) {
	t.Helper()
	require.NoError(t, node.Sleep(t.Context(), 1100*time.Millisecond))
}

// TestDataThatNobodyApprovedVoidsTheApproval (I2): made outside the binary log, so that no GTID tells of it.
func TestDataThatNobodyApprovedVoidsTheApproval(t *testing.T) {
	l := newPathLab(t)
	l.locally(t, "db2", "CREATE DATABASE mine", "CREATE TABLE mine.a (id INT PRIMARY KEY)", "CREATE TABLE app.own (id INT PRIMARY KEY)")
	nextSecond(t)
	o := l.compared(t)
	approved := l.approvedOf(t, o, "db2")
	require.Len(t, approved.Data, 2)
	require.NoError(t, l.recheck(t, "db2", approved))
	require.NoError(t, l.recheck(t, "db3", l.approvedOf(t, o, "db3")))

	l.locally(t, "db2", "CREATE TABLE mine.b (id INT PRIMARY KEY)", "CREATE TABLE app.more (id INT PRIMARY KEY)", "CREATE DATABASE hollow")
	requireGrew(t, l.recheck(t, "db2", approved), "mine.b", "app.more")

	approved.LossUnknown = true
	require.NoError(t, l.recheck(t, "db2", approved), "whoever consented to a loss that cannot be known")
	approved.LossUnknown, approved.SeenAt = false, time.Time{}
	require.NoError(t, l.recheck(t, "db2", approved), "nobody was shown any object")

	o = l.compared(t)
	require.Len(t, o.Loss("db2").Data(), 4)
	nextSecond(t)
	require.NoError(t, l.recheck(t, "db2", l.approvedOf(t, l.compared(t), "db2")), "the new plan shows them")
}

// TestWhatThePrimaryDropsMeanwhileVoidsNoApproval: behind the fence the node stands still, and the primary goes on.
func TestWhatThePrimaryDropsMeanwhileVoidsNoApproval(t *testing.T) {
	l := newPathLab(t)
	require.NoError(t, l.Primary().Exec(t.Context(), "CREATE TABLE app.old (id INT PRIMARY KEY)", "CREATE DATABASE gone", "CREATE TABLE gone.t (id INT PRIMARY KEY)"))
	for _, s := range l.Secondaries() {
		require.NoError(t, s.WaitFor(t.Context(), l.Primary()))
	}
	nextSecond(t)
	o := l.compared(t)
	following, fenced := l.approvedOf(t, o, "db2"), l.approvedOf(t, o, "db3")
	require.Empty(t, fenced.Data)
	require.NoError(t, l.Node("db3").Exec(t.Context(), "STOP REPLICA"))
	require.NoError(t, l.Primary().Exec(t.Context(), "DROP TABLE app.old", "DROP DATABASE gone"))
	require.NoError(t, l.recheck(t, "db3", fenced))
	require.NoError(t, l.recheck(t, "db2", following))

	// A job's table, made after the plan: the node that follows is given time to drop it as well.
	require.NoError(t, l.Primary().Exec(t.Context(), "CREATE TABLE app.staging (id INT PRIMARY KEY)"))
	require.NoError(t, l.Node("db2").WaitFor(t.Context(), l.Primary()))
	require.NoError(t, l.Node("db2").Exec(t.Context(), "STOP REPLICA SQL_THREAD"))
	require.NoError(t, l.Primary().Exec(t.Context(), "DROP TABLE app.staging"))
	requireGrew(t, l.recheck(t, "db2", following), "app.staging")
	require.NoError(t, l.Node("db2").Exec(t.Context(), "START REPLICA SQL_THREAD"))
	require.NoError(t, l.recheck(t, "db2", following))

	// What was made on the fenced node itself is not explained by it.
	l.locally(t, "db3", "CREATE TABLE app.own (id INT PRIMARY KEY)")
	requireGrew(t, l.recheck(t, "db3", fenced), "app.own")
}
