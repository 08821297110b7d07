package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func failing() []contract.Finding {
	return []contract.Finding{
		{Code: "run-accounts", Node: "db1", Verdict: contract.VerdictFail, Observed: "lacks BACKUP_ADMIN", Wanted: "it", Remedy: "GRANT BACKUP_ADMIN ON *.* TO 'd'@'%';"},
		{Code: "node-reachable", Node: "db3", Verdict: contract.VerdictFail, Observed: "connection refused", Remedy: "start mysqld"},
		{Code: "versions", Verdict: contract.VerdictPass, Observed: "9.7.0 everywhere"},
	}
}

func TestDoctorShowsWhatIsAmissAndTheSQL(t *testing.T) {
	s := newStandIn(t, contract.OutcomePlanned)
	s.findings = failing()
	s.work(t)
	got := s.run(t, "doctor", s.cluster)
	assert.Equal(t, 2, got.code, got.err)
	for _, part := range []string{
		"NOT READY", "1 passed, 1 warned, 2 failed", "connection refused", "start mysqld", "3 transactions only here",
		"On db1 (db1.example:3306), the primary:\n    GRANT BACKUP_ADMIN ON *.* TO 'd'@'%';\n",
	} {
		assert.Contains(t, got.out, part)
	}
	assert.NotContains(t, got.out, "9.7.0 everywhere", "what passes is not amiss")

	got = s.run(t, "doctor", s.cluster, "--json")
	assert.Equal(t, 2, got.code, got.err)
	var told diagnosis
	require.NoError(t, json.Unmarshal([]byte(got.out), &told), got.out)
	assert.False(t, told.Ready)
	assert.Equal(t, []int{1, 1, 2, 2}, []int{told.Passed, told.Warned, told.Failed, told.ExitCode})
	assert.Len(t, told.Findings, 3)
	assert.Equal(t, []report.Remedies{{Node: "db1", Address: "db1.example:3306", Primary: true, SQL: []string{"GRANT BACKUP_ADMIN ON *.* TO 'd'@'%';"}}}, told.SQL)
	assert.NotEmpty(t, told.RunID)
}

func TestDoctorAcceptsWarningsAndPrintsThem(t *testing.T) {
	s := newStandIn(t, contract.OutcomePlanned)
	s.work(t)
	got := s.run(t, "doctor", s.cluster)
	assert.Equal(t, 0, got.code, got.err)
	assert.Contains(t, got.out, "READY, WITH WARNINGS")
	assert.Contains(t, got.out, "3 transactions only here")
	assert.NotContains(t, got.out, "SQL to paste")
}

// A run that got no further than its input has no findings: its report says why.
func TestDoctorWithoutAPlanShowsTheReport(t *testing.T) {
	s := newStandIn(t, contract.OutcomeRefused)
	s.unplanned = true
	s.work(t)
	got := s.run(t, "doctor", s.cluster)
	assert.Equal(t, 2, got.code, got.err)
	assert.Contains(t, got.out, "So the test wanted it")
	assert.NotContains(t, got.out, "READY")
}
