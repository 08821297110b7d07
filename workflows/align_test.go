package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

var drift = []contract.SettingChange{{Name: "sync_binlog", From: "0", To: "1", Why: "a crash loses transactions"}}

// TestSettingsAreAlignedOnceProven: what the plan has shown, in front of the return, and the report says it.
func TestSettingsAreAlignedOnceProven(t *testing.T) {
	s := tell(t, "a", "b")
	s.request.AlignSettings, s.cluster.drift = true, drift
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	for _, name := range []string{"a", "b"} {
		require.Contains(t, s.steps(name), "Verify Align Return")
		require.Equal(t, []string{"SET PERSIST sync_binlog = 1"}, s.nodeReport(name).Aligned)
	}
}

func TestSettingsAreLeftAloneUnlessAskedFor(t *testing.T) {
	s := tell(t, "a")
	s.cluster.drift = drift
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.NotContains(t, s.steps("a"), "Align")
	require.Empty(t, s.nodeReport("a").Aligned)
}

// TestSettingsThatCannotBeAligned keep no proven node from its return.
func TestSettingsThatCannotBeAligned(t *testing.T) {
	s := tell(t, "a")
	s.request.AlignSettings, s.cluster.drift = true, drift
	s.fault("Align", "a", fault{err: lasting(contract.ErrorMySQL)})
	require.Equal(t, contract.OutcomeSucceeded, s.run().Outcome)
	require.Equal(t, contract.StandingProven, s.standing("a"))
	require.Empty(t, s.nodeReport("a").Aligned)
	require.Contains(t, strings.Join(s.nodeReport("a").Notes, "; "), "not all brought in line")
}
