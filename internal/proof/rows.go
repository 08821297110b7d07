package proof

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	tables map[tableName]*tableState
	todo   []job
	spans  [][]contract.ProofSpan // of each secondary
	fatal  error

	giveUp atomic.Bool // the pair is worn, or somebody failed: stop at the next block
}

// maxPutOffs is how often a table may be put off because of DDL before it is reported as not comparable.
const maxPutOffs = 6

// proveRows compares all rows, pair after pair, until nothing is left to do.
func (e *engine) proveRows(ctx context.Context) error {
	w := &rowWork{engine: e, limit: newLimiter(e.options.BytesPerSecond), tables: map[tableName]*tableState{},
		spans: make([][]contract.ProofSpan, len(e.replicas))}
	catalogs, err := e.readCatalogs(ctx)
	if err != nil {
		return err
	}
	if err := w.plan(ctx, catalogs[0]); err != nil {
		return err
	}
	for len(w.todo) > 0 {
		if catalogs, err = w.onePair(ctx, catalogs); err != nil {
			return err
		}
	}
	w.publish()
	return nil
}

// plan lists every unit, the largest tables first so that no stream ends alone with one. What the token says is done is left out.
func (w *rowWork) plan(ctx context.Context, c catalog) error {
	resumed := w.engine.resumeFrom(w.engine.options.Resume)
	copy(w.spans, resumed.Spans)
	var estimate int64
	tables := c.sorted()
	slices.SortStableFunc(tables, func(a, b *table) int { return compareInt(b.rows, a.rows) })
	for _, t := range tables {
		estimate += t.rows
		state := &tableState{table: t}
		w.tables[t.id()] = state
		before, known := resumed.Tables[t.tokenID()]
		if known {
			state.cuts = before.Cuts
		} else {
			var err error
			if state.cuts, err = w.engine.cut(ctx, t); err != nil {
				return err
			}
		}
		w.addUnits(state, before)
	}
	w.engine.progress.expect(int64(len(tables)), estimate, w.resumeToken)
	return nil
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

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// readCatalogs reads the primary's and every secondary's catalog, the secondaries having caught up first.
func (e *engine) readCatalogs(ctx context.Context) ([]catalog, error) {
	ours, err := readCatalog(ctx, e.primary.control)
	if err != nil {
		return nil, err
	}
	out := []catalog{ours}
	for _, r := range e.replicas {
		if _, err := r.catchUp(ctx, &e.primary, e.options.CatchUp); err != nil {
			return nil, err
		}
		theirs, err := readCatalog(ctx, r.control)
		if err != nil {
			return nil, err
		}
		out = append(out, theirs)
	}
	return out, nil
}

// onePair takes a pair, works off what it can, and puts the rest into todo again: what the pair became too old for, suspicions to be
// confirmed, and tables that DDL moved. The catalog is read again at the end, because only a shape that was the same before the
// snapshot and after the reading was certainly the snapshot's.
func (w *rowWork) onePair(ctx context.Context, before []catalog) ([]catalog, error) {
	e := w.engine
	jobs := w.runnable(before)
	if len(jobs) > 0 {
		if !slices.ContainsFunc(jobs, func(j job) bool { return j.confirm == nil }) {
			e.progress.stage("confirm")
		}
		p, err := e.takePair(ctx)
		if err != nil {
			return nil, err
		}
		if err := w.run(ctx, p, jobs); err != nil {
			return nil, err
		}
	} else if err := pause(ctx, definitionPause); err != nil { // everything waits for DDL
		return nil, err
	}
	after, err := e.readCatalogs(ctx)
	if err != nil {
		return nil, err
	}
	w.dropMoved(before, after)
	return after, nil
}

// runnable takes the jobs whose tables look alike on all servers out of todo; the others are put off.
func (w *rowWork) runnable(catalogs []catalog) []job {
	w.mu.Lock()
	defer w.mu.Unlock()
	jobs := w.todo
	w.todo = nil
	return slices.DeleteFunc(jobs, func(j job) bool {
		state := j.unit.state
		for i, c := range catalogs {
			if t := c[state.table.id()]; t == nil || t.shape != state.table.shape {
				state.stale = "its definition on " + w.engine.nameOf(i) + " is another"
			}
		}
		return state.stale != ""
	})
}

func (e *engine) nameOf(i int) string {
	if i == 0 {
		return e.primary.name
	}
	return e.replicas[i-1].name
}

func (w *rowWork) run(ctx context.Context, p *pair, jobs []job) error {
	e := w.engine
	w.giveUp.Store(false)
	for i := range e.replicas {
		w.spans[i] = append(w.spans[i], p.span(i))
	}
	rowsBefore, tables := e.progress.rows.Load(), map[tableName]bool{}
	queue := make(chan job, len(jobs))
	for _, j := range jobs {
		queue <- j
		tables[j.unit.state.table.id()] = true
	}
	close(queue)
	var streams sync.WaitGroup
	for i := range e.options.Streams {
		streams.Go(func() {
			s := newStream(w, i)
			for j := range queue {
				s.do(ctx, j)
			}
			s.releaseLocks(ctx)
		})
	}
	finished := make(chan struct{})
	go func() { streams.Wait(); close(finished) }()
	w.watch(ctx, p, finished)
	for i := range e.replicas {
		last := &w.spans[i][len(w.spans[i])-1]
		last.Rows, last.Tables = e.progress.rows.Load()-rowsBefore, int64(len(tables))
	}
	return w.fatal
}

// watchEvery is how often the pair's cost to the primary is looked at.
const watchEvery = 2 * time.Second

// watch gives the pair up when it is worn, and returns when the streams have ended. It alone uses the control session meanwhile.
func (w *rowWork) watch(ctx context.Context, p *pair, finished <-chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			return
		case <-tick.C:
			why, err := w.engine.worn(ctx, p)
			if err != nil {
				w.fail(err)
			} else if why != "" {
				w.giveUp.Store(true)
			}
		}
	}
}

func (w *rowWork) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fatal = errors.Join(w.fatal, err)
	w.giveUp.Store(true)
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

// dropMoved begins tables that DDL moved during the pair again, as long as they may be put off, and turns suspicions into jobs. A table
// that is gone from the primary has no rows to prove. One that was created since the proof began is not part of it.
func (w *rowWork) dropMoved(before, after []catalog) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, state := range w.tables {
		now := after[0][id]
		if now == nil {
			delete(w.tables, id)
			continue
		}
		for i := range after {
			was, is := before[i][id], after[i][id]
			if was == nil || is == nil || was.shape != is.shape {
				state.stale = "its definition on " + w.engine.nameOf(i) + " changed meanwhile"
			}
		}
		if state.stale != "" {
			w.beginAgain(state, now)
			continue
		}
		for _, s := range state.suspects {
			w.todo = append(w.todo, job{unit: unit{state: state}, span: s.span, confirm: &s})
		}
		state.suspects = nil
	}
	w.todo = slices.DeleteFunc(w.todo, func(j job) bool {
		return w.tables[j.unit.state.table.id()] != j.unit.state
	})
}

// beginAgain replaces the state, so that jobs of the old one are dropped.
func (w *rowWork) beginAgain(old *tableState, now *table) {
	fresh := &tableState{table: now, tries: old.tries + 1}
	w.engine.progress.suspicions.Add(-int64(len(old.suspects)))
	w.engine.progress.rows.Add(-old.rows)
	w.engine.progress.bytes.Add(-old.bytes)
	if old.left == 0 {
		w.engine.progress.tablesDone.Add(-1)
	}
	w.tables[now.id()] = fresh
	if fresh.tries >= maxPutOffs {
		fresh.stale = old.stale
		return
	}
	w.addUnits(fresh, tokenTable{})
}

// publish turns states into the layer.
func (w *rowWork) publish() {
	e := w.engine
	for i, r := range e.replicas {
		l := r.layer(contract.ProofRows)
		l.Examined = int64(len(w.tables))
		for _, state := range w.tables {
			l.Rows += state.rows
			l.Bytes += state.bytes
		}
		r.result.Spans = w.spans[i]
	}
	names := make(catalog, len(w.tables))
	for id, state := range w.tables {
		names[id] = state.table
	}
	for _, t := range names.sorted() {
		state := w.tables[t.id()]
		if !t.transactional() {
			for _, r := range e.replicas {
				r.note(contract.ProofRows, fmt.Sprintf("%s: engine %s shows no snapshot; its rows were compared as they were read", t, t.engine))
			}
		}
		if state.stale != "" {
			w.publishStale(state)
		}
		for _, l := range state.found {
			r := e.replicas[l.replica]
			layer := r.layer(contract.ProofRows)
			for _, d := range l.listed {
				r.differ(contract.ProofRows, e.options.Listed, d)
			}
			layer.Verdict = contract.ProofDifferent
			layer.Differences += l.counts.total() - int64(len(l.listed))
			r.note(contract.ProofRows, fmt.Sprintf("%s: %s", t, l.counts))
		}
	}
}

// publishStale reports a table that never looked alike or never stood still: its rows are a gap in the proof. What is different about
// its definition stands in the schema layer.
func (w *rowWork) publishStale(state *tableState) {
	for _, r := range w.engine.replicas {
		r.gap(contract.ProofRows, fmt.Sprintf("%s: rows were not compared: %s", state.table, state.stale))
	}
}

// stream is one lane of the comparison: a connection to each server.
type stream struct {
	work     *rowWork
	sessions []*session // the primary's first
	digests  []*digester
}

func newStream(w *rowWork, i int) *stream {
	s := &stream{work: w, sessions: []*session{w.engine.primary.streams[i]}, digests: []*digester{newDigester()}}
	for _, r := range w.engine.replicas {
		s.sessions = append(s.sessions, r.streams[i])
		s.digests = append(s.digests, newDigester())
	}
	return s
}

func (s *stream) releaseLocks(ctx context.Context) {
	for _, session := range s.sessions {
		if err := session.releaseLocks(ctx); err != nil {
			s.work.fail(nodeError(ctx, session.node, "release locks", err))
		}
	}
}

func (s *stream) do(ctx context.Context, j job) {
	w := s.work
	if ctx.Err() != nil {
		w.fail(context.Cause(ctx))
		return
	}
	if w.giveUp.Load() {
		w.again(j)
		return
	}
	w.engine.progress.begin(j.span.String())
	var err error
	switch {
	case j.confirm != nil:
		err = s.confirm(ctx, j)
	case len(j.span.table.key) == 0:
		err = s.compareMultisets(ctx, j)
	default:
		err = s.compareBlocks(ctx, j)
	}
	if movedByDDL(err) {
		w.putOff(j.unit.state, err.Error())
		s.releaseLocks(ctx)
	} else if err != nil {
		w.fail(err)
	}
}

// onAll runs read on every server at the same time. It does not stop the others when one fails: a cancelled statement costs the
// connection, and with it the snapshot.
func (s *stream) onAll(ctx context.Context, read func(i int, session *session) error) error {
	errs := make([]error, len(s.sessions))
	var all sync.WaitGroup
	for i := 1; i < len(s.sessions); i++ {
		all.Go(func() { errs[i] = s.on(ctx, i, read) })
	}
	errs[0] = s.on(ctx, 0, read)
	all.Wait()
	return errors.Join(errs...)
}

func (s *stream) on(ctx context.Context, i int, read func(i int, session *session) error) error {
	session := s.sessions[i]
	if err := read(i, session); err != nil {
		return nodeError(ctx, session.node, "read rows", err)
	}
	return nodeError(ctx, session.node, "release locks", session.releaseLocksIfDue(ctx))
}

// compareBlocks reads all servers block by block. The primary's block says where the next begins, on every server.
func (s *stream) compareBlocks(ctx context.Context, j job) error {
	w := s.work
	limit := limitFor(j.span.table.rowBytes)
	blocks := make([]block, len(s.sessions))
	for {
		err := s.onAll(ctx, func(i int, session *session) (err error) {
			blocks[i], err = readBlock(ctx, session, s.digests[i], j.span, limit)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", j.span, err)
		}
		ours := blocks[0]
		ended := ours.rows < int64(limit)
		for i, theirs := range blocks[1:] {
			if ours.same(theirs) {
				continue
			}
			j.clean = false
			differing := j.span
			if !ended {
				differing.upTo = ours.last
			}
			w.suspicion(j.unit.state, suspect{replica: i, span: differing})
		}
		j.rows += ours.rows
		j.bytes += ours.bytes
		w.engine.progress.rows.Add(ours.rows)
		w.engine.progress.bytes.Add(ours.bytes)
		if ended {
			w.unitDone(j)
			return nil
		}
		j.span.after = ours.last
		if w.giveUp.Load() {
			w.again(j)
			return nil
		}
		limit = limitFor(ours.bytes / ours.rows)
		if err := w.limit.spend(ctx, ours.bytes); err != nil {
			return err
		}
	}
}

// compareMultisets reads a table without a key whole: its rows have no order that both sides share.
func (s *stream) compareMultisets(ctx context.Context, j job) error {
	w := s.work
	sums := make([]multiset, len(s.sessions))
	counts := make([]int64, len(s.sessions))
	err := s.onAll(ctx, func(i int, session *session) error {
		return readMultiset(ctx, session, j.span, func(hash [sha256.Size]byte, _ []driver.Value, bytes int) error {
			sums[i].add(hash)
			counts[i]++
			if i > 0 {
				return nil
			}
			j.bytes += int64(bytes)
			if counts[0]%progressEvery == 0 {
				w.engine.progress.rows.Add(progressEvery)
			}
			return w.limit.spend(ctx, int64(bytes))
		})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", j.span, err)
	}
	j.rows = counts[0]
	w.engine.progress.rows.Add(counts[0] % progressEvery)
	w.engine.progress.bytes.Add(j.bytes)
	for i := range sums[1:] {
		if sums[i+1] != sums[0] || counts[i+1] != counts[0] {
			j.clean = false
			w.suspicion(j.unit.state, suspect{replica: i, span: j.span})
		}
	}
	w.unitDone(j)
	return nil
}

// confirm looks at a suspicion on a later pair and says what it came to.
func (s *stream) confirm(ctx context.Context, j job) error {
	at := locator{ctx: ctx, span: j.span, ours: s.sessions[0], theirs: s.sessions[j.confirm.replica+1], room: s.work.engine.options}
	var err error
	if len(j.span.table.key) == 0 {
		err = at.unordered()
	} else {
		err = at.ordered()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", j.span, err)
	}
	s.work.locatedAt(j.unit.state, located{replica: j.confirm.replica, counts: at.counts, listed: at.listed})
	return nil
}
