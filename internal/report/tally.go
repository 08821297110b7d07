package report

import (
	"fmt"
	"slices"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// tally counts what became of the nodes that a run reports.
type tally struct {
	// chosen are all but those left out.
	chosen int64
	// first is the name of the first of them.
	first    string
	proven   int64
	verified int64
	diverged []string
	// unusable nodes are erased and not proven, or may be.
	unusable []string
	// withoutRows are good nodes whose rows were not all compared.
	withoutRows []string
}

func tallyOf(report contract.Report) tally {
	var n tally
	for _, node := range append(slices.Clip(report.Nodes), omitted(report)...) {
		n.chosen++
		switch node.Standing {
		case contract.StandingProven:
			n.proven++
		case contract.StandingVerified:
			n.verified++
		case contract.StandingDiverged:
			n.diverged = append(n.diverged, node.Name)
		case contract.StandingUntouched:
		case contract.StandingSkipped:
			n.chosen--
		case contract.StandingFenced:
			n.unusable = append(n.unusable, node.Name)
		default:
			// A run that only looked leaves no node worse than it was.
			if !changedNothing(report) {
				n.unusable = append(n.unusable, node.Name)
			}
		}
		if n.chosen == 1 && n.first == "" {
			n.first = node.Name
		}
		if good(node.Standing) && !rowsEqual(node.Proof) {
			n.withoutRows = append(n.withoutRows, node.Name)
		}
	}
	return n
}

// omitted are chosen secondaries on which a run that changed something is silent. Nobody knows how they stand.
func omitted(report contract.Report) []contract.NodeReport {
	if report.Plan == nil || changedNothing(report) {
		return nil
	}
	var some []contract.NodeReport
	for _, planned := range report.Plan.Chosen() {
		if !slices.ContainsFunc(report.Nodes, func(told contract.NodeReport) bool { return told.Name == planned.Name }) {
			some = append(some, contract.NodeReport{
				Name: planned.Name, ServerUUID: planned.ServerUUID, Standing: contract.StandingUnknown, State: "the run ended without a word on it",
			})
		}
	}
	return some
}

func (n tally) good() int64 { return n.proven + n.verified }

// of is "2 of 3 secondaries".
func (n tally) of(part int64) string {
	if n.chosen == 1 {
		return fmt.Sprintf("%d of 1 secondary", part)
	}
	return fmt.Sprintf("%s of %s", number(part), count(n.chosen, "secondary"))
}

// all is "all 3 secondaries" or "secondary db2".
func (n tally) all() string {
	if n.chosen == 1 {
		return "secondary " + n.first
	}
	return "all " + count(n.chosen, "secondary")
}

func good(standing contract.Standing) bool {
	return standing == contract.StandingProven || standing == contract.StandingVerified
}

// rowsEqual reports whether a proof says that every row was compared and agrees.
func rowsEqual(proof *contract.Proof) bool {
	return proof != nil && proof.Layer(contract.ProofRows).Verdict == contract.ProofEqual
}
