package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// watch looks at the cluster for a while after the last return: threads, lag, new errant transactions. What it sees is told; a proof
// already given is not taken back by a lag.
func (r *run) watch(ctx workflow.Context) {
	proven := r.standing(contract.StandingProven)
	if len(proven) == 0 || r.request.Watch.Std() == 0 || ctx.Err() != nil {
		return
	}
	r.enter(contract.PhaseWatch)
	var targets []activities.Target
	for _, name := range proven {
		targets = append(targets, r.target(r.planNode(name)))
	}
	var seen contract.WatchReport
	err := workflow.ExecuteActivity(proving(ctx, "Watch the cluster for "+r.request.Watch.String()), r.act.Watch,
		activities.WatchInput{Targets: targets, Duration: r.request.Watch.Std()}).Get(ctx, &seen)
	if err == nil {
		r.report.Watch = &seen
		return
	}
	workflow.GetLogger(ctx).Warn("the watch period ended early", "error", err)
}

// judge turns what became of the nodes into the run's outcome.
func (r *run) judge(ctx workflow.Context) ending {
	good := append(r.standing(contract.StandingProven), r.standing(contract.StandingVerified)...)
	all := len(r.report.Nodes)
	left := r.notGood()
	switch {
	case all > 0 && len(good) == all:
		return ending{outcome: contract.OutcomeSucceeded, reason: fmt.Sprintf(
			"all %d chosen secondaries are proven equal to the primary and in service%s", all, r.extent())}
	case r.stopping(ctx) != "":
		return ending{outcome: contract.OutcomeCancelled, reason: fmt.Sprintf(
			"%s: stopped at a safe point; %d of %d secondaries are proven, not so: %s", r.stopping(ctx), len(good), all, left)}
	case len(good) > 0:
		return ending{outcome: contract.OutcomePartlySucceeded, typ: r.firstErrorType(), reason: fmt.Sprintf(
			"%d of %d secondaries are proven; not so: %s", len(good), all, left)}
	default:
		return ending{outcome: contract.OutcomeFailed, typ: r.firstErrorType(), reason: "no secondary is proven: " + left}
	}
}

// judgeVerification is the outcome of a verification that did not find everything equal.
func (r *run) judgeVerification(failing []string) ending {
	if len(r.standing(contract.StandingDiverged)) > 0 {
		return ending{outcome: contract.OutcomeDiverged, typ: contract.ErrorDiverged, reason: fmt.Sprintf(
			"%d of %d secondaries were not proven equal: %s", len(failing), len(r.report.Nodes), r.notGood())}
	}
	end := ending{outcome: contract.OutcomeFailed, typ: r.firstErrorType(), reason: "the proof could not be had: " + r.notGood()}
	if len(r.standing(contract.StandingVerified)) > 0 {
		end.outcome = contract.OutcomePartlySucceeded
	}
	return end
}

func (r *run) standing(standing contract.Standing) []string {
	var names []string
	for _, node := range r.report.Nodes {
		if node.Standing == standing {
			names = append(names, node.Name)
		}
	}
	return names
}

func (r *run) notGood() string {
	var texts []string
	more := 0
	for _, node := range r.report.Nodes {
		if len(texts) == maxNamed && node.Standing != contract.StandingProven && node.Standing != contract.StandingVerified {
			more++
			continue
		}
		if node.Standing == contract.StandingProven || node.Standing == contract.StandingVerified {
			continue
		}
		text := node.Name + " (" + node.State
		if node.Error != "" {
			text += ": " + node.Error
		}
		texts = append(texts, text+")")
	}
	if more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "; ")
}

func (r *run) firstErrorType() contract.ErrorType {
	for _, node := range r.report.Nodes {
		if node.ErrorType != "" {
			return node.ErrorType
		}
	}
	return contract.ErrorRun
}

// close releases the locks, mails the report and closes the workflow. It runs on a disconnected context: a cancelled run is told of
// as well.
func (r *run) close(ctx workflow.Context, end ending) (*contract.Report, error) {
	apart, _ := workflow.NewDisconnectedContext(ctx)
	r.report.Outcome, r.report.ErrorType, r.report.Reason = end.outcome, end.typ, end.reason
	r.report.Ended = r.now()
	r.addSkipped()
	// The phase comes first: while the locks are given back, nobody may be told that an approval was accepted.
	r.enter(contract.PhaseReport)
	// While the locks are held: the runStart hooks of another run must not come before these.
	r.endHooks(apart)
	for _, lock := range slices.Backward(r.locks) {
		lock.release(apart)
	}
	r.auditEnd(apart)
	r.mail(apart)
	r.enter(contract.PhaseClosed)
	r.render()
	return r.result(end.detail)
}

// addSkipped names the secondaries that the plan left out because they were unreachable.
func (r *run) addSkipped() {
	if r.report.Plan == nil || r.report.Outcome == contract.OutcomePlanned {
		return
	}
	for _, node := range r.report.Plan.Secondaries {
		if !node.Reachable && r.request.OnUnreachable == contract.UnreachableSkip {
			r.report.Nodes = append(r.report.Nodes, contract.NodeReport{
				Name: node.Name, Standing: contract.StandingSkipped, State: "left out: " + node.State,
				Next: "bring it back and start a run for it",
			})
		}
	}
}

// mail tells the outcome. A mail that fails never changes it (I7).
func (r *run) mail(ctx workflow.Context) {
	var sent activities.MailResult
	err := workflow.ExecuteActivity(mailing(ctx, "Mail the report"), r.act.MailReport,
		activities.MailReportInput{Report: r.abridged(), Notify: r.recipients()}).Get(ctx, &sent)
	if err != nil {
		r.report.Mail = "not sent: " + failureOf(err).Message
		workflow.GetLogger(ctx).Error("the report could not be mailed", "error", err)
		return
	}
	r.report.Mail = sent.Where
}

// recipients are whom the input names; the activity adds those of the inventory, or the worker's default.
func (r *run) recipients() []string { return r.request.ReachableNotify() }

// result closes the workflow: good outcomes complete it, a cancel cancels it, anything else fails it, each with the whole report.
func (r *run) result(detail string) (*contract.Report, error) {
	short := r.abridged()
	switch {
	case r.report.Outcome.Good():
		return &short, nil
	case r.report.Outcome == contract.OutcomeCancelled:
		return nil, temporal.NewCanceledError(short)
	default:
		typ := r.report.ErrorType
		if typ == "" {
			typ = contract.ErrorRun
		}
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("%s: %s%s", r.report.Outcome, r.report.Reason, detail), string(typ), nil, short)
	}
}
