package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// suspect is a span that differed on one secondary. It counts only if it differs again on a later pair.
type suspect struct {
	replica int
	span    span
}

// located is what a suspicion came to on a later pair.
type located struct {
	replica int
	counts  differenceCounts
	listed  []contract.ProofDifference
}

// job is one thing for one stream to do within a pair.
type job struct {
	unit    unit
	span    span  // what is left of the unit
	rows    int64 // compared so far, on earlier pairs
	bytes   int64
	clean   bool // no suspicion so far
	confirm *suspect
}

// rowWork is the row layer of one Run.
type rowWork struct {
	engine *engine
	limit  *limiter

	mu     sync.Mutex
	states []*tableState
	todo   []job
	spans  [][]contract.ProofSpan // of each secondary
	fatal  error

	giveUp atomic.Bool // the pair is worn, or somebody failed: stop at the next block
	watched
	courtesy *courtesy
	manners  manners // of whoever watches
}

// proveRows compares all rows, pair after pair, until nothing is left to do.
func (e *engine) proveRows(ctx context.Context) error {
	w := &rowWork{engine: e, limit: newLimiter(e.options.BytesPerSecond),
		spans: make([][]contract.ProofSpan, len(e.replicas)), courtesy: &courtesy{turn: make(chan struct{}, 1)}, manners: manners{last: e.traffic},
		watched: watched{stops: make([]chan stopRequest, 1+len(e.replicas))}}
	for i := range w.stops {
		w.stops[i] = make(chan stopRequest)
	}
	catalogs, err := w.readCatalogs(ctx)
	if err != nil {
		return err
	}
	w.plan(ctx, catalogs[0])
	for len(w.todo) > 0 {
		after, err := w.onePair(ctx, catalogs)
		if err == nil {
			catalogs = after
		} else if !w.goOnWithout(ctx, err) {
			return err
		}
	}
	w.publish()
	return nil
}

// plan lists every unit, the largest tables first so that no stream ends alone with one. What the token says is done is left out.
func (w *rowWork) plan(ctx context.Context, c catalog) {
	resumed := w.engine.resumeFrom(w.engine.options.Resume)
	for i, spans := range resumed.Spans {
		w.spans[w.engine.alive()[i].index] = spans
	}
	var estimate, effort int64
	tables := c.sorted()
	slices.SortStableFunc(tables, func(a, b *table) int { return compareInt(b.effort(), a.effort()) })
	for _, t := range tables {
		estimate += t.rows
		effort += t.effort()
	}
	for _, t := range tables {
		state := &tableState{table: t, replicas: w.engine.indices()}
		w.states = append(w.states, state)
		before, known := resumed.Tables[t.tokenID()]
		if known {
			state.cuts = before.Cuts
		} else {
			state.cuts, state.private = w.engine.cut(ctx, t, w.engine.options.parts(t, effort))
		}
		w.addUnits(state, before)
	}
	w.engine.progress.expect(int64(len(tables)), estimate, w.resumeToken)
}

func (w *rowWork) addUnits(state *tableState, before tokenTable) {
	for _, u := range unitsOf(state) {
		if slices.Contains(before.Done, u.index) {
			state.done = append(state.done, u.index)
			state.left--
			continue
		}
		w.todo = append(w.todo, job{unit: u, span: u.span, clean: true})
	}
	if len(state.done) > 0 {
		state.rows, state.bytes = before.Rows, before.Bytes
		state.doneRows, state.doneBytes = before.Rows, before.Bytes
		w.engine.progress.rows.Add(before.Rows)
		w.engine.progress.bytes.Add(before.Bytes)
		if state.left == 0 {
			w.engine.progress.tablesDone.Add(1)
		}
	}
}

func (e *engine) indices() (out []int) {
	for _, r := range e.alive() {
		out = append(out, r.index)
	}
	return out
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// readCatalogs reads the primary's catalog, with its estimates, and then every secondary's, the secondaries having caught up.
func (e *engine) readCatalogs(ctx context.Context) ([]catalog, error) {
	out := make([]catalog, 1+len(e.replicas))
	var err error
	if out[0], err = readCatalog(ctx, e.primary.control); err != nil {
		return nil, err
	}
	if err := readSizes(ctx, e.primary.control, out[0]); err != nil {
		return nil, err
	}
	err = e.onceCaughtUp(ctx, func(r *replica) (err error) {
		out[r.index+1], err = readCatalog(ctx, r.control)
		return err
	})
	return out, err
}

// readCatalogs is the engine's, without those secondaries that drop out over it.
func (w *rowWork) readCatalogs(ctx context.Context) ([]catalog, error) {
	for {
		out, err := w.engine.readCatalogs(ctx)
		if err == nil || !w.goOnWithout(ctx, err) {
			return out, err
		}
	}
}

// onePair takes a pair, works off what it can, and puts the rest into todo again: what the pair became too old for, suspicions to be
// confirmed, and tables that DDL moved. The catalog is read again at the end, because only a shape that was the same before the
// snapshot and after the reading was certainly the snapshot's.
func (w *rowWork) onePair(ctx context.Context, before []catalog) ([]catalog, error) {
	e := w.engine
	jobs := w.admit(before)
	if len(jobs) > 0 {
		if !slices.ContainsFunc(jobs, func(j job) bool { return j.confirm == nil }) {
			e.progress.stage("confirm")
		}
		p, err := e.takePair(ctx)
		if err != nil {
			w.giveBack(jobs)
			return nil, err
		}
		if err := w.run(ctx, p, jobs); err != nil && !w.goOnWithout(ctx, err) {
			return nil, err
		}
	} else if err := pause(ctx, definitionPause); err != nil { // everything waits for DDL
		return nil, err
	}
	after, err := w.readCatalogs(ctx)
	if err != nil {
		return nil, err
	}
	w.settle(after)
	return after, nil
}

func (w *rowWork) run(ctx context.Context, p *pair, jobs []job) error {
	e := w.engine
	w.giveUp.Store(false)
	if err := w.lookForTraffic(ctx, manners.resume); err != nil {
		w.giveBack(jobs)
		return err
	}
	for _, i := range e.indices() {
		w.spans[i] = append(w.spans[i], p.span(i))
	}
	rowsBefore, tables := e.progress.rows.Load(), map[tableName]bool{}
	for _, j := range jobs {
		tables[j.unit.state.table.id()] = true
	}
	batches, jobs := w.batches(jobs)
	queue := make(chan []job, len(jobs)+len(batches))
	for _, j := range jobs { // the largest first
		queue <- []job{j}
	}
	for _, batch := range batches {
		queue <- batch
	}
	close(queue)
	var streams sync.WaitGroup
	var lanes []*stream
	for i := range e.options.Streams {
		s := newStream(w, i)
		lanes = append(lanes, s)
		streams.Go(func() {
			for batch := range queue {
				s.keepToLimit(ctx)
				if len(batch) == 1 {
					s.do(ctx, batch[0])
				} else {
					s.doBatch(ctx, batch)
				}
			}
			s.releaseLocks(ctx)
		})
	}
	finished := make(chan struct{})
	go func() { streams.Wait(); close(finished) }()
	w.watch(ctx, p, lanes, finished)
	for _, i := range e.indices() {
		last := &w.spans[i][len(w.spans[i])-1]
		last.Rows, last.Tables = e.progress.rows.Load()-rowsBefore, int64(len(tables))
	}
	return w.fatal
}

func (w *rowWork) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fatal = errors.Join(w.fatal, err)
	w.giveUp.Store(true)
}

// giveBack puts jobs back that no pair could be had for.
func (w *rowWork) giveBack(jobs []job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range jobs {
		j.unit.state.admitted = false
	}
	w.todo = append(w.todo, jobs...)
}

// again puts what is left of a job off to the next pair.
func (w *rowWork) again(j job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.todo = append(w.todo, j)
}

// putOff voids a table's results because DDL moved it.
func (w *rowWork) putOff(state *tableState, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	state.stale = why
}

// suspicion notes a differing span, joined to the one before it where they touch.
func (w *rowWork) suspicion(state *tableState, s suspect) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range state.suspects {
		o := &state.suspects[i]
		if o.replica == s.replica && o.span.partition == s.span.partition && o.span.upTo != nil && slices.Equal(o.span.upTo, s.span.after) {
			o.span.upTo = s.span.upTo
			return
		}
	}
	state.suspects = append(state.suspects, s)
	w.engine.progress.suspicions.Add(1)
}

// compared counts a block.
func (w *rowWork) compared(j *job, b block) {
	j.rows += b.rows
	j.bytes += b.bytes
	w.engine.progress.rows.Add(b.rows)
	w.engine.progress.bytes.Add(b.bytes)
}

// unitDone ends a unit.
func (w *rowWork) unitDone(j job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := j.unit.state
	state.rows += j.rows
	state.bytes += j.bytes
	state.left--
	if j.clean {
		state.done = append(state.done, j.unit.index)
		state.doneRows += j.rows
		state.doneBytes += j.bytes
	}
	if state.left == 0 {
		w.engine.progress.tablesDone.Add(1)
	}
}

func (w *rowWork) locatedAt(state *tableState, l located) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.engine.progress.suspicions.Add(-1)
	if l.counts.total() > 0 {
		state.found = append(state.found, l)
	}
}

// publish turns states into the layer.
func (w *rowWork) publish() {
	e := w.engine
	for _, r := range e.alive() {
		i := r.index
		r.result.Spans = w.spans[i]
		r.layer(contract.ProofRows).Examined = 0
	}
	slices.SortStableFunc(w.states, func(a, b *tableState) int { return strings.Compare(a.table.String(), b.table.String()) })
	for _, state := range w.states {
		for _, i := range state.replicas {
			r := e.replicas[i]
			if state.givenUp != "" {
				// What is different about the definition stands in the schema layer.
				r.gap(contract.ProofRows, fmt.Sprintf("%s: rows were not compared: %s", state.table, state.givenUp))
				continue
			}
			if n := w.eased.Load(); n > 0 {
				r.note(contract.ProofRows, fmt.Sprintf("slowed down %d times because more than %d sessions were at work on %s", n, e.options.BusyThreads, e.primary.name))
			}
			if n := w.courtesy.reads.Load(); n > 0 {
				r.note(contract.ProofRows, fmt.Sprintf("held back at %d blocks, because others were at work on %s", n, e.primary.name))
			}
			l := r.layer(contract.ProofRows)
			l.Examined++
			l.Rows += state.rows
			l.Bytes += state.bytes
			if !state.table.transactional() {
				r.note(contract.ProofRows, fmt.Sprintf("%s: engine %s shows no snapshot; its rows were compared as they were read", state.table, state.table.engine))
			}
		}
		for _, found := range state.found {
			if !slices.Contains(state.replicas, found.replica) {
				continue
			}
			r := e.replicas[found.replica]
			for _, d := range found.listed {
				r.differ(contract.ProofRows, e.options.Listed, d)
			}
			layer := r.layer(contract.ProofRows)
			layer.Verdict = contract.ProofDifferent
			layer.Differences += found.counts.total() - int64(len(found.listed))
			r.note(contract.ProofRows, fmt.Sprintf("%s: %s", state.table, found.counts))
		}
	}
}
