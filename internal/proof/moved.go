package proof

import "slices"

// DDL moves tables while they are compared. The definition that counts is that of the snapshot, and no statement shows it; what can be
// known is that the definition was one and the same before the pair was taken and after the reading. Everything else is read again.

// maxPutOffs is how often a table may be begun again before it is reported as not comparable.
const maxPutOffs = 6

func (s *tableState) looksLike(c catalog) bool {
	t := c[s.table.id()]
	return t != nil && t.shape == s.table.shape
}

// admit takes the jobs out of todo whose tables look alike on all servers concerned. A secondary on which a table looks different is
// parted from it: it must not stand in the others' way, and may be on its way through the same DDL.
func (w *rowWork) admit(before []catalog) []job {
	w.mu.Lock()
	defer w.mu.Unlock()
	pending := map[*tableState]bool{}
	for _, j := range w.todo {
		pending[j.unit.state] = true
	}
	for state := range pending {
		w.judge(state, before)
	}
	w.forgetDropped()
	var jobs []job
	w.todo = slices.DeleteFunc(w.todo, func(j job) bool {
		state := j.unit.state
		for _, i := range state.replicas {
			if !state.looksLike(before[i+1]) {
				return false // parted or renewed just now, and does not look alike yet
			}
		}
		state.admitted = true
		jobs = append(jobs, j)
		return true
	})
	return jobs
}

// settle begins again what DDL moved while the pair was read, and turns the suspicions of all others into jobs.
func (w *rowWork) settle(after []catalog) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, state := range slices.Clone(w.states) {
		if !state.admitted {
			continue
		}
		state.admitted = false
		w.judge(state, after)
		if state.dropped {
			continue
		}
		for _, s := range state.suspects {
			if slices.Contains(state.replicas, s.replica) {
				w.todo = append(w.todo, job{unit: unit{state: state}, span: s.span, confirm: &s})
			}
		}
		state.suspects = nil
	}
	w.forgetDropped()
}

// judge compares a state with what the servers show now.
func (w *rowWork) judge(state *tableState, now []catalog) {
	ours := now[0][state.table.id()]
	switch {
	case ours == nil: // gone from the primary: no rows to prove
		w.drop(state)
		return
	case state.stale != "":
		w.renew(state, ours, state.replicas, state.stale)
		return
	case !state.looksLike(now[0]):
		w.renew(state, ours, state.replicas, "its definition on "+w.engine.primary.name+" kept changing")
		return
	}
	for _, i := range slices.Clone(state.replicas) {
		if state.looksLike(now[i+1]) {
			continue
		}
		why := "its definition on " + w.engine.replicas[i].name + " is another"
		if len(state.replicas) == 1 {
			w.renew(state, ours, state.replicas, why)
			return
		}
		state.replicas = slices.DeleteFunc(slices.Clone(state.replicas), func(o int) bool { return o == i })
		w.begin(&tableState{table: ours, replicas: []int{i}, tries: state.tries + 1}, why)
	}
}

// renew begins a state again.
func (w *rowWork) renew(old *tableState, now *table, replicas []int, why string) {
	w.drop(old)
	w.begin(&tableState{table: now, replicas: replicas, tries: old.tries + 1}, why)
}

func (w *rowWork) begin(state *tableState, why string) {
	w.states = append(w.states, state)
	if state.tries >= maxPutOffs {
		state.givenUp = why
		return
	}
	w.addUnits(state, tokenTable{})
}

func (w *rowWork) drop(state *tableState) {
	state.dropped = true
	p := w.engine.progress
	p.suspicions.Add(-int64(len(state.suspects)))
	p.rows.Add(-state.rows)
	p.bytes.Add(-state.bytes)
	if state.left == 0 {
		p.tablesDone.Add(-1)
	}
}

func (w *rowWork) forgetDropped() {
	w.states = slices.DeleteFunc(w.states, func(s *tableState) bool { return s.dropped })
	w.todo = slices.DeleteFunc(w.todo, func(j job) bool { return j.unit.state.dropped })
}
