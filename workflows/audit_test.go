package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestTheAuditHasTheApprovalBeforeAnythingIsTouchedAndTheEnd(t *testing.T) {
	s := tell(t, "a")
	s.cluster.audited = true
	report := s.run()
	require.Len(t, s.audited, 2)
	require.True(t, s.audited[0].Approval.Approved)
	require.Empty(t, s.audited[0].Outcome)
	require.Equal(t, contract.OutcomeSucceeded, s.audited[1].Outcome)
	require.Len(t, s.audited[1].Nodes, 1)
	require.Less(t, s.index("done", "Audit", ""), s.index("asked", "Recheck", "a"))
	require.Equal(t, "the archive", report.Audit)
	require.Equal(t, "the archive", s.reports[0].Audit, "the mail says where it is")
}

func TestARunThatCannotBeAuditedTouchesNothing(t *testing.T) {
	s := tell(t, "a")
	s.cluster.audited = true
	s.fault("Audit", "", fault{err: lasting(contract.ErrorAudit)})
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorAudit, report.ErrorType)
	require.Empty(t, report.Nodes)
	require.Len(t, s.audited, 1, "the refusal is written down when that works again")
}

func TestAnEndThatCannotBeAuditedChangesNoOutcome(t *testing.T) {
	s := tell(t, "a")
	s.cluster.audited = true
	s.when("Return", "a", func() { s.fault("Audit", "", fault{err: lasting(contract.ErrorAudit)}) })
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Contains(t, report.Notes[0], "not in the audit record")
}

func TestAPlanLeavesNoAudit(t *testing.T) {
	s := tell(t, "a")
	s.cluster.audited, s.request.Mode = true, contract.ModePlan
	s.run()
	require.Empty(t, s.audited)
}
