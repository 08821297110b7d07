package activities

import (
	"context"
	"errors"
	"time"

	"github.com/clusterresync/clusterresync/internal/proof"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// VerifyInput is the node to prove and how thoroughly.
type VerifyInput struct {
	Target  Target                `json:"target"`
	Options contract.ProofOptions `json:"options"`
	// AsItIs says that the node was not resynced: one that does not replicate is then a finding for a person, not worth a wait.
	AsItIs bool `json:"asItIs,omitempty"`
	// CheapFirst leaves the rows of a node uncompared that differs already in what is cheap to look at.
	CheapFirst bool `json:"cheapFirst,omitempty"`
	// Again says that an earlier activity of the run may have left the node's applier stopped.
	Again bool `json:"again,omitempty"`
	// Refilled is the copy that the node was refilled by in this run; nil of a node that is proven as it is.
	Refilled *Refilled `json:"refilled,omitempty"`
}

// Refilled says which clone a node's data must have come from.
type Refilled struct {
	// Donor is the name of the node that fed the copy.
	Donor string `json:"donor"`
	// NotBefore is the recipient's own clock before its erase: a clone that began earlier is not this run's.
	NotBefore time.Time `json:"notBefore"`
}

// expected is the record that such a clone leaves, which names the donor as the statement did.
func (r *Refilled) expected(s *site) (*proof.CloneExpected, error) {
	if r == nil {
		return nil, nil
	}
	donor, err := s.cluster.Node(r.Donor)
	if err != nil {
		return nil, err
	}
	return &proof.CloneExpected{Donor: donor.PeerAddress.String(), NotBefore: r.NotBefore}, nil
}

// VerifyResult is the proof; a difference is a result, not an error.
type VerifyResult struct {
	Done
	Proof contract.Proof `json:"proof"`
}

// Verify proves that the recipient equals the primary. An attempt that died may have left the applier stopped, a restart behind the fence
// the whole channel: it is started first.
// What an earlier attempt has finished is not read again.
func (a *Activities) Verify(ctx context.Context, in VerifyInput) (VerifyResult, error) {
	result, err := a.verify(ctx, in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) verify(ctx context.Context, in VerifyInput) (VerifyResult, error) {
	pulse := startPulse(ctx, contract.StepVerify, in.Target.Node)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return VerifyResult{}, err
	}
	defer site.close()
	if err := site.confirmIdentities(ctx); err != nil {
		return VerifyResult{}, err
	}
	if !in.AsItIs {
		if err := site.resumeChannel(ctx, a.stillCurrent(ctx, pulse)); err != nil {
			return VerifyResult{}, err
		}
	}
	secondary, err := site.side()
	if err != nil {
		return VerifyResult{}, err
	}
	// A node proven as it is may have been stopped by an operator; that is not for us to undo.
	if err := proof.EnsureApplier(ctx, secondary, !in.AsItIs || in.Again || attempt(ctx) > 1); err != nil {
		return VerifyResult{}, asProofError(err, in.AsItIs)
	}
	options := optionsOf(in.Options)
	if options.Clone, err = in.Refilled.expected(site); err != nil {
		return VerifyResult{}, err
	}
	proofs, err := prover{primary: site.primarySide(), options: options, pulse: pulse}.prove(ctx, []proof.Side{secondary}, in.CheapFirst)
	if err != nil {
		return VerifyResult{}, asProofError(err, in.AsItIs)
	}
	return VerifyResult{Done: Done{Attempts: attempt(ctx)}, Proof: *proofs[0]}, nil
}

// asProofError types what kept a proof from being had. A server that cannot be reached keeps its own type.
func asProofError(err error, asItIs bool) error {
	switch {
	case errors.Is(err, proof.ErrUnfit):
		return final(contract.ErrorProof, "%w", err)
	case errors.Is(err, proof.ErrNoPair), errors.Is(err, proof.ErrBehind):
		return failed(contract.ErrorProof, "%w", err)
	case errors.Is(err, proof.ErrNotReplicating) && asItIs:
		return final(contract.ErrorReplication, "%w", err)
	case errors.Is(err, proof.ErrNotReplicating):
		return failed(contract.ErrorReplication, "%w", err)
	}
	return err
}
