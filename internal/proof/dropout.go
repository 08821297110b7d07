package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// A secondary that fails while several are proven together drops out; the others go on. Its proof is incomplete and says why. The last
// one has nobody to stand back for: its error is the Run's.

// blamed is an error that came from one secondary.
type blamed struct {
	replica *replica
	err     error
}

func (b *blamed) Error() string { return b.err.Error() }
func (b *blamed) Unwrap() error { return b.err }

// blame says that an error came from this secondary, unless the primary said it.
func (e *engine) blame(r *replica, err error) error {
	var said *node.Error
	if err == nil || errors.As(err, &said) && said.Node == e.primary.name {
		return err
	}
	return &blamed{replica: r, err: err}
}

// culprits gives the secondaries that an error came from; false when some of it came from elsewhere.
func culprits(err error) ([]*blamed, bool) {
	switch err := err.(type) {
	case *blamed:
		return []*blamed{err}, true
	case interface{ Unwrap() []error }:
		var all []*blamed
		for _, part := range err.Unwrap() {
			some, ok := culprits(part)
			if !ok {
				return nil, false
			}
			all = append(all, some...)
		}
		return all, len(all) > 0
	case interface{ Unwrap() error }:
		return culprits(err.Unwrap())
	}
	return nil, false
}

// alive are the secondaries still under proof. It changes between layers and between pairs only.
func (e *engine) alive() []*replica {
	return slices.DeleteFunc(slices.Clone(e.replicas), func(r *replica) bool { return r.lost != nil })
}

// drop lets the secondaries go that an error came from. It gives false when the error is not theirs, or nobody would be left.
func (e *engine) drop(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	found, theirs := culprits(err)
	if !theirs {
		return false
	}
	going := map[*replica]error{}
	for _, b := range found {
		going[b.replica] = errors.Join(going[b.replica], b.err)
	}
	if e.options.Lost != nil {
		for r, why := range going {
			e.options.Lost(r.index, why)
		}
	}
	if len(going) >= len(e.alive()) {
		return false
	}
	for r, why := range going {
		r.lost = why
		r.server.close() // with its snapshots: it need not keep old row versions for us
	}
	return true
}

// concludeLost is the proof of a secondary that dropped out: what was found stands, the rest is a gap.
func (r *replica) concludeLost() contract.Proof {
	if len(r.result.Layers) == 0 {
		r.begin(contract.ProofGTIDs)
	}
	r.gap(r.result.Layers[len(r.result.Layers)-1].Name, fmt.Sprintf("dropped out, and was not proven any further: %v", r.lost))
	return r.conclude()
}

// goOnWithout drops the secondaries that an error came from, and says whether the others can go on.
func (w *rowWork) goOnWithout(ctx context.Context, err error) bool {
	if !w.engine.drop(ctx, err) {
		return false
	}
	w.forgetLost()
	return true
}

// forgetLost takes the secondaries that dropped out away from the tables.
func (w *rowWork) forgetLost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fatal = nil
	gone := func(i int) bool { return w.engine.replicas[i].lost != nil }
	for _, state := range w.states {
		state.replicas = slices.DeleteFunc(slices.Clone(state.replicas), gone)
		state.suspects = slices.DeleteFunc(state.suspects, func(s suspect) bool {
			if gone(s.replica) {
				w.engine.progress.suspicions.Add(-1)
			}
			return gone(s.replica)
		})
		if len(state.replicas) == 0 && !state.dropped {
			w.drop(state)
		}
	}
	w.forgetDropped()
	w.todo = slices.DeleteFunc(w.todo, func(j job) bool {
		if j.confirm == nil || !gone(j.confirm.replica) {
			return false
		}
		w.engine.progress.suspicions.Add(-1)
		return true
	})
}
