package clone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFailuresAreSorted(t *testing.T) {
	for _, c := range []struct {
		number uint16
		text   string
		kind   Kind
		inner  uint16
	}{
		{3862, "Clone Donor Error: 3634 : Too many concurrent clone operations. Maximum allowed - 1..", DonorBusy, 3634},
		{3862, "Clone Donor Error: Connect failed: 1040 : Too many connections.", DonorFull, 1040},
		{3862, "Clone Donor Error: Connect failed: 1203 : User d already has more than 'max_user_connections' active connections.", DonorFull, 1203},
		{3862, "Clone Donor Error: Connect failed: 1226 : User 'd' has exceeded the 'max_user_connections' resource (current value: 1).", DonorFull, 1226},
		{3862, "Clone Donor Error: 3633 : Concurrent DDL is performed during clone operation. Please try again..", DonorBusy, 3633},
		{3634, "Too many concurrent clone operations. Maximum allowed - 1.", RecipientBusy, 0},
		{3862, "Clone Donor Error: Connect failed: 1045 : Access denied for user 'x'@'y' (using password: YES).", DonorRefused, 1045},
		{3862, "Clone Donor Error: 1227 : Access denied; you need (at least one of) the BACKUP_ADMIN privilege(s)", DonorRefused, 1227},
		{3862, "Clone Donor Error: Connect failed: 2003 : Can't connect to MySQL server on 'H:P' (111).", DonorLost, 2003},
		{3862, "Clone Donor Error: 1317 : Query execution was interrupted.", DonorLost, 1317},
		{3862, "Clone Donor Error: 1815 : Internal error: Innodb Clone Restart could not find existing clone.", DonorLost, 1815},
		{3862, "a text of another version", Unknown, 0},
		{1290, "", ReadOnly, 0},
		{1205, "", LockWait, 0},
		{1227, "", Forbidden, 0},
		{3873, "", DiskFull, 0},
		{1026, "", DiskFull, 0},
		{1010, "", ForeignFiles, 0},
		{1317, "", Killed, 0},
		{1158, "", Killed, 0},
		{3868, "", Unfit, 0},
		{1524, "", Unfit, 0},
		{9999, "", Unknown, 0},
	} {
		f := newFailure("n", "d", c.number, c.text, Status{})
		require.Equal(t, c.kind, f.Kind, "%d %s", c.number, c.text)
		require.Equal(t, c.inner, f.Inner)
	}
}

func TestWhatBecameOfTheData(t *testing.T) {
	stages := func(drop string) []Stage { return []Stage{{Name: StageDropData, State: drop}} }
	for _, c := range []struct {
		status Status
		want   Data
	}{
		{Status{}, Untouched},
		{Status{Recorded: true, State: Failed, Errno: 3862}, Untouched},
		{Status{Recorded: true, State: Failed, Errno: 3862, Stages: stages(NotStarted)}, Untouched},
		{Status{Recorded: true, State: Failed, Errno: 1290, Stages: stages(Failed)}, Untouched},
		{Status{Recorded: true, State: Failed, Errno: 1205, Stages: stages(Failed)}, Partial},
		{Status{Recorded: true, State: InProgress, Errno: 1317, Stages: stages(InProgress)}, Partial},
		{Status{Recorded: true, State: Failed, Errno: 1317, Stages: stages(Completed)}, Empty},
		{Status{Recorded: true, State: Completed, Stages: stages(Completed)}, Whole},
	} {
		require.Equal(t, c.want, c.status.Data(), "%+v", c.status)
	}
}

func TestBelongs(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)
	good := Status{Recorded: true, State: Completed, Source: "h:1", Begin: at.Truncate(time.Millisecond), GTIDExecuted: "u:1"}
	require.NoError(t, Belongs(good, "h:1", at))
	for name, spoil := range map[string]func(*Status){
		"never":        func(s *Status) { *s = Status{} },
		"failed":       func(s *Status) { s.State = Failed },
		"in progress":  func(s *Status) { s.State = InProgress },
		"other source": func(s *Status) { s.Source = "h:2" },
		"older":        func(s *Status) { s.Begin = s.Begin.Add(-time.Millisecond) },
		"no GTIDs":     func(s *Status) { s.GTIDExecuted = "" },
	} {
		s := good
		spoil(&s)
		require.Error(t, Belongs(s, "h:1", at), name)
	}
}

func TestTheMeterKnowsRateAndStall(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := newMeter(begin)
	look := func(second int, stage string, data int64) Progress {
		return m.look(Status{Stages: []Stage{{Name: stage, State: InProgress, Data: data, Estimate: 100 << 20}}}, begin.Add(time.Duration(second)*time.Second))
	}
	require.Zero(t, look(0, StageDropData, 0).MiBps)
	require.Zero(t, m.stalledFor(begin.Add(time.Hour)), "a drop moves no bytes by nature")
	look(1, StageFileCopy, 0)
	p := look(2, StageFileCopy, 10<<20)
	require.InDelta(t, 5, p.MiBps, 0.01)
	require.Equal(t, int64(100<<20), p.Total)
	for s := 3; s <= 20; s++ {
		p = look(s, StageFileCopy, 10<<20)
	}
	require.Zero(t, p.MiBps)
	require.Equal(t, 18*time.Second, m.stalledFor(begin.Add(20*time.Second)))
	look(21, StageFileCopy, 11<<20)
	require.Zero(t, m.stalledFor(begin.Add(21*time.Second)))
	look(22, StageFileSync, 11<<20)
	require.Zero(t, m.stalledFor(begin.Add(time.Hour)))
}

func TestHopelessAsksTheDonor(t *testing.T) {
	w := &looks{}
	w.options.StallAfter = 10 * time.Second
	require.False(t, w.hopeless(t.Context(), 9*time.Second))
	require.True(t, w.hopeless(t.Context(), 10*time.Second), "a donor that nobody asks counts as silent")
	answers := error(nil)
	w.options.DonorAnswers = func(context.Context) error { return answers }
	require.False(t, w.hopeless(t.Context(), 20*time.Second))
	require.True(t, w.hopeless(t.Context(), 30*time.Second))
	answers = errors.New("dead")
	require.True(t, w.hopeless(t.Context(), 10*time.Second))
}

func TestAnAccountNeverShowsItsPassword(t *testing.T) {
	a := Account{User: "u", Password: "hunter2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, a), "hunter2")
		require.NotContains(t, fmt.Sprintf(verb, struct{ A *Account }{&a}), "hunter2")
	}
	j, err := json.Marshal(a)
	require.NoError(t, err)
	require.NotContains(t, string(j), "hunter2")
}
