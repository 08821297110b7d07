package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// many is a report of n nodes with everything that can be said of one.
func many(n int, standing contract.Standing) contract.Report {
	r := contract.Report{Cluster: "shop", RunID: "run", Outcome: contract.OutcomeSucceeded, Plan: &contract.Plan{ID: "plan"}}
	for i := range n {
		name := fmt.Sprintf("db%d", i)
		node := contract.NodeReport{
			Name: name, Standing: standing, State: "as it is", Error: strings.Repeat("é", 2000), Next: "do something", Notes: []string{"a note"},
			Steps:     []contract.StepReport{{Step: contract.StepClone, Attempts: 1}},
			Destroyed: &contract.Destroyed{GTIDs: strings.Repeat("g", 500), Schemas: []string{"a", "b"}, Tables: 3},
			Copy:      &contract.Copy{Donor: "p", Bytes: 1, GTIDs: "g:1"},
			Proof: &contract.Proof{Node: name, Verdict: contract.ProofEqual, Equal: true, Layers: []contract.ProofLayer{
				{Name: contract.ProofRows, Verdict: contract.ProofEqual, Rows: 7, Notes: []string{strings.Repeat("n", 500)}},
			}},
		}
		r.Nodes = append(r.Nodes, node)
		r.Plan.Secondaries = append(r.Plan.Secondaries, contract.PlanNode{Name: name, Schemas: []string{strings.Repeat("s", 200)}})
		r.Plan.Findings = append(r.Plan.Findings, contract.Finding{Code: "a", Node: name, Verdict: contract.VerdictPass, Observed: "as wanted"})
	}
	return r
}

func TestAReportThatFitsIsWhole(t *testing.T) {
	r := many(3, contract.StandingProven)
	require.Equal(t, r, Abridge(r, 1<<20))
}

func TestALargeReportFitsAndSaysWhatBecameOfEachNode(t *testing.T) {
	for _, standing := range []contract.Standing{contract.StandingProven, contract.StandingFenced} {
		full := many(200, standing)
		before, err := json.Marshal(full)
		require.NoError(t, err)
		const limit = 250_000
		short := Abridge(full, limit)
		text, err := json.Marshal(short)
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), limit, standing)
		require.Len(t, short.Nodes, 200)
		for i, node := range short.Nodes {
			require.Equal(t, full.Nodes[i].Name, node.Name)
			require.Equal(t, standing, node.Standing)
			require.Equal(t, "as it is", node.State)
			require.Equal(t, "do something", node.Next)
			require.EqualValues(t, 7, node.Proof.Layers[0].Rows)
		}
		require.Contains(t, short.Notes[0], "abridged")
		require.Equal(t, "plan", short.Plan.ID)
		after, err := json.Marshal(full)
		require.NoError(t, err)
		require.Equal(t, before, after, "the report itself stays whole")
	}
}

func TestTroubleKeepsItsEvidenceLongest(t *testing.T) {
	full := many(100, contract.StandingProven)
	full.Nodes[7].Standing = contract.StandingFenced
	text, err := json.Marshal(full)
	require.NoError(t, err)
	short := Abridge(full, len(text)-1000)
	require.Equal(t, full.Nodes[7], short.Nodes[7])
	require.Empty(t, short.Nodes[6].Destroyed.Schemas)
}
