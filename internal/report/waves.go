package report

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// maxWaves bounds the table of waves; a run of more than that is told by the rule that its rows follow.
const maxWaves = 50

// waveBlocks say in which order nodes leave service, and what is left meanwhile.
func waveBlocks(plan contract.Plan) []block {
	if len(plan.Waves) == 0 {
		return nil
	}
	intro := "The order, if every copy takes equally long, and every proof of rows as long as a copy:"
	if plan.Mode == contract.ModeRepair {
		intro = "The order, if every secondary differs, every copy takes equally long, and every proof of rows as long as a copy:"
	}
	t := &table{Head: []string{"Wave", "Whole copies left", "In service", "Erased and refilled"}}
	for i, wave := range plan.Waves {
		if i == maxWaves {
			break
		}
		t.Rows = append(t.Rows, []cell{text(number(int64(i + 1))), text(number(int64(wave.CopiesLeft))), text(count(int64(wave.Serving), "secondary")),
			text(names(wave.Nodes))})
	}
	blocks := []block{paragraph(intro), {Table: t}}
	if more := len(plan.Waves) - maxWaves; more > 0 {
		blocks = append(blocks, paragraph("And "+count(int64(more), "more wave")+"."))
	}
	if plan.WavesSaved > 0 {
		blocks = append(blocks, paragraph("It would be "+count(int64(plan.WavesSaved), "wave")+
			" fewer if the donor account held CONNECTION_ADMIN: a copied secondary would feed the next while it is still being proven (README, Accounts)."))
	}
	return blocks
}

// leastCopies is the moment of a plan at which the fewest copies of the data are left; -1 when that is not known.
func leastCopies(plan contract.Plan) int {
	least := -1
	for _, wave := range plan.Waves {
		if least < 0 || wave.CopiesLeft < least {
			least = wave.CopiesLeft
		}
	}
	return least
}

// estimated is how long the copies may take. What is not known is said, and never zero.
func estimated(estimate *contract.Estimate) string {
	if estimate == nil {
		return "not known: there is nothing to reckon with"
	}
	return fmt.Sprintf("about %s for one copy, %s for all waves; proofs and the watch period come on top", durationText(estimate.Copy.Std()),
		durationText(estimate.Whole.Std()))
}

// hooks names the places that have hooks; empty for a plan that did not look.
func hooks(places []string) string {
	if places == nil {
		return ""
	}
	if len(places) == 0 {
		return "none are set: nothing drains a proxy or holds failover back"
	}
	return "called at " + names(places)
}
