package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// rowsLeftOut is said wherever a proof without rows is told of: such a proof never says more than that the rest agrees.
const rowsLeftOut = "rows were not compared, as was asked"

// judgeProof accepts a proof whose every layer agrees, apart from those left out on request (I4). A difference and a proof with gaps are
// two things: the one is Diverged, the other Proof.
func judgeProof(node string, proof contract.Proof) error {
	if proof.Equal {
		return nil
	}
	if proof.Verdict == contract.ProofDifferent {
		return temporal.NewNonRetryableApplicationError(node+" differs from the primary", string(contract.ErrorDiverged), nil)
	}
	var gaps []string
	for _, layer := range proof.Layers {
		if layer.Verdict != contract.ProofEqual && layer.Verdict != contract.ProofSkipped {
			gaps = append(gaps, strings.Join(append([]string{string(layer.Name)}, layer.Notes...), ": "))
		}
	}
	if len(gaps) == 0 && proof.Layer(contract.ProofGTIDs).Verdict == contract.ProofEqual {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(
		"no difference was found on %s, but not everything could be compared: %s", node, strings.Join(gaps, "; ")), string(contract.ErrorProof), nil)
}

// proven says how far an accepted proof goes.
func proven(proof contract.Proof) string {
	if proof.Equal {
		return "proven equal to the primary"
	}
	return "definitions, accounts and GTIDs agree with the primary (" + rowsLeftOut + ")"
}

// extent is added to the reason of a run that was asked not to compare rows.
func (r *run) extent() string {
	if r.request.Proof.CompareRows() {
		return ""
	}
	return "; " + rowsLeftOut
}
