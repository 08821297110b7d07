package proof

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
)

// stream is one lane of the comparison: a connection to each server.
type stream struct {
	work     *rowWork
	sessions []*session // the primary's first, then one a secondary
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
			s.work.fail(nodeError(ctx, session.Node, "release locks", err))
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

// onAll runs read on the primary, as number 0, and on the given secondaries, as their index plus 1, at the same time. It does not stop
// the others when one fails: a cancelled statement costs the connection, and with it the snapshot.
func (s *stream) onAll(ctx context.Context, replicas []int, read func(i int, session *session) error) error {
	errs := make([]error, len(s.sessions))
	var all sync.WaitGroup
	for _, r := range replicas {
		all.Go(func() { errs[r+1] = s.on(ctx, r+1, read) })
	}
	errs[0] = s.on(ctx, 0, read)
	all.Wait()
	return errors.Join(errs...)
}

func (s *stream) on(ctx context.Context, i int, read func(i int, session *session) error) error {
	session := s.sessions[i]
	if err := read(i, session); err != nil {
		return nodeError(ctx, session.Node, "read rows", err)
	}
	return nodeError(ctx, session.Node, "release locks", session.releaseLocksIfDue(ctx))
}

// compareBlocks reads all servers block by block. The primary's block says where the next begins, on every server.
func (s *stream) compareBlocks(ctx context.Context, j job) error {
	w := s.work
	limit := w.engine.options.sizes.limitFor(j.span.table.rowBytes())
	blocks := make([]block, len(s.sessions))
	for {
		err := s.onAll(ctx, j.unit.state.replicas, func(i int, session *session) (err error) {
			blocks[i], err = readBlock(ctx, session, s.digests[i], j.span, limit)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", j.span, err)
		}
		ours := blocks[0]
		ended := ours.rows < int64(limit)
		for _, i := range j.unit.state.replicas {
			if ours.same(blocks[i+1]) {
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
		limit = w.engine.options.sizes.limitFor(ours.bytes / ours.rows)
		if wait := w.limit.reserve(ours.bytes); wait > 0 {
			s.releaseLocks(ctx) // nobody shall wait for our waiting
			if err := pause(ctx, wait); err != nil {
				return err
			}
		}
	}
}

// compareMultisets reads a table without a key whole: its rows have no order that both sides share.
func (s *stream) compareMultisets(ctx context.Context, j job) error {
	w := s.work
	sums := make([]multiset, len(s.sessions))
	counts := make([]int64, len(s.sessions))
	err := s.onAll(ctx, j.unit.state.replicas, func(i int, session *session) error {
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
			if wait := w.limit.reserve(int64(bytes)); wait > 0 {
				return pause(ctx, wait)
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", j.span, err)
	}
	j.rows = counts[0]
	w.engine.progress.rows.Add(counts[0] % progressEvery)
	w.engine.progress.bytes.Add(j.bytes)
	for _, i := range j.unit.state.replicas {
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
	at := locator{ctx: ctx, span: j.span, ours: s.sessions[0], theirs: s.sessions[j.confirm.replica+1], options: s.work.engine.options}
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
