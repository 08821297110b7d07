package workflows_test

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func (s *script) Verify(ctx context.Context, in activities.VerifyInput) (activities.VerifyResult, error) {
	var result activities.VerifyResult
	attempt, err := s.perform(ctx, in.Target.Node, "", func() error {
		s.cheapFirst = append(s.cheapFirst, in.CheapFirst)
		node := s.cluster.node(in.Target.Node)
		s.demand(in.AsItIs == (node.data == own), "%s was proven as it is: %t, with %s", node.name, in.AsItIs, node.data)
		s.demand(in.AsItIs == (in.Refilled == nil), "%s was proven as it is: %t, refilled: %v", node.name, in.AsItIs, in.Refilled)
		s.demand(in.Refilled == nil || in.Refilled.Donor == s.fedBy(node.name) && !in.Refilled.NotBefore.IsZero(),
			"%s was proven as refilled: %v, and %s fed it", node.name, in.Refilled, s.fedBy(node.name))
		if !node.following {
			return failing(contract.ErrorReplication, in.AsItIs)
		}
		result.Proof = proofOf(node, in.Options)
		return nil
	})
	result.Attempts = attempt
	return result, err
}

// VerifyTogether is a Verify of each, one after the other, as far as the record, faults and hooks are concerned.
func (s *script) VerifyTogether(ctx context.Context, in activities.VerifyTogetherInput) (activities.VerifyTogetherResult, error) {
	var result activities.VerifyTogetherResult
	var names []string
	for _, target := range in.Targets {
		names = append(names, target.Node)
	}
	s.write(event{kind: "together", step: strings.Join(names, " ")})
	result.Attempts = int(activity.GetInfo(ctx).Attempt)
	if fault, faulty := s.takeFault("VerifyTogether/"); faulty {
		return result, fault.err
	}
	for _, target := range in.Targets {
		var one activities.VerifiedNode
		_, err := s.performAs(ctx, "Verify", target.Node, "", func() error {
			s.cheapFirst = append(s.cheapFirst, in.CheapFirst)
			node := s.cluster.node(target.Node)
			s.demand(node.data == own, "%s was proven as it is with %s", node.name, node.data)
			if !node.following {
				return failing(contract.ErrorReplication, true)
			}
			proof := proofOf(node, in.Options)
			one.Proof = &proof
			return nil
		})
		var typed *temporal.ApplicationError
		switch {
		case errors.As(err, &typed):
			one.Lost = &activities.Lost{
				Node: target.Node, Type: contract.ErrorType(typed.Type()), Message: typed.Message(), Final: typed.NonRetryable(),
			}
			one.Proof = nil
		case err != nil:
			return result, err
		}
		result.Nodes = append(result.Nodes, one)
	}
	return result, nil
}

// fedBy is the donor of the last copy of a node that was done. The caller holds the lock.
func (s *script) fedBy(node string) string {
	for _, e := range slices.Backward(s.record) {
		if e.kind == "done" && e.step == "Clone" && e.node == node {
			return e.donor
		}
	}
	return ""
}

// proofOf judges as internal/proof does: a layer that was left out, or has a gap, is not equal.
func proofOf(node *server, options contract.ProofOptions) contract.Proof {
	proof := contract.Proof{Node: node.name, Primary: primary, Verdict: contract.ProofEqual, Layers: []contract.ProofLayer{
		{Name: contract.ProofGTIDs, Verdict: contract.ProofEqual}, {Name: contract.ProofSchema, Verdict: contract.ProofEqual},
		{Name: contract.ProofAccounts, Verdict: contract.ProofEqual}, {Name: contract.ProofRows, Verdict: contract.ProofEqual},
	}}
	rows := &proof.Layers[3]
	switch {
	case !options.CompareRows():
		rows.Verdict, proof.Verdict = contract.ProofSkipped, contract.ProofIncomplete
	case node.differs:
		rows.Verdict, rows.Differences, proof.Verdict = contract.ProofDifferent, 1, contract.ProofDifferent
	case node.gaps:
		rows.Verdict, proof.Verdict = contract.ProofIncomplete, contract.ProofIncomplete
	}
	proof.Equal = proof.Verdict == contract.ProofEqual
	return proof
}
