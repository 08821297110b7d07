package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExitCodes(t *testing.T) {
	for outcome, want := range map[Outcome]int{
		OutcomeSucceeded: 0, OutcomePlanned: 0, OutcomeVerified: 0, OutcomeFailed: 1, OutcomeRefused: 2, OutcomeRejected: 2,
		OutcomeExpired: 2, OutcomeAlreadyRunning: 2, OutcomeDiverged: 3, OutcomePartlySucceeded: 4, OutcomeCancelled: 5, "": 1,
	} {
		require.Equal(t, want, outcome.ExitCode(), outcome)
		require.Equal(t, want == 0, outcome.Good(), outcome)
	}
}
