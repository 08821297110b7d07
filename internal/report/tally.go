package report

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// tally counts what became of the nodes that a run reports.
type tally struct {
	// chosen are all but those left out.
	chosen   int64
	proven   int64
	verified int64
	diverged []string
	// unusable nodes are erased and not proven, or may be.
	unusable  []string
	untouched int64
	// withoutRows are good nodes whose rows were not all compared.
	withoutRows []string
}

func tallyOf(nodes []contract.NodeReport) tally {
	var n tally
	for _, node := range nodes {
		n.chosen++
		switch node.Standing {
		case contract.StandingProven:
			n.proven++
		case contract.StandingVerified:
			n.verified++
		case contract.StandingDiverged:
			n.diverged = append(n.diverged, node.Name)
		case contract.StandingUntouched:
			n.untouched++
		case contract.StandingSkipped:
			n.chosen--
		default:
			n.unusable = append(n.unusable, node.Name)
		}
		if good(node.Standing) && !rowsEqual(node.Proof) {
			n.withoutRows = append(n.withoutRows, node.Name)
		}
	}
	return n
}

func (n tally) good() int64 { return n.proven + n.verified }

// of is "2 of 3 secondaries".
func (n tally) of(part int64) string {
	if n.chosen == 1 {
		return fmt.Sprintf("%d of 1 secondary", part)
	}
	return fmt.Sprintf("%s of %s", number(part), count(n.chosen, "secondary"))
}

// all is "all 3 secondaries" or "the secondary".
func (n tally) all() string {
	if n.chosen == 1 {
		return "the secondary"
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
