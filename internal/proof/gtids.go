package proof

import (
	"context"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// proveGTIDs looks for transactions that a secondary executed and the primary did not, and waits until it misses none of those that
// the primary had executed when the proof began.
func (e *engine) proveGTIDs(ctx context.Context) error {
	if err := e.lookForErrant(ctx); err != nil {
		return err
	}
	for _, r := range e.alive() {
		set, err := e.catchUp(ctx, r)
		if err != nil {
			return err
		}
		r.note(contract.ProofGTIDs, "caught up to "+cut(set, 500))
		r.layer(contract.ProofGTIDs).Examined = 1
	}
	return nil
}

// lookForErrant reads the secondary first: what it executed by then and the primary has not executed a moment later never came from
// there.
func (e *engine) lookForErrant(ctx context.Context) error {
	for _, r := range e.alive() {
		theirs, err := r.executed(ctx)
		if err != nil {
			return e.blame(r, err)
		}
		ours, err := e.primary.executed(ctx)
		if err != nil {
			return err
		}
		errant, err := e.primary.subtract(ctx, theirs, ours)
		if err != nil {
			return err
		}
		if errant != "" && errant != r.errant {
			// Seen at the start and grown since: one difference, told by its latest state.
			if r.errant != "" {
				l := r.layer(contract.ProofGTIDs)
				l.Differences, l.Listed = 0, nil
			}
			r.errant = errant
			r.differ(contract.ProofGTIDs, e.options.Listed, contract.ProofDifference{Kind: contract.ProofExtra, Object: "transactions",
				Secondary: cut(errant, 500), Detail: "executed here and not on " + e.primary.name})
		}
	}
	return nil
}
