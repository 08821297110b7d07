package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestPauseFinishesWhatIsBegunAndBeginsNothing, until somebody resumes, as Update or as Signal.
func TestPauseFinishesWhatIsBegunAndBeginsNothing(t *testing.T) {
	for _, way := range []string{"update", "signal"} {
		t.Run(way, func(t *testing.T) {
			s := tell(t, "a", "b")
			send := func(name string, payload any) *answer {
				if way == "signal" {
					s.signal(name, payload)
					return nil
				}
				return s.update(name, payload)
			}
			var paused, again *answer
			s.when("Clone", "a", func() {
				paused = send(contract.RequestPause, contract.Pause{By: "bob"})
				again = send(contract.RequestPause, contract.Pause{By: "eve"})
			})
			s.at(10*time.Hour, func() {
				progress, err := s.progress()
				require.NoError(t, err)
				require.True(t, progress.Paused)
				require.Equal(t, contract.StandingProven, progress.Nodes[0].Standing, "what was begun is finished")
				require.Empty(t, progress.Nodes[1].Step)
				require.Zero(t, s.count("asked", "Recheck", "b"))
				if way == "signal" {
					require.Equal(t, []string{"pause: the run is paused already"}, progress.RefusedRequests)
				}
				send(contract.RequestResume, contract.Resume{})
			})
			report := s.run()
			require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
			require.GreaterOrEqual(t, report.Ended.Sub(report.Began), 10*time.Hour)
			if way == "update" {
				require.True(t, paused.progress.Paused)
				require.ErrorContains(t, again.rejection, "paused already")
			}
		})
	}
}

func TestCancelEndsAPause(t *testing.T) {
	s := tell(t, "a", "b")
	s.when("Clone", "a", func() { s.signal(contract.RequestPause, nil) })
	s.at(10*time.Hour, s.cancel)
	report := s.run()
	require.Equal(t, contract.OutcomeCancelled, report.Outcome)
	require.Equal(t, contract.StandingProven, s.standing("a"))
	require.Equal(t, contract.StandingUntouched, s.standing("b"))
}

// TestThrottleReachesTheCopyUnderWay and every later one.
func TestThrottleReachesTheCopyUnderWay(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.ThrottleMiBps = 50
	s.when("Clone", "a", func() { s.update(contract.RequestThrottle, contract.Throttle{MiBps: 20}) })
	s.awaits("Clone", "a", "done", "Throttle", 1)
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"a changes to 20", "a begins at 50", "b begins at 20"}, s.throttled)
	progress, err := s.progress()
	require.NoError(t, err)
	require.Equal(t, 20, progress.ThrottleMiBps)
}

// TestThrottleBeforeTheCopy is taken by the copy itself.
func TestThrottleBeforeTheCopy(t *testing.T) {
	s := tell(t, "a")
	s.when("Judge", "a", func() { s.signal(contract.RequestThrottle, contract.Throttle{MiBps: 20}) })
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"a begins at 20"}, s.throttled)
}

// TestLastThrottleWins: limits that come while another is being applied are not lost and do not overtake each other.
func TestLastThrottleWins(t *testing.T) {
	s := tell(t, "a")
	s.when("Clone", "a", func() { s.signal(contract.RequestThrottle, contract.Throttle{MiBps: 20}) })
	s.when("Throttle", "a", func() {
		s.signal(contract.RequestThrottle, contract.Throttle{MiBps: 30})
		s.signal(contract.RequestThrottle, contract.Throttle{MiBps: 40})
	})
	// The copy lasts until the limits have been applied.
	s.awaits("Clone", "a", "done", "Throttle", 2)
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, []string{"a changes to 20", "a changes to 40", "a begins at 0"}, s.throttled)
}

// TestThrottleThatFailsIsNoReasonToStop.
func TestThrottleThatFailsIsNoReasonToStop(t *testing.T) {
	s := tell(t, "a")
	s.fault("Throttle", "a", fault{err: lasting(contract.ErrorMySQL)})
	s.when("Clone", "a", func() { s.signal(contract.RequestThrottle, contract.Throttle{MiBps: 20}) })
	s.awaits("Clone", "a", "heard", "Throttle", 1)
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
}

// TestAbortIsHeardWhileAThrottleHangs: a server that does not answer must not keep a person from giving it up.
func TestAbortIsHeardWhileAThrottleHangs(t *testing.T) {
	s := tell(t, "a")
	s.when("Throttle", "a", func() {
		s.signal(contract.RequestAbort, contract.Abort{Node: "a"})
	})
	s.when("Clone", "a", func() { s.signal(contract.RequestThrottle, contract.Throttle{MiBps: 20}) })
	s.awaits("Clone", "a", "heard", "Clone", 1)
	require.Equal(t, contract.OutcomeFailed, s.run().Outcome)
	require.Equal(t, contract.ErrorAborted, s.nodeReport("a").ErrorType)
	require.Zero(t, s.count("done", "Throttle", "a"), "the throttle was given up with the node")
}

// TestAbortBeforeTheErase: the node is released as it was, the others go on.
func TestAbortBeforeTheErase(t *testing.T) {
	for _, step := range []string{"Recheck", "Note", "Fence", "Judge", "Rehearse"} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a", "b")
			var heard, again *answer
			s.when(step, "a", func() {
				heard = s.update(contract.RequestAbort, contract.Abort{Node: "a", By: "bob", Reason: "too busy"})
				again = s.update(contract.RequestAbort, contract.Abort{Node: "a", By: "eve"})
			})
			report := s.run()
			require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
			require.True(t, heard.accepted)
			require.Error(t, again.rejection)
			require.Equal(t, contract.StandingUntouched, s.standing("a"))
			require.Equal(t, contract.ErrorAborted, s.nodeReport("a").ErrorType)
			require.Equal(t, "aborted by bob: too busy", s.nodeReport("a").Error)
			require.Equal(t, contract.StandingProven, s.standing("b"))
		})
	}
}

// TestAbortBehindTheErase: the node stays fenced and is named, and no step is begun any more.
func TestAbortBehindTheErase(t *testing.T) {
	for step, took := range map[string]string{
		"Clone": "Erase EndClone Inspect", "Follow": "Erase Clone Inspect", "Verify": "Erase Clone Follow Inspect",
	} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a", "b", "c")
			s.when(step, "a", func() { s.signal(contract.RequestAbort, contract.Abort{Node: "a", By: "bob"}) })
			report := s.run()
			require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
			require.Equal(t, "Recheck Note Fence Judge Rehearse "+took, s.steps("a"))
			require.Equal(t, contract.StandingFenced, s.standing("a"))
			require.Equal(t, contract.ErrorAborted, s.nodeReport("a").ErrorType)
			require.Equal(t, contract.StandingProven, s.standing("b"))
			require.Equal(t, contract.StandingProven, s.standing("c"))
		})
	}
}

// TestAbortInMidErase: what the erase came to is found out by the release.
func TestAbortInMidErase(t *testing.T) {
	t.Run("nothing gone yet", func(t *testing.T) {
		s := tell(t, "a")
		s.when("Erase", "a", func() { s.signal(contract.RequestAbort, contract.Abort{Node: "a"}) })
		require.Equal(t, contract.OutcomeFailed, s.run().Outcome)
		require.Equal(t, contract.StandingUntouched, s.standing("a"))
	})
	t.Run("all gone", func(t *testing.T) {
		s := tell(t, "a")
		s.whenDone("Erase", "a", func() { s.signal(contract.RequestAbort, contract.Abort{Node: "a"}) })
		require.Equal(t, contract.OutcomeFailed, s.run().Outcome)
		require.Equal(t, contract.StandingFenced, s.standing("a"))
	})
}

func TestRequestsAfterTheEndAreRefused(t *testing.T) {
	s := tell(t, "a")
	var pause, throttle, abort *answer
	s.when("MailReport", "", func() {
		pause = s.update(contract.RequestPause, contract.Pause{})
		throttle = s.update(contract.RequestThrottle, contract.Throttle{MiBps: 1})
		abort = s.update(contract.RequestAbort, contract.Abort{Node: "a"})
	})
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.ErrorContains(t, pause.rejection, "the run has ended")
	require.ErrorContains(t, throttle.rejection, "the run has ended")
	require.ErrorContains(t, abort.rejection, "not being worked on")
}
