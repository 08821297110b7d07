package activities

import (
	"context"
	"strings"

	"github.com/clusterresync/clusterresync/internal/proof"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// side is the recipient as a side of a proof, with the state in which it is declared to serve.
func (s *site) side() (proof.Side, error) {
	declared, err := s.declared()
	if err != nil {
		return proof.Side{}, err
	}
	return proof.Side{Name: s.target.Node, DB: s.recipient.DB(), Rows: s.recipient.Config(), Service: &proof.ServiceExpected{
		ReadOnly: declared.Service.ReadOnly, SuperReadOnly: declared.Service.SuperReadOnly,
		EventScheduler: strings.ToUpper(string(declared.Service.EventScheduler)),
	}}, nil
}

func (s *site) primarySide() proof.Side {
	return proof.Side{Name: s.target.Primary, DB: s.primary.DB(), Rows: s.primary.Config()}
}

// optionsOf is how a proof is made that was asked for so.
func optionsOf(asked contract.ProofOptions) proof.Options {
	return proof.Options{
		Streams: asked.Parallel, SkipRows: !asked.CompareRows(), ServerSide: asked.Where == contract.ProofWhereServer,
		BytesPerSecond: int64(asked.ThrottleMiBps) << 20, LockFallback: asked.LockFallback, ShowValues: asked.Values, HideKeys: asked.HideKeys,
	}
}

// prover proves secondaries of one primary and tells the pulse of it.
type prover struct {
	primary proof.Side
	options proof.Options
	pulse   *pulse
}

// prove gives one proof per secondary, in their order; nil of one that dropped out, of which options.Lost was told. With cheapFirst the
// rows are compared of those alone that differ in nothing else. What was found is there beside an error as well.
func (p prover) prove(ctx context.Context, secondaries []proof.Side, cheapFirst bool) ([]*contract.Proof, error) {
	// What the attempt before has finished stays in the heartbeats while the cheap layers are looked at.
	p.options.Resume = p.pulse.snapshot().Resume
	found := make([]*contract.Proof, len(secondaries))
	all := make([]int, len(secondaries))
	for i := range all {
		all[i] = i
	}
	if !cheapFirst || p.options.SkipRows {
		return found, p.run(ctx, secondaries, all, found)
	}
	whole := p.options
	p.options.SkipRows, p.options.Resume = true, nil
	if err := p.run(ctx, secondaries, all, found); err != nil {
		return found, err
	}
	p.options = whole
	var alike []int
	for i, cheap := range found {
		switch {
		case cheap == nil:
		case cheap.Verdict == contract.ProofDifferent:
			sayWhyNoRows(cheap)
		default:
			alike = append(alike, i)
		}
	}
	if len(alike) == 0 {
		return found, nil
	}
	return found, p.run(ctx, secondaries, alike, found)
}

// run proves some of the secondaries, by their places, and puts what it finds into the same places.
func (p prover) run(ctx context.Context, secondaries []proof.Side, which []int, found []*contract.Proof) error {
	var sides []proof.Side
	for _, i := range which {
		sides = append(sides, secondaries[i])
		found[i] = nil
	}
	options, lost := p.options, map[int]bool{}
	options.Lost = func(place int, why error) {
		lost[place] = true
		if p.options.Lost != nil {
			p.options.Lost(which[place], why)
		}
	}
	proofs, err := proof.Run(ctx, p.primary, sides, options, func(now proof.Progress) {
		p.pulse.tell(func(h *heartbeat) {
			h.Stage, h.Rows, h.Bytes, h.Tables, h.TotalTables = now.Stage, now.Rows, now.Bytes, int(now.TablesDone), int(now.Tables)
			if len(now.Resume) > 0 {
				h.Resume = now.Resume
			}
		})
	})
	for place := range proofs {
		if !lost[place] {
			found[which[place]] = &proofs[place]
		}
	}
	return err
}

// sayWhyNoRows says of a proof without rows that nobody asked for it to be one.
func sayWhyNoRows(p *contract.Proof) {
	for i := range p.Layers {
		if p.Layers[i].Name == contract.ProofRows {
			p.Layers[i].Notes = []string{"not compared: what differs already is reason enough to refill it"}
		}
	}
}
