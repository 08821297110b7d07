package proof

import (
	"slices"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// begin appends an empty layer, which counts as equal until something speaks against it.
func (r *replica) begin(name contract.ProofLayerName) *contract.ProofLayer {
	r.result.Layers = append(r.result.Layers, contract.ProofLayer{Name: name, Verdict: contract.ProofEqual})
	return &r.result.Layers[len(r.result.Layers)-1]
}

// layer gives the layer begun under that name. The pointer is good until the next begin.
func (r *replica) layer(name contract.ProofLayerName) *contract.ProofLayer {
	i := slices.IndexFunc(r.result.Layers, func(l contract.ProofLayer) bool { return l.Name == name })
	return &r.result.Layers[i]
}

// differ counts one difference and lists it while there is room.
func (r *replica) differ(name contract.ProofLayerName, room int, d contract.ProofDifference) {
	l := r.layer(name)
	l.Verdict = contract.ProofDifferent
	l.Differences++
	if len(l.Listed) < room {
		l.Listed = append(l.Listed, d)
	}
}

// warn lists what a person should put right although it does not speak against equality.
func (r *replica) warn(name contract.ProofLayerName, room int, d contract.ProofDifference) {
	l := r.layer(name)
	if l.Verdict == contract.ProofEqual {
		l.Verdict = contract.ProofWarning
	}
	l.Warnings++
	if len(l.Listed) < room {
		l.Listed = append(l.Listed, d)
	}
}

// gap says that something could not be compared. A layer with a gap is not equal.
func (r *replica) gap(name contract.ProofLayerName, note string) {
	l := r.layer(name)
	if l.Verdict != contract.ProofDifferent {
		l.Verdict = contract.ProofIncomplete
	}
	r.note(name, note)
}

// maxNotes bounds a layer's notes.
const maxNotes = 50

func (r *replica) note(name contract.ProofLayerName, note string) {
	l := r.layer(name)
	if len(l.Notes) < maxNotes && !slices.Contains(l.Notes, note) {
		l.Notes = append(l.Notes, note)
	}
}

// conclude judges the whole: a difference outweighs a gap, and only a proof without either is equal. Warnings weigh nothing.
func (r *replica) conclude() contract.Proof {
	p := r.result
	p.Ended = time.Now().UTC()
	p.Verdict = contract.ProofEqual
	for _, l := range p.Layers {
		switch {
		case l.Verdict == contract.ProofDifferent:
			p.Verdict = contract.ProofDifferent
		case l.Verdict != contract.ProofEqual && l.Verdict != contract.ProofWarning && p.Verdict != contract.ProofDifferent:
			p.Verdict = contract.ProofIncomplete
		}
	}
	p.Equal = p.Verdict == contract.ProofEqual
	return p
}
