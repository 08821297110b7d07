package report

import (
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// changedNothing reports whether a run promises that no node was changed. A mode that only looks never changes
// one, and a cancelled run that began no node changed none.
func changedNothing(report contract.Report) bool {
	if report.Mode == contract.ModeVerify || report.Mode == contract.ModePlan {
		return true
	}
	switch report.Outcome {
	case contract.OutcomePlanned, contract.OutcomeVerified, contract.OutcomeDiverged, contract.OutcomeRefused,
		contract.OutcomeRejected, contract.OutcomeExpired, contract.OutcomeAlreadyRunning:
		return true
	case contract.OutcomeCancelled:
		return len(report.Nodes) == 0
	default:
		return false
	}
}

// outcomeWords is an outcome for people.
func outcomeWords(outcome contract.Outcome) string {
	switch outcome {
	case contract.OutcomePartlySucceeded:
		return "partly succeeded"
	case contract.OutcomeAlreadyRunning:
		return "already running"
	case "":
		return "no outcome"
	default:
		return string(outcome)
	}
}

// outcomeTone is an outcome's colour. A node that must not be used makes any outcome a bad one.
func outcomeTone(report contract.Report, n tally) tone {
	switch {
	case len(n.unusable) > 0 && report.Outcome != contract.OutcomePartlySucceeded:
		return toneBad
	case report.Outcome == contract.OutcomePlanned && report.Plan != nil && len(report.Plan.Failures()) > 0:
		return toneWarn
	case report.Outcome.Good():
		return toneGood
	case report.Outcome == contract.OutcomeDiverged || report.Outcome == contract.OutcomeFailed || report.Outcome == "":
		return toneBad
	default:
		return toneWarn
	}
}

func standingTone(standing contract.Standing) tone {
	switch standing {
	case contract.StandingProven, contract.StandingVerified:
		return toneGood
	case contract.StandingUntouched, contract.StandingSkipped:
		return toneQuiet
	default:
		return toneBad
	}
}

// stateOf is a node's state in a sentence, also for a report that does not say it.
func stateOf(node contract.NodeReport) string {
	if node.State != "" {
		return node.State
	}
	switch node.Standing {
	case contract.StandingProven:
		return "Erased, refilled, proven equal and in service."
	case contract.StandingVerified:
		return "Proven equal as it was; nothing was changed."
	case contract.StandingDiverged:
		return "It differs from the primary; nothing was changed."
	case contract.StandingUntouched:
		return "Its data, GTIDs, channel and settings are as before."
	case contract.StandingSkipped:
		return "Left out of this run."
	case contract.StandingFenced:
		return "Erased and not proven. It is fenced: clients cannot use it, and must not."
	default:
		return "The run could not find out how it stands."
	}
}

// nextFor says what to do about a node. A node that is not in order never goes without. looked means that the run changed nothing.
func nextFor(node contract.NodeReport, looked bool) string {
	switch {
	case node.Next != "":
		return node.Next
	case looked && (node.Standing == contract.StandingUnknown || node.Standing == ""):
		return "Nothing was changed on it. Start the run again to learn how it stands."
	}
	switch node.Standing {
	case contract.StandingProven, contract.StandingVerified, contract.StandingUntouched:
		return ""
	case contract.StandingSkipped:
		return "Nothing, if it was left out on purpose; else bring it within reach and start the resync again."
	case contract.StandingDiverged:
		return "Look at the differences below, then start a run with mode repair, which resyncs it."
	case contract.StandingFenced:
		return "Leave the fence up, put the cause right, and start the resync again: it takes the node as it is and refills it."
	default:
		return "Take it for erased: keep clients away until somebody has looked at it, then start the resync again."
	}
}

// modeWords is what a run with this mode is called.
func modeWords(mode contract.Mode) string {
	switch mode {
	case contract.ModeRepair:
		return "Repair"
	case contract.ModeVerify:
		return "Verification"
	case contract.ModePlan:
		return "Plan"
	default:
		return "Resync"
	}
}

func layerWords(name contract.ProofLayerName) string {
	switch name {
	case contract.ProofClone:
		return "clone status"
	case contract.ProofGTIDs:
		return "GTID sets"
	case contract.ProofSchema:
		return "schema objects"
	case contract.ProofAccounts:
		return "accounts and grants"
	case contract.ProofSettings:
		return "settings"
	case contract.ProofRows:
		return "rows"
	case contract.ProofService:
		return "state of service"
	default:
		return string(name)
	}
}

// layerNoun is what a layer counts.
func layerNoun(name contract.ProofLayerName) string {
	switch name {
	case contract.ProofSchema:
		return "object"
	case contract.ProofAccounts:
		return "account"
	case contract.ProofSettings:
		return "setting"
	case contract.ProofRows:
		return "table"
	default:
		return "item"
	}
}

func verdictTone(verdict contract.ProofVerdict) tone {
	switch verdict {
	case contract.ProofEqual:
		return toneGood
	case contract.ProofDifferent:
		return toneBad
	case contract.ProofSkipped:
		return toneQuiet
	default:
		return toneWarn
	}
}
