package proof

import (
	"context"
	"regexp"
	"strings"

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

// gtid_owned names the thread behind each transaction, and may put nothing between two sources (seen on 9.7:
// "UUID:9#18:7#15UUID:1#19").
var (
	ownedSource = regexp.MustCompile(`[\s,]*([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:)`)
	ownedThread = regexp.MustCompile(`#[0-9]+`)
)

// ownedSet turns gtid_owned into a set to append to another; empty if nothing is owned.
func ownedSet(owned string) string {
	return strings.TrimSpace(ownedThread.ReplaceAllString(ownedSource.ReplaceAllString(owned, ",$1"), ""))
}

// begun is what the server executed or is committing. A transaction is sent to the secondaries before the server that wrote it names it
// in gtid_executed, and may be executed there by then (seen under load on 9.7); until it is named it stands in gtid_owned. So that is read
// first: what leaves it in between is found in the other.
func (s *server) begun(ctx context.Context) (string, error) {
	owned, err := s.control.value(ctx, "SELECT @@global.gtid_owned")
	if err != nil {
		return "", err
	}
	executed, err := s.executed(ctx)
	return executed + ownedSet(owned), err
}

// lookForErrant reads the secondary first: what it executed by then and the primary does not know of a moment later never came from
// there.
func (e *engine) lookForErrant(ctx context.Context) error {
	for _, r := range e.alive() {
		theirs, err := r.executed(ctx)
		if err != nil {
			return e.blame(r, err)
		}
		ours, err := e.primary.begun(ctx)
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
