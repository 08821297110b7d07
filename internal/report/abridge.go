package report

import (
	"encoding/json"
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Abridge makes a report fit into so many bytes of JSON, because it travels as one payload, of which Temporal takes 2 MiB at most and ends
// a run that sends more. A report that fits is returned as it is. Of one that does not, details go in the order in which they are missed
// least, those of nodes in good order first; what became of each node always stays. The workflow of each node, or of each group, keeps
// all of it as its result.
func Abridge(full contract.Report, limit int) contract.Report {
	if fits(full, limit) {
		return full
	}
	short := full
	short.Notes = append(append([]string(nil), full.Notes...), fmt.Sprintf(
		"this report of %d nodes is abridged; the whole of what was done to a node is the result of its workflow %s, or of that of the "+
			"first node it was proven together with",
		len(full.Nodes), contract.NodeWorkflowID(full.Cluster, "<node>")))
	for _, shorten := range []func(*contract.Report){leaveEvidenceOfGood, leavePlanDetails, leaveStepsOfGood, leaveEvidence} {
		shorten(&short)
		if fits(short, limit) {
			break
		}
	}
	return short
}

// fits is deterministic: the same report encodes to the same text. workflowcheck follows encoding/json down to the garbage collector.
//
//workflowcheck:ignore
func fits(r contract.Report, limit int) bool {
	text, err := json.Marshal(r)
	return err == nil && len(text) <= limit
}

// eachNode replaces the nodes by changed ones; those of the full report are not touched.
func eachNode(r *contract.Report, which func(contract.NodeReport) bool, change func(*contract.NodeReport)) {
	nodes := append([]contract.NodeReport(nil), r.Nodes...)
	for i := range nodes {
		if which(nodes[i]) {
			change(&nodes[i])
		}
	}
	r.Nodes = nodes
}

func inOrder(n contract.NodeReport) bool { return good(n.Standing) }

// leaveEvidenceOfGood keeps of a proof which layers agree.
func leaveEvidenceOfGood(r *contract.Report) { eachNode(r, inOrder, shortenEvidence) }

func leaveEvidence(r *contract.Report) {
	eachNode(r, func(contract.NodeReport) bool { return true }, func(n *contract.NodeReport) {
		shortenEvidence(n)
		n.Steps, n.Error, n.Next = nil, cut(n.Error), cut(n.Next)
	})
}

func shortenEvidence(n *contract.NodeReport) {
	if n.Destroyed != nil {
		destroyed := *n.Destroyed
		destroyed.Schemas, destroyed.GTIDs = nil, ""
		n.Destroyed = &destroyed
	}
	if n.Copy != nil {
		copied := *n.Copy
		copied.GTIDs = ""
		n.Copy = &copied
	}
	if n.Proof != nil {
		proof := *n.Proof
		proof.Spans, proof.Layers = nil, nil
		for _, layer := range n.Proof.Layers {
			proof.Layers = append(proof.Layers, contract.ProofLayer{
				Name: layer.Name, Verdict: layer.Verdict, Differences: layer.Differences, Warnings: layer.Warnings, Rows: layer.Rows,
			})
		}
		n.Proof = &proof
	}
}

func leaveStepsOfGood(r *contract.Report) {
	eachNode(r, inOrder, func(n *contract.NodeReport) { n.Steps, n.Destroyed, n.Notes = nil, nil, nil })
}

// leavePlanDetails keeps what was approved and what was objected to.
func leavePlanDetails(r *contract.Report) {
	if r.Plan == nil {
		return
	}
	plan := *r.Plan
	plan.Findings = append(plan.Failures(), plan.Warnings()...)
	plan.Secondaries = append([]contract.PlanNode(nil), plan.Secondaries...)
	for i := range plan.Secondaries {
		plan.Secondaries[i].Schemas, plan.Secondaries[i].Loss.Preview = nil, nil
	}
	r.Plan = &plan
}

func cut(text string) string {
	const most = 300
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
