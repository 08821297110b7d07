package proof

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// stream is one lane of the comparison: a connection to each server.
type stream struct {
	work     *rowWork
	sessions []*session // the primary's first, then one a secondary; nil where it dropped out
	digests  []*digester
	at       atomic.Pointer[table] // what is being read
	passage  atomic.Pointer[passage]
}

func newStream(w *rowWork, i int) *stream {
	s := &stream{work: w, sessions: []*session{w.engine.primary.streams[i]}, digests: []*digester{newDigester()}}
	for _, r := range w.engine.replicas {
		if r.lost != nil {
			s.sessions, s.digests = append(s.sessions, nil), append(s.digests, nil)
			continue
		}
		s.sessions = append(s.sessions, r.streams[i])
		s.digests = append(s.digests, newDigester())
	}
	return s
}

func (s *stream) releaseLocks(ctx context.Context) { s.releaseLocksHeld(ctx, 1) }

// releaseLocksHeld lets go what was held for so long, and on request.
func (s *stream) releaseLocksHeld(ctx context.Context, least time.Duration) {
	for i, session := range s.sessions {
		if session == nil || session.held() < least && !session.yield.Load() {
			continue
		}
		if err := session.releaseLocks(ctx); err != nil {
			s.work.fail(s.blame(i, nodeError(ctx, session.Node, "release locks", err)))
		}
	}
}

// yield asks what runs on the stream's sessions to end at its next row.
func (s *stream) yield() {
	for _, session := range s.sessions {
		if session != nil {
			session.yield.Store(true)
		}
	}
	if p := s.passage.Load(); p != nil {
		p.end()
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
	s.at.Store(j.span.table)
	defer s.at.Store(nil)
	var err error
	switch {
	case j.confirm != nil:
		err = s.confirm(ctx, j)
	case len(j.span.table.key) == 0:
		err = s.compareMultisets(ctx, j)
	default:
		err = s.compareInOrder(ctx, &j)
	}
	if movedByDDL(err) {
		w.putOff(j.unit.state, err.Error())
		s.releaseLocks(ctx)
	} else if err != nil {
		w.again(j) // for the others, if it is a secondary that dropped out
		w.fail(err)
	}
}

// keepToLimit waits for what was read before: a table that ends within its first block is over before its bytes are known.
func (s *stream) keepToLimit(ctx context.Context) {
	if wait := s.work.limit.reserve(0); wait > 0 {
		s.releaseLocks(ctx) // nobody shall wait for our waiting
		_ = pause(ctx, wait)
	}
}

// blame is the engine's, for the session of that number.
func (s *stream) blame(i int, err error) error {
	if i == 0 {
		return err
	}
	return s.work.engine.blame(s.work.engine.replicas[i-1], err)
}

// start runs read for the sessions of these numbers at the same time; wait gives what it came to. It does not stop those that have begun when
// one fails: a cancelled statement costs the connection, and with it the snapshot. Whoever has come to the end lets its locks go when it waits
// long for another: that one may hang.
func (s *stream) start(ctx context.Context, sides []int, read func(i int) error) (wait func() error) {
	errs := make([]error, len(s.sessions))
	var reading, all sync.WaitGroup
	ended := make(chan struct{})
	reading.Add(len(sides))
	for _, i := range sides {
		all.Go(func() {
			errs[i] = read(i)
			reading.Done()
			select {
			case <-ended:
			case <-time.After(lockHold):
				if errs[i] == nil {
					errs[i] = s.blame(i, nodeError(ctx, s.sessions[i].Node, "release locks", s.sessions[i].releaseLocks(ctx)))
				}
			}
		})
	}
	go func() { reading.Wait(); close(ended) }()
	return func() error { all.Wait(); return errors.Join(errs...) }
}

// onAll runs read on the primary, as number 0, and on the state's secondaries, as their index plus 1, at the same time, or with courtesy on
// the primary first.
func (s *stream) onAll(ctx context.Context, state *tableState, read func(i int, session *session) error) error {
	sides := state.sides()
	if s.work.courtesy.on.Load() {
		if err := s.on(ctx, 0, read); err != nil {
			return err
		}
		if err := s.sessions[0].releaseLocks(ctx); err != nil { // nobody shall wait for the others there
			return nodeError(ctx, s.sessions[0].Node, "release locks", err)
		}
		sides = sides[1:]
	}
	return s.start(ctx, sides, func(i int) error { return s.on(ctx, i, read) })()
}

func (s *stream) on(ctx context.Context, i int, read func(i int, session *session) error) error {
	session := s.sessions[i]
	if err := read(i, session); err != nil {
		if movedByDDL(err) { // at once: the others may go on for a while
			err = errors.Join(err, session.releaseLocks(ctx))
		}
		return s.blame(i, nodeError(ctx, session.Node, "read rows", err))
	}
	return s.blame(i, nodeError(ctx, session.Node, "release locks", session.releaseLocksIfDue(ctx)))
}

// compareInOrder compares a span with a key, or as much of it as the pair is good for.
func (s *stream) compareInOrder(ctx context.Context, j *job) error {
	w := s.work
	rowBytes := j.span.table.rowBytes()
	for {
		var ended bool
		var err error
		if w.mayReadThrough(*j) {
			ended, err = s.compareThrough(ctx, j)
		}
		if err == nil && !ended && !w.giveUp.Load() { // also behind a reading through that was stopped: it may not have come on at all
			ended, err = s.compareBlock(ctx, j, &rowBytes)
		}
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", j.span, err)
		case ended:
			w.unitDone(*j)
			return nil
		case w.giveUp.Load():
			w.again(*j)
			return nil
		}
	}
}

// compareBlock reads the job's next block on all servers. The primary's says where the next begins, and how large a row is.
func (s *stream) compareBlock(ctx context.Context, j *job, rowBytes *int64) (ended bool, err error) {
	w := s.work
	limit := w.blockLimit(*rowBytes)
	blocks := make([]block, len(s.sessions))
	if err := s.courteously(ctx, func() error { return s.readBlocks(ctx, *j, limit, blocks) }); err != nil {
		return false, err
	}
	ours := blocks[0]
	for _, i := range j.unit.state.replicas {
		if ours.same(blocks[i+1]) {
			continue
		}
		j.clean = false
		differing := j.span
		if !ours.ended() {
			differing.upTo = ours.last
		}
		w.suspicion(j.unit.state, suspect{replica: i, span: differing})
	}
	w.compared(j, ours)
	if ours.ended() {
		w.limit.reserve(ours.bytes) // waited for before the next unit
		return true, nil
	}
	j.span.after = ours.last
	*rowBytes = ours.bytes / ours.rows
	if wait := max(w.limit.reserve(ours.bytes), w.ease()); wait > 0 && !w.giveUp.Load() {
		s.releaseLocks(ctx) // nobody shall wait for our waiting
		return false, pause(ctx, wait)
	}
	return false, nil
}

// readBlocks reads the job's next block on all servers. The primary's says where it ends; an end that is nil is the span's.
func (s *stream) readBlocks(ctx context.Context, j job, limit int, blocks []block) error {
	if !s.work.engine.options.ServerSide {
		return s.onAll(ctx, j.unit.state, func(i int, session *session) (err error) {
			blocks[i], err = readBlock(ctx, session, s.digests[i], j.span, limit)
			return err
		})
	}
	at := j.span
	var end position
	err := s.on(ctx, 0, func(_ int, session *session) (err error) {
		end, err = boundary(ctx, session, at, limit)
		return err
	})
	if err != nil {
		return err
	}
	if end != nil {
		at.upTo = end
	}
	err = s.onAll(ctx, j.unit.state, func(i int, session *session) (err error) {
		blocks[i], err = readDigest(ctx, session, at)
		return err
	})
	blocks[0].last = end
	return err
}

// bag is what one server showed of a table or partition without a key.
type bag struct {
	sum         multiset
	rows, bytes int64
}

// compareMultisets reads a table without a key whole: its rows have no order that both sides share.
func (s *stream) compareMultisets(ctx context.Context, j job) error {
	w := s.work
	bags := make([]bag, len(s.sessions))
	read := s.readBag
	if w.engine.options.ServerSide {
		read = s.readBagDigest
	}
	err := s.onAll(ctx, j.unit.state, func(i int, session *session) error { return read(ctx, i, session, j.span, &bags[i]) })
	if err != nil {
		return fmt.Errorf("%s: %w", j.span, err)
	}
	j.rows, j.bytes = bags[0].rows, bags[0].bytes
	w.engine.progress.bytes.Add(j.bytes)
	for _, i := range j.unit.state.replicas {
		if bags[i+1].sum != bags[0].sum || bags[i+1].rows != bags[0].rows {
			j.clean = false
			w.suspicion(j.unit.state, suspect{replica: i, span: j.span})
		}
	}
	w.unitDone(j)
	return nil
}

// readBag sums the rows here. Only the primary's, which is number 0, count for the progress and the limit.
func (s *stream) readBag(ctx context.Context, i int, session *session, at span, into *bag) error {
	w := s.work
	began := time.Now()
	err := readHashes(ctx, session, at, func(hash [sha256.Size]byte, bytes int) error {
		into.sum.add(hash)
		into.rows++
		into.bytes += int64(bytes)
		if into.rows%progressEvery == 0 {
			if err := pause(ctx, w.courtesy.rest(time.Since(began))); err != nil {
				return err
			}
			began = time.Now()
		}
		if i > 0 {
			return nil
		}
		if into.rows%progressEvery == 0 {
			w.engine.progress.rows.Add(progressEvery)
			if err := pause(ctx, w.ease()); err != nil {
				return err
			}
		}
		if wait := w.limit.reserve(int64(bytes)); wait > 0 {
			return pause(ctx, wait)
		}
		return nil
	})
	if i == 0 && err == nil {
		w.engine.progress.rows.Add(into.rows % progressEvery)
	}
	return err
}

// readBagDigest lets the server sum them.
func (s *stream) readBagDigest(ctx context.Context, i int, session *session, at span, into *bag) error {
	b, err := readDigest(ctx, session, at)
	into.rows, into.bytes = b.rows, b.bytes
	into.sum.add(b.digest)
	if i == 0 && err == nil {
		s.work.engine.progress.rows.Add(b.rows)
		s.work.limit.reserve(b.bytes)
	}
	return err
}

// confirm looks at a suspicion on a later pair and says what it came to.
func (s *stream) confirm(ctx context.Context, j job) error {
	at := locator{ctx: ctx, span: j.span, ours: s.sessions[0], theirs: s.sessions[j.confirm.replica+1], options: s.work.engine.options}
	var err error
	if len(j.span.table.key) == 0 {
		err = at.unordered()
	} else {
		err = at.ordered()
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", j.span, err)
		var said *node.Error
		if errors.As(err, &said) && said.Node == at.theirs.Node {
			err = s.blame(j.confirm.replica+1, err)
		}
		return err
	}
	s.work.locatedAt(j.unit.state, located{replica: j.confirm.replica, counts: at.counts, listed: at.listed})
	return nil
}
