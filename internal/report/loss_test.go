package report

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestLossInWords(t *testing.T) {
	data := []contract.OnlyHere{{Kind: contract.ObjectTable, Name: "shop.scratch"}, {Kind: contract.ObjectAccount, Name: "'a'@'%'"}}
	for want, l := range map[string]contract.Loss{
		"nothing that the primary does not have, as far as GTIDs tell":                     {OnlyHere: data[1:]},
		"1 transaction that the primary does not have: u:1":                                {ErrantGTIDs: "u:1", Transactions: 1},
		"1 object with data, named below, that the primary does not have or has otherwise": {OnlyHere: data},
		"cannot be known: it has data under an empty GTID set":                             {Unknown: "it has data under an empty GTID set"},
		"cannot be known: so; u:1-2; 1 object with data, named below, that the primary does not have or has otherwise": {Unknown: "so",
			ErrantGTIDs: "u:1-2", OnlyHere: data},
	} {
		assert.Equal(t, want, loss(l))
	}
}

// What is kept is not called lost, and what cannot be kept is not called kept.
func TestWhatIsKeptIsTold(t *testing.T) {
	readable := contract.Loss{ErrantGTIDs: "u:1-3", Transactions: 3, Preview: &contract.LossPreview{}}
	purged := contract.Loss{ErrantGTIDs: "u:4", Transactions: 1, Preview: &contract.LossPreview{Unreadable: "purged"}}
	for name, test := range map[string]struct {
		choice contract.UnreplicatedWrites
		losses []contract.Loss
		says   string
	}{
		"nothing":         {contract.UnreplicatedRescue, []contract.Loss{{}, {}}, "The run would erase and refill 2 secondaries of cluster shop (a, b)."},
		"all is kept":     {contract.UnreplicatedRescue, []contract.Loss{readable, {}}, ", after it has kept in the archive the writes that the primary does not have."},
		"some is kept":    {contract.UnreplicatedRescue, []contract.Loss{readable, purged}, ", keeping in the archive some of the writes that the primary does not have, and destroying the others."},
		"nothing is kept": {contract.UnreplicatedRescue, []contract.Loss{purged, {}}, "(a, b), destroying writes that the primary does not have."},
		"discarded":       {contract.UnreplicatedDiscard, []contract.Loss{readable, {}}, "(a, b), destroying writes that the primary does not have."},
	} {
		t.Run(name, func(t *testing.T) {
			plan := contract.Plan{Cluster: "shop", Mode: contract.ModeResync, UnreplicatedWrites: test.choice, Secondaries: []contract.PlanNode{
				{Name: "a", Chosen: true, Loss: test.losses[0]}, {Name: "b", Chosen: true, Loss: test.losses[1]}}}
			assert.Contains(t, wouldDo(plan), test.says)
			for i, node := range plan.Secondaries {
				keeps := kept(plan, node.Loss)
				assert.Equal(t, test.choice == contract.UnreplicatedRescue && test.losses[i].ErrantGTIDs == "u:1-3", keeps)
			}
			assert.Equal(t, test.choice == contract.UnreplicatedRescue && test.losses[0].ErrantGTIDs == "u:1-3",
				containsLabel(lossSection(plan), "Kept first"))
		})
	}
}

func containsLabel(one section, label string) bool {
	for _, b := range one.Blocks {
		for _, f := range b.Fields {
			if f.Label == label {
				return true
			}
		}
	}
	return false
}

func TestAVerificationShowsNeitherWavesNorLosses(t *testing.T) {
	plan := *examplePlan()
	plan.Mode = contract.ModeVerify
	text := PlanText(plan)
	for _, part := range []string{"Whole copies left", "Estimated", "Hooks", "What would be destroyed"} {
		assert.NotContains(t, text, part)
		assert.Contains(t, PlanText(*examplePlan()), part)
	}
}

// A plan out of an older history says nothing of hooks; it must not read as if there were none.
func TestHooksAreToldOnlyWhereTheyWereLookedFor(t *testing.T) {
	for want, places := range map[string][]string{"Hooks                none are set": {}, "Hooks                called at runStart, runEnd": {"runStart", "runEnd"}} {
		plan := *examplePlan()
		plan.Hooks = places
		text, err := json.Marshal(plan)
		require.NoError(t, err)
		var read contract.Plan
		require.NoError(t, json.Unmarshal(text, &read))
		assert.Contains(t, PlanText(read), want)
	}
	old := *examplePlan()
	old.Hooks = nil
	assert.NotContains(t, PlanText(old), "Hooks")
}

func TestManyWavesAreCut(t *testing.T) {
	plan := *examplePlan()
	plan.Waves = nil
	for i := range maxWaves + 3 {
		plan.Waves = append(plan.Waves, contract.Wave{Nodes: []string{fmt.Sprintf("wave-%d-node", i+1)}, CopiesLeft: 60 - i, Serving: 1})
	}
	text := PlanText(plan)
	assert.Contains(t, text, "wave-50-node")
	assert.NotContains(t, text, "wave-51-node")
	assert.Contains(t, text, "And 3 more waves.")
	assert.Contains(t, text, "8 whole copies of the data at any moment", "the waves that are not shown count")
}

// What the plan does not name is counted, and what no rescue keeps is not passed off as kept.
func TestWhatIsOnlyHereIsCountedWhole(t *testing.T) {
	plan := *examplePlan()
	db3 := &plan.Secondaries[1]
	db3.Loss.OnlyHereInAll = len(db3.Loss.OnlyHere) + 7
	assert.Contains(t, PlanText(plan), "And 7 more objects.")
	assert.Contains(t, PlanText(plan), "The rest needs none, and is kept")
	db3.Loss.OnlyHere = db3.Loss.Data()
	db3.Loss.OnlyHereInAll = len(db3.Loss.OnlyHere)
	assert.NotContains(t, PlanText(plan), "more object")
	assert.NotContains(t, PlanText(plan), "The rest needs none")
}
