package proof

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Ten thousand small tables would be ten thousand round trips to each server. Where there are many, each server hashes a batch of them
// in one statement, as in server-side mode; what differs, and what DDL gets in the way of, is then read like any other table.
const (
	// batchRows is up to which estimate a table is small: the servers' hashing of it costs less than a round trip.
	batchRows = 200
	// batchTables and batchText bound a batch by its tables and by the length of its statement in bytes.
	batchTables = 64
	batchText   = 256 << 10
)

// batches takes the small tables out of the jobs and gives them in batches, if they are many.
func (w *rowWork) batches(jobs []job) (batches [][]job, rest []job) {
	small := func(j job) bool {
		t := j.span.table
		return j.confirm == nil && len(t.key) > 0 && len(t.partitions) == 0 && t.rows <= batchRows && j.unit.state.units == 1 && j.span.after == nil
	}
	var many int
	for _, j := range jobs {
		if small(j) {
			many++
		}
	}
	if !w.engine.batching || many < w.engine.options.sizes.batchFrom() {
		return nil, jobs
	}
	var open []job
	var length int
	for _, j := range jobs {
		if !small(j) {
			rest = append(rest, j)
			continue
		}
		text := len(j.span.digests()) + 200
		if len(open) > 0 && (len(open) == batchTables || length+text > batchText || !slices.Equal(open[0].unit.state.replicas, j.unit.state.replicas)) {
			batches, open, length = append(batches, open), nil, 0
		}
		open, length = append(open, j), length+text
	}
	if len(open) > 0 {
		batches = append(batches, open)
	}
	return batches, rest
}

// doBatch compares a batch, or table by table what did not go as a batch.
func (s *stream) doBatch(ctx context.Context, jobs []job) {
	w := s.work
	if ctx.Err() == nil && !w.giveUp.Load() {
		err := s.compareBatch(ctx, jobs)
		if err == nil {
			return
		}
		if !movedByDDL(err) {
			w.fail(err)
		}
		s.releaseLocks(ctx)
	}
	for _, j := range jobs {
		s.do(ctx, j)
	}
}

// compareBatch reads the batch's digests on all servers at the same time.
func (s *stream) compareBatch(ctx context.Context, jobs []job) error {
	w := s.work
	replicas := jobs[0].unit.state.replicas
	w.engine.progress.begin(fmt.Sprintf("%s and %d more", jobs[0].span, len(jobs)-1))
	found := make([][]block, len(s.sessions))
	err := s.courteously(ctx, func() error {
		return s.onAll(ctx, jobs[0].unit.state, func(i int, session *session) (err error) {
			found[i], err = readDigests(ctx, session, jobs)
			return err
		})
	})
	if err != nil {
		return err
	}
	for k, j := range jobs {
		ours := found[0][k]
		for _, i := range replicas {
			if !ours.same(found[i+1][k]) {
				j.clean = false
				w.suspicion(j.unit.state, suspect{replica: i, span: j.span})
			}
		}
		j.rows, j.bytes = ours.rows, ours.bytes
		w.engine.progress.rows.Add(ours.rows)
		w.engine.progress.bytes.Add(ours.bytes)
		w.limit.reserve(ours.bytes)
		w.unitDone(j)
	}
	return nil
}

// readDigests lets the server hash each job's span, in one statement.
func readDigests(ctx context.Context, s *session, jobs []job) ([]block, error) {
	parts := make([]string, len(jobs))
	for k, j := range jobs {
		parts[k] = fmt.Sprintf("SELECT %d, %s%s", k, j.span.digests(), j.span.from())
	}
	out := make([]block, len(jobs))
	seen := 0
	err := s.rows(ctx, strings.Join(parts, " UNION ALL "), func(row []driver.Value) error {
		k, ok := row[0].(int64)
		if !ok || k < 0 || int(k) >= len(jobs) {
			return fmt.Errorf("a batch of %d tables answered for number %v", len(jobs), row[0])
		}
		seen++
		return out[k].setDigest(row[1:], jobs[k].span.table)
	})
	if err == nil && seen != len(jobs) {
		err = errors.New("a batch answered for too few of its tables")
	}
	return out, err
}
