package endtoend

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// What changes after the approval: a node that has more to lose, or cannot be refilled, is released as it was (I2).

// atHook waits until the hook before a node's fence is called, which is after its recheck; goOn lets it go on.
func atHook(t *testing.T, node string) (goOn func()) {
	t.Helper()
	called, answer := filepath.Join(lab.hooks, node+".called"), filepath.Join(lab.hooks, node+".answer")
	until(t, "no hook was called for "+node, func() bool { _, err := os.Stat(called); return err == nil })
	return func() {
		require.NoError(t, os.Remove(called))
		require.NoError(t, os.WriteFile(answer, nil, 0o600))
	}
}

func hooked(request contract.Request) contract.Request {
	request.Cluster, request.Confirm = clusterHooked, clusterHooked
	return request
}

// TestWrittenToAfterTheApproval: db3 is written to while db2 is copied.
func TestWrittenToAfterTheApproval(t *testing.T) {
	startWorker(t)
	run := start(t, "written-late", slowly(resync("db2", "db3")))
	untilCopying(t, node("db2"))
	before := stateOf(t, node("db3"))
	write(t, node("db3"), 1_000_001)
	letGo(t, node("db2"))
	report := finish(t, run)
	requireOutcome(t, contract.OutcomePartlySucceeded, report)
	late := nodeOf(t, report, "db3")
	require.Equal(t, contract.StandingUntouched, late.Standing)
	require.Equal(t, contract.ErrorLossGrew, late.ErrorType)
	require.Equal(t, contract.StandingProven, nodeOf(t, report, "db2").Standing)
	require.Equal(t, before, stateOf(t, node("db3")))
	require.Equal(t, "1", ownRows(t, node("db3")))

	requireOutcome(t, contract.OutcomeSucceeded, finish(t, start(t, "written-late", discard(t, "db3"))))
	requireHealthy(t, node("db2"), node("db3"))
}

// stubborn is an application that writes to a secondary, whatever it is answered, until it is stopped.
type stubborn struct {
	// committed counts what was confirmed to it; ids are which, to be read once it is done.
	committed atomic.Int64
	ids       []int
	stop      context.CancelFunc
	done      chan struct{}
}

func writeOnAndOn(t *testing.T, node *sandbox.Node) *stubborn {
	t.Helper()
	const user = "CREATE USER IF NOT EXISTS stubborn@'%' IDENTIFIED BY 'stubborn'"
	require.NoError(t, lab.cluster.Primary().Exec(t.Context(), user, "GRANT INSERT ON shop_archive.* TO stubborn@'%'"))
	require.NoError(t, node.WaitFor(t.Context(), lab.cluster.Primary()))
	config := node.RootConfig()
	config.User, config.Passwd = "stubborn", "stubborn"
	db, err := sql.Open("mysql", config.FormatDSN())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	s := &stubborn{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer db.Close()
		for id := 2_000_000; ctx.Err() == nil; id++ {
			if _, err := db.ExecContext(ctx, ownRow(id)); err == nil {
				s.committed.Add(1)
				s.ids = append(s.ids, id)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return s
}

// TestWrittenToInTheMomentOfItsFence: an application begins to write to db2 after its recheck and never stops. The fence ends that, the
// judgement behind it sees what was written, and the node goes back as it was: with the application's rows, and open to it.
func TestWrittenToInTheMomentOfItsFence(t *testing.T) {
	startWorker(t)
	require.NoError(t, node("db2").Exec(t.Context(), "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"))
	before := stateOf(t, node("db2"))
	run := start(t, "written-at-the-fence", hooked(resync("db2", "db3")))
	goOn := atHook(t, "db2")
	application := writeOnAndOn(t, node("db2"))
	until(t, "the application never wrote", func() bool { return application.committed.Load() > 10 })
	goOn()
	atHook(t, "db3")()
	report := finish(t, run)
	requireOutcome(t, contract.OutcomePartlySucceeded, report)
	late := nodeOf(t, report, "db2")
	require.Equal(t, contract.StandingUntouched, late.Standing, late.State)
	require.Equal(t, contract.ErrorLossGrew, late.ErrorType)
	require.Equal(t, contract.StandingProven, nodeOf(t, report, "db3").Standing)
	steps := map[contract.Step]bool{}
	for _, step := range late.Steps {
		steps[step.Step] = step.Error == ""
	}
	require.Equal(t, map[contract.Step]bool{
		contract.StepRecheck: true, contract.StepNote: true, contract.StepFence: true, contract.StepJudge: false, contract.StepRelease: true,
	}, steps)

	wrote := application.committed.Load()
	until(t, "the application never got in again", func() bool { return application.committed.Load() > wrote })
	application.stop()
	<-application.done
	require.Equal(t, before, stateOf(t, node("db2")))
	rows, err := node("db2").QueryString(t.Context(), "SELECT JSON_ARRAYAGG(id) FROM shop_archive.documents WHERE id >= 2000000")
	require.NoError(t, err)
	var there []int
	require.NoError(t, json.Unmarshal([]byte(rows), &there))
	require.Subset(t, there, application.ids, "every row that was confirmed to the application is there")

	require.NoError(t, node("db2").Exec(t.Context(), "SET GLOBAL super_read_only = ON"))
	requireOutcome(t, contract.OutcomeSucceeded, finish(t, start(t, "written-at-the-fence", discard(t, "db2"))))
	require.NoError(t, lab.cluster.Primary().Exec(t.Context(), "DROP USER stubborn@'%'"))
	requireHealthy(t, node("db2"), node("db3"))
}

// TestRehearsalFails: what a clone needs goes away behind the fence: a grant for db2, the way to the donor for db3. Both are released.
func TestRehearsalFails(t *testing.T) {
	startWorker(t)
	primary, donor := lab.cluster.Primary(), lab.cluster.Accounts.Donor.User
	before := map[string]state{"db2": stateOf(t, node("db2")), "db3": stateOf(t, node("db3"))}
	run := start(t, "rehearsal-fails", hooked(resync("db2", "db3")))
	goOn := atHook(t, "db2")
	require.NoError(t, primary.Exec(t.Context(), "REVOKE BACKUP_ADMIN ON *.* FROM "+donor))
	goOn()
	goOn = atHook(t, "db3")
	require.NoError(t, primary.Exec(t.Context(), "GRANT BACKUP_ADMIN ON *.* TO "+donor))
	require.NoError(t, node("db3").WaitFor(t.Context(), primary))
	primary.PeerLink.Cut()
	defer func() { require.NoError(t, primary.PeerLink.Heal()) }()
	goOn()
	report := finish(t, run)
	require.NoError(t, primary.PeerLink.Heal())
	requireOutcome(t, contract.OutcomeFailed, report)
	for _, name := range []string{"db2", "db3"} {
		released := nodeOf(t, report, name)
		require.Equal(t, contract.StandingUntouched, released.Standing, released.State)
		require.Equal(t, contract.ErrorRehearsal, released.ErrorType, released.Error)
		require.Contains(t, released.Error, map[string]string{"db2": "BACKUP_ADMIN", "db3": "2003"}[name])
		requireSameRows(t, node(name))
		require.Equal(t, before[name], stateOf(t, node(name)))
	}
	requireHealthy(t, node("db2"), node("db3"))
}
