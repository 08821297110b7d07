package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestCancelBeforeTheErase: the node is released as it was, and no other is begun.
func TestCancelBeforeTheErase(t *testing.T) {
	for _, step := range []string{"Recheck", "Note", "Fence", "Judge", "Rehearse"} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a", "b")
			s.when(step, "a", s.cancel)
			report := s.run()
			require.Equal(t, contract.OutcomeCancelled, report.Outcome)
			require.Contains(t, report.Reason, "0 of 2 secondaries are proven")
			require.Equal(t, contract.StandingUntouched, s.standing("a"))
			require.Equal(t, contract.StandingUntouched, s.standing("b"))
			require.Contains(t, s.nodeReport("b").State, "not begun")
			require.Nil(t, report.Watch, "a cancelled run does not watch")
		})
	}
}

// TestCancelBehindTheErase: a node past its erase is finished; no other is begun.
func TestCancelBehindTheErase(t *testing.T) {
	for _, step := range []string{"Erase", "Clone", "Follow", "Verify", "Return"} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a", "b")
			s.when(step, "a", s.cancel)
			report := s.run()
			require.Equal(t, contract.OutcomeCancelled, report.Outcome)
			require.Equal(t, contract.StandingProven, s.standing("a"))
			require.Equal(t, whole, s.steps("a"))
			require.Equal(t, contract.StandingUntouched, s.standing("b"))
			require.Contains(t, report.Reason, "1 of 2 secondaries are proven")
		})
	}
}

// TestCancelThatComesTooLate: everything is proven already.
func TestCancelThatComesTooLate(t *testing.T) {
	for step, node := range map[string]string{"Clone": "a", "Watch": "", "MailReport": ""} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a")
			s.when(step, node, s.cancel)
			require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
		})
	}
}

// TestCancelWhileNothingIsChangedYet, at every step before the nodes.
func TestCancelWhileNothingIsChangedYet(t *testing.T) {
	for _, step := range []string{"Begin", "OpenNodes", "Preconditions"} {
		t.Run("during "+step, func(t *testing.T) {
			s := tell(t, "a")
			s.when(step, "", s.cancel)
			report := s.run()
			require.Equal(t, contract.OutcomeCancelled, report.Outcome)
			require.Empty(t, s.steps("a"))
		})
	}
}

// TestLockEndedInMidRun: an administrator who ends a lock stops the run at its next safe point.
func TestLockEndedInMidRun(t *testing.T) {
	for _, id := range []string{lockID, primaryLockID} {
		t.Run(id, func(t *testing.T) {
			s := tell(t, "a", "b")
			s.when("Clone", "a", func() { s.endLock(id) })
			report := s.run()
			require.Equal(t, contract.OutcomeCancelled, report.Outcome)
			require.Contains(t, report.Reason, "the lock "+id+" was ended by somebody else")
			require.Equal(t, contract.StandingProven, s.standing("a"))
			require.Equal(t, contract.StandingUntouched, s.standing("b"))
		})
	}
}

// TestMailThatFailsChangesNothing: neither the outcome nor the report. I7.
func TestMailThatFailsChangesNothing(t *testing.T) {
	s := tell(t, "a")
	s.fault("MailReport", "", fault{err: lasting(contract.ErrorMail)})
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, "not sent: seen: Mail", report.Mail)
}

func TestMailIsTriedAgain(t *testing.T) {
	s := tell(t, "a")
	for range 5 {
		s.fault("MailReport", "", fault{err: passing(contract.ErrorUnreachable)})
	}
	require.Equal(t, "outbox", s.run().Mail)
	require.Equal(t, 6, s.count("asked", "MailReport", ""))
}

// TestWatchThatFailsTakesNoProofBack.
func TestWatchThatFailsTakesNoProofBack(t *testing.T) {
	s := tell(t, "a")
	s.fault("Watch", "", fault{err: lasting(contract.ErrorUnreachable)})
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Nil(t, report.Watch)
}

func TestNoWatchOnRequest(t *testing.T) {
	none := contract.Duration(0)
	s := tell(t, "a")
	s.request.Watch = &none
	require.Nil(t, s.run().Watch)
	require.Zero(t, s.count("asked", "Watch", ""))
}

// TestLocksAreReleasedBeforeTheMail: a mail provider's bad day must not keep the cluster locked.
func TestLocksAreReleasedBeforeTheMail(t *testing.T) {
	s := tell(t, "a")
	s.run()
	for _, id := range []string{lockID, primaryLockID} {
		require.Less(t, s.index("closed", id, ""), s.index("asked", "MailReport", ""))
		require.Greater(t, s.index("closed", id, ""), s.index("closed", "resync/shop/a", "a"))
	}
}

// TestEveryOutcomeIsMailedToWhomTheInputNames.
func TestUnmailableAddressesDoNotSilenceTheOthers(t *testing.T) {
	s := tell(t, "a")
	s.request.Notify = []string{"nobody", "ann@example.org"}
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.True(t, strings.Contains(report.Reason, `notify: "nobody" is not a mail address`))
	require.Equal(t, [][]string{{"ann@example.org"}}, s.notified)
}
