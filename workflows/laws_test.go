package workflows_test

import (
	"errors"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// changing are the activities that change a server.
var changing = []string{"Fence", "Rehearse", "Rescue", "Erase", "Clone", "Follow", "Align", "Return", "Release"}

// requireLaws holds a run that has ended to the invariants, whatever the story was. They are read off the record, the cluster as it was
// left, and the report.
func (s *story) requireLaws() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lawsOfTheServers()
	s.lawOfTheErase()
	s.lawOfTheRelease()
	s.lawOfStopping()
	s.lawOfTheLock()
	s.lawOfPairs()
	s.lawOfTheMail()
	s.lawOfTheEnd()
	s.lawOfTheReport()
	if f, failed := s.t.(interface{ Failed() bool }); failed && f.Failed() {
		for _, e := range s.record {
			s.t.Logf("%s", e)
		}
		s.t.Logf("%+v", s.report)
		require.Fail(s.t, "the laws were broken; the record is above")
	}
}

// lawsOfTheServers: no activity found its demands unmet (a fence, the approved node, a free donor, the floor). I1, I3, I6, I9.
func (s *story) lawsOfTheServers() {
	assert.Empty(s.t, s.broken)
	for _, e := range s.record {
		if e.node == primary && slices.Contains(changing, e.step) {
			assert.Fail(s.t, "the primary was changed", e)
		}
	}
}

// lawOfTheErase: before a node is erased, it was rechecked, noted, fenced, judged, rehearsed and, if asked, rescued, in this order, by the same child, and a
// person or the input had agreed to the plan that names it. I2. An erase that is taken up again comes after a release that found the node
// erased.
func (s *story) lawOfTheErase() {
	for i, e := range s.record {
		if e.kind != "asked" || e.step != "Erase" {
			continue
		}
		var heard []string
		for _, before := range slices.Backward(s.record[:i]) {
			if before.kind == "begun" && before.node == e.node {
				break
			}
			if before.kind == "heard" && before.node == e.node && before.err == nil && before.step != "Hook" {
				heard = append([]string{before.step}, heard...)
			}
		}
		if last := len(heard) - 1; last >= 0 && heard[last] == "Release" {
			heard = heard[:last]
		}
		want := []string{"Recheck", "Note", "Fence", "Judge", "Rehearse"}
		plan := s.plans[len(s.plans)-1]
		if at := slices.IndexFunc(plan.Chosen(), func(n contract.PlanNode) bool { return n.Name == e.node }); at >= 0 &&
			plan.UnreplicatedWrites == contract.UnreplicatedRescue && plan.Chosen()[at].Loss.ErrantGTIDs != "" {
			want = append(want, "Rescue")
		}
		assert.Equal(s.t, want, heard, "before the erase of %s", e.node)
		approval := s.report.Approval
		if assert.NotNil(s.t, approval, "nobody approved the erase of %s", e.node) {
			assert.True(s.t, approval.Approved)
			assert.Equal(s.t, s.plans[len(s.plans)-1].ID, approval.Plan)
		}
		assert.True(s.t, slices.ContainsFunc(s.plans[len(s.plans)-1].Chosen(), func(n contract.PlanNode) bool { return n.Name == e.node }))
	}
}

// lawOfTheRelease: a node whose fence was tried and that was not erased is released; one that was erased never is.
func (s *story) lawOfTheRelease() {
	for _, server := range s.cluster.all {
		fenced, erased, released := false, false, false
		for _, e := range s.record {
			switch {
			case e.node != server.name:
			case e.step == "Fence":
				// Tried, or given up before a worker took it: nobody can tell the two apart.
				fenced = true
			case e.kind == "heard" && e.step == "Erase" && e.err == nil:
				erased = true
			case e.kind == "asked" && e.step == "Release":
				released = true
				assert.True(s.t, fenced, "%s was released and never fenced", server.name)
				assert.False(s.t, erased, "%s was released after its erase", server.name)
			}
		}
		if fenced && !s.terminated[server.name] {
			assert.True(s.t, erased || released, "%s was fenced and then left", server.name)
		}
		if server.data != own {
			assert.True(s.t, server.fenced || server.data == copied && s.done("Return", server.name), "%s is open without a proof", server.name)
		}
	}
}

func (s *script) done(step, node string) bool {
	return slices.ContainsFunc(s.record, func(e event) bool { return e.kind == "done" && e.step == step && e.node == node })
}

// lawOfStopping: once the run has taken note of a cancel or a lost lock, no other node is begun.
func (s *story) lawOfStopping() {
	at := slices.IndexFunc(s.record, func(e event) bool { return e.kind == "stopped" })
	if at < 0 {
		return
	}
	for _, e := range s.record[at:] {
		if e.kind == "begun" && e.node != "" {
			assert.Contains(s.t, s.record[at].standing, e.node, "begun after the run was asked to stop")
		}
	}
}

// lawOfTheLock: whoever changes a server does so while both locks are held, unless somebody else ended them, and none is left. I6.
func (s *story) lawOfTheLock() {
	held := map[string]bool{}
	ended := slices.ContainsFunc(s.record, func(e event) bool {
		return e.kind == "closed" && e.node == "" && temporal.IsCanceledError(e.err)
	})
	for _, e := range s.record {
		switch {
		case e.kind == "begun" && e.node == "":
			held[e.step] = true
		case e.kind == "closed" && e.node == "":
			delete(held, e.step)
		case e.kind == "asked" && slices.Contains(changing, e.step) && !ended:
			assert.True(s.t, held[lockID] && held[primaryLockID], "%s without the locks", e)
		}
	}
	if ended {
		return
	}
	for id := range held {
		assert.Fail(s.t, "a lock is left", id)
	}
}

// lawOfPairs: a donor feeds one recipient at a time, from its begin to its follow, and no more nodes are at work than were allowed.
func (s *story) lawOfPairs() {
	lent, atWork := map[string]string{}, map[string]bool{}
	limit := max(s.request.MaxParallel, 1)
	for _, e := range s.record {
		switch {
		case e.node == "":
		case e.kind == "begun":
			atWork[e.node] = true
			assert.LessOrEqual(s.t, len(atWork), limit)
		case e.kind == "closed":
			delete(atWork, e.node)
			for donor, recipient := range lent {
				if recipient == e.node {
					delete(lent, donor)
				}
			}
		case e.kind == "asked" && e.donor != "":
			assert.NotEqual(s.t, e.node, e.donor)
			if to := lent[e.donor]; to != "" && to != e.node {
				assert.Fail(s.t, "a donor for two", "%s feeds %s and %s", e.donor, to, e.node)
			}
			lent[e.donor] = e.node
			if s.request.Donors == contract.DonorsPrimary {
				assert.Equal(s.t, primary, e.donor)
			}
		case e.kind == "heard" && e.step == "Clone" && (e.err == nil || failsBecauseOfItsDonor(e.err)):
			for donor, recipient := range lent {
				if recipient == e.node {
					delete(lent, donor)
				}
			}
		}
	}
}

func failsBecauseOfItsDonor(err error) bool {
	var typed *temporal.ApplicationError
	var facts activities.FailureFacts
	return errors.As(err, &typed) && typed.HasDetails() && typed.Details(&facts) == nil && facts.Donor
}

// lawOfTheMail: every run mails its report once, as the last thing it does. I7.
func (s *story) lawOfTheMail() {
	first, heard := 0, -1
	for i, e := range s.record {
		if e.step != "MailReport" {
			if heard >= 0 && e.kind == "asked" && e.step != "MailApproval" && !s.givenUp(i) {
				assert.Fail(s.t, "work after the mail", e)
			}
			continue
		}
		if e.kind == "asked" && e.attempt == 1 {
			first++
		}
		if e.kind == "heard" {
			heard = i
		}
	}
	assert.Equal(s.t, 1, first, "the report is mailed once")
	if s.report.Mail != "outbox" {
		assert.True(s.t, strings.HasPrefix(s.report.Mail, "not sent: "), "%q", s.report.Mail)
		return
	}
	mailed := s.reports[len(s.reports)-1]
	assert.Equal(s.t, s.report.Outcome, mailed.Outcome)
	assert.Equal(s.t, s.report.Reason, mailed.Reason)
	assert.Equal(s.t, len(s.report.Nodes), len(mailed.Nodes))
	assert.False(s.t, mailed.Ended.IsZero())
}

// givenUp reports whether an activity is asked that was cancelled before a worker took it: only the tests' environment still begins that one.
func (s *story) givenUp(i int) bool {
	asked := s.record[i]
	return slices.ContainsFunc(s.record[:i], func(e event) bool {
		return e.kind == "heard" && e.step == asked.step && e.node == asked.node && temporal.IsCanceledError(e.err)
	})
}

// lawOfTheEnd: a run ends in one outcome, and closes as that outcome says.
func (s *story) lawOfTheEnd() {
	assert.NotEmpty(s.t, s.report.Outcome)
	assert.NotEmpty(s.t, s.report.Reason)
	var failed *temporal.ApplicationError
	switch {
	case s.report.Outcome.Good():
		assert.NoError(s.t, s.err)
		assert.Empty(s.t, s.report.ErrorType)
	case s.report.Outcome == contract.OutcomeCancelled:
		assert.True(s.t, temporal.IsCanceledError(s.err), "%v", s.err)
	case assert.ErrorAs(s.t, s.err, &failed):
		want := s.report.ErrorType
		if want == "" {
			want = contract.ErrorRun
		}
		assert.Equal(s.t, string(want), failed.Type())
		assert.True(s.t, failed.NonRetryable())
		assert.Contains(s.t, failed.Message(), s.report.Reason)
	}
}

// lawOfTheReport: once an approved plan is worked on, every chosen node is named once, and what is said of it is true. I4, I7.
func (s *story) lawOfTheReport() {
	good := 0
	named := map[string]int{}
	for _, node := range s.report.Nodes {
		named[node.Name]++
		server := s.cluster.node(node.Name)
		untouched := server.data == own && server.fenced == server.wreck
		assert.NotEmpty(s.t, node.State, node.Name)
		if node.Standing != contract.StandingProven && node.Standing != contract.StandingVerified {
			assert.NotEmpty(s.t, node.Next, "nobody is told what to do about %s", node.Name)
		}
		switch node.Standing {
		case contract.StandingProven:
			good++
			assert.True(s.t, server.data == copied && !server.fenced && server.following && !server.differs, "%+v", *server)
		case contract.StandingVerified:
			good++
			assert.True(s.t, untouched && !server.differs, "%+v", *server)
		case contract.StandingDiverged:
			assert.True(s.t, untouched && server.differs, "%+v", *server)
		case contract.StandingUntouched:
			assert.True(s.t, untouched, "%+v", *server)
		case contract.StandingSkipped:
			assert.True(s.t, server.unreachable)
		case contract.StandingFenced:
			assert.True(s.t, server.fenced || s.failed("Release", node.Name), "%+v", *server)
		case contract.StandingUnknown:
			assert.True(s.t, s.terminated[node.Name] || s.failed("Return", node.Name), "%s could be known", node.Name)
		default:
			assert.Fail(s.t, "no standing", node.Name)
		}
	}
	begun := slices.ContainsFunc(s.record, func(e event) bool { return e.kind == "begun" && e.node != "" })
	if s.report.Approval != nil && s.report.Approval.Approved && (begun || s.report.Outcome.Good()) {
		for _, node := range s.report.Plan.Chosen() {
			assert.Equal(s.t, 1, named[node.Name], "%s in the report", node.Name)
		}
		assert.Equal(s.t, s.report.Outcome == contract.OutcomeSucceeded, good == len(named)-s.skipped(), "%v", named)
	}
	switch s.report.Outcome {
	case contract.OutcomeRefused, contract.OutcomeRejected, contract.OutcomeExpired, contract.OutcomeAlreadyRunning,
		contract.OutcomePlanned, contract.OutcomeVerified, contract.OutcomeDiverged:
		for _, e := range s.record {
			if e.kind == "asked" && slices.Contains(changing, e.step) {
				assert.Fail(s.t, "something was changed", "%s under %s", e, s.report.Outcome)
			}
		}
	}
}

func (s *story) skipped() int {
	count := 0
	for _, node := range s.report.Nodes {
		if node.Standing == contract.StandingSkipped {
			count++
		}
	}
	return count
}

// failed reports that a step of a node did not end well.
func (s *story) failed(step, node string) bool {
	return slices.ContainsFunc(s.record, func(e event) bool {
		return e.kind == "heard" && e.step == step && e.node == node && e.err != nil
	})
}
