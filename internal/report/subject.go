package report

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// maxNameInSubject bounds names that somebody mistyped; names of the inventory are shorter.
const maxNameInSubject = 64

// Subject is the subject of a run's mail: outcome, cluster, the outcome in a few words, run ID.
func Subject(report contract.Report) string {
	return subject(string(report.Outcome), report.Cluster, inShort(report), report.RunID)
}

// ApprovalSubject is the subject of the mail that asks for an approval.
func ApprovalSubject(report contract.Report) string {
	what := "a plan awaits your decision"
	if plan := report.Plan; plan != nil {
		what = fmt.Sprintf("%s of %s awaits your decision", lower(modeWords(plan.Mode)), count(int64(len(plan.Chosen())), "secondary"))
		if plan.Destroys() {
			what += ", it destroys unreplicated writes"
		}
	}
	return subject("approval needed", report.Cluster, what, report.RunID)
}

func subject(outcome, cluster, what, runID string) string {
	return fmt.Sprintf("[%s] %s: %s (run %s)", oneLine(outcome, maxNameInSubject), clusterName(cluster), oneLine(what, 120), oneLine(runID, maxNameInSubject))
}

// clusterName is "cluster shop", also for a run that named none.
func clusterName(cluster string) string {
	if cluster == "" {
		return "no cluster named"
	}
	return "cluster " + oneLine(cluster, maxNameInSubject)
}

// about is "Resync of cluster shop".
func about(mode contract.Mode, cluster string) string {
	if cluster == "" {
		return modeWords(mode)
	}
	return modeWords(mode) + " of " + clusterName(cluster)
}

// inShort is an outcome in a few words. A node that must not be used is named in every case.
func inShort(report contract.Report) string {
	n := tallyOf(report)
	short := ""
	switch report.Outcome {
	case contract.OutcomeSucceeded:
		short = n.all() + " proven and in service"
		if len(n.withoutRows) > 0 {
			short = n.all() + " resynced and in service, rows not compared"
		}
	case contract.OutcomePlanned:
		short = plannedInShort(report.Plan)
	case contract.OutcomeVerified:
		short = n.all() + " proven equal to the primary"
		if len(n.withoutRows) > 0 {
			short = n.all() + " agree with the primary, rows not compared"
		}
	case contract.OutcomeDiverged:
		short = n.of(int64(len(n.diverged))) + verb(len(n.diverged), " differs", " differ") + " from the primary"
	case contract.OutcomePartlySucceeded:
		short = n.of(n.good()) + " proven"
	case contract.OutcomeCancelled:
		short = "stopped at a safe point, nothing was changed"
		if n.chosen > 0 {
			short = "stopped at a safe point, " + n.of(n.good()) + " proven"
		}
	case contract.OutcomeFailed:
		short = "no secondary is proven"
	case contract.OutcomeRefused:
		short = sentence(", ", refusedInShort(report), "nothing was changed")
	case contract.OutcomeRejected:
		short = "the plan was rejected, nothing was changed"
	case contract.OutcomeExpired:
		short = "nobody approved the plan in time, nothing was changed"
	case contract.OutcomeAlreadyRunning:
		short = "another run holds the cluster, nothing was changed"
	default:
		short = "the run ended without an outcome"
	}
	if len(n.unusable) > 0 {
		short += "; not usable: " + names(n.unusable)
	}
	return short
}

func plannedInShort(plan *contract.Plan) string {
	if plan == nil {
		return "plan made"
	}
	short := "plan for " + count(int64(len(plan.Chosen())), "secondary")
	if failures := len(plan.Failures()); failures > 0 {
		short += ", " + count(int64(failures), "check") + " failed"
	}
	if plan.Destroys() {
		short += ", unreplicated writes would be lost"
	}
	return short
}

func refusedInShort(report contract.Report) string {
	switch report.ErrorType {
	case contract.ErrorInvalidInput:
		return "the input is not valid"
	case contract.ErrorUnknownCluster:
		return "the inventory has no such cluster"
	case contract.ErrorInventory, contract.ErrorInventoryChanged:
		return "the inventory cannot be used"
	case contract.ErrorWrongConfirm:
		return "the confirmation is not good for this plan"
	case contract.ErrorPreconditions:
		if report.Plan != nil {
			return count(int64(len(report.Plan.Failures())), "check") + " failed"
		}
		return "preconditions failed"
	case contract.ErrorPlanChanged:
		return "the plan is not the one that was seen"
	case contract.ErrorUnreplicatedWrites:
		return "unreplicated writes would be lost"
	case contract.ErrorUnreachable:
		return "a server cannot be reached"
	case "":
		return "refused"
	default:
		return "refused: " + string(report.ErrorType)
	}
}
