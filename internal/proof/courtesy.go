package proof

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"
)

// Reading at full speed takes processors and memory bandwidth from whoever else is at work on the primary. Where they notice, the proof is
// courteous: one block is read at a time on all streams together, on one server after the other, smaller, and with a rest behind it.
// Whether they do is tried, for a moment first, and then for as long as it does no harm; how long their transactions take says it.

const (
	// noticedRate is how many transactions of others a second make somebody who would notice.
	noticedRate = 10
	// fewestNoticed are no housekeeping between two looks that lie close together.
	fewestNoticed = 5
	// tolerated is by how much longer their transactions may take at full speed than beside a courteous proof.
	tolerated = 1.25
	// fewestTransactions is how many it takes to judge.
	fewestTransactions = 30
	// tryAfter is how long the proof is courteous before full speed is tried, twice as long after each try that did harm, up to tryMax.
	tryAfter, tryMax = 30 * time.Second, 10 * time.Minute
	// tryLook is how soon a try is looked at, so that a harmful one is short.
	tryLook = 200 * time.Millisecond

	// courteousBytes are those of a courteous block.
	courteousBytes = 256 << 10
	// courteousRest is the rest behind a courteous block, in parts of the time that it took.
	courteousRest    = 1.0
	courteousRestMax = 100 * time.Millisecond
)

// traffic is what the primary's transactions, without read-only ones, have come to since it was started.
type traffic struct {
	at    time.Time
	count uint64
	took  time.Duration // all of them together
}

// since is what happened after an earlier look; nothing where the counters were set back meanwhile.
func (t traffic) since(before traffic) traffic {
	if t.count < before.count || t.took < before.took {
		return traffic{at: t.at}
	}
	return traffic{at: t.at, count: t.count - before.count, took: t.took - before.took}
}

func (t traffic) and(more traffic) traffic {
	return traffic{at: more.at, count: t.count + more.count, took: t.took + more.took}
}

// mean is of at least fewestTransactions.
func (t traffic) mean() time.Duration { return t.took / time.Duration(t.count) }

// manner is how the proof goes about.
type manner int

const (
	// alone is full speed: there is nobody who would notice.
	alone manner = iota
	courteous
	// trying is full speed that has not been judged yet.
	trying
	// unnoticed is full speed that did no harm so far.
	unnoticed
)

// manners decides between them, look by look. The zero value has seen nobody.
type manners struct {
	manner manner
	last   traffic
	began  time.Time // of this manner; of full speed, where trying became unnoticed
	beside traffic   // what went on beside the courteous proof
	now    traffic   // what went on at full speed and is not judged yet
	wait   time.Duration
}

// next takes a look.
func (m manners) next(t traffic) manners {
	between, passed := t.since(m.last), t.at.Sub(m.last.at).Seconds()
	m.last = t
	if float64(between.count) < max(fewestNoticed, noticedRate*passed) {
		return manners{last: t}
	}
	switch m.manner {
	case alone:
		m.manner, m.began, m.wait = courteous, t.at, tryAfter
	case courteous:
		m.beside = m.beside.and(between)
		if t.at.Sub(m.began) >= m.wait && m.beside.count >= fewestTransactions {
			m.manner, m.began, m.now = trying, t.at, traffic{}
		}
	case trying, unnoticed:
		m.now = m.now.and(between)
		switch {
		case m.now.count < fewestTransactions:
		case float64(m.now.mean()) > tolerated*float64(m.beside.mean()):
			m.manner, m.began, m.wait = courteous, t.at, min(2*m.wait, tryMax)
			m.beside = traffic{} // what is usual may have changed
		default:
			m.manner, m.now = unnoticed, traffic{}
			if t.at.Sub(m.began) >= tryAfter {
				m.wait = tryAfter
			}
		}
	}
	return m
}

// readTraffic counts transactions (performance_schema.events_transactions_summary_global_by_event_name; the instrument is on by default). The
// proof's own are read-only, those of a single statement as well, for its sessions are. Without the instrument nobody is seen.
func readTraffic(ctx context.Context, s *session) (traffic, error) {
	var count, took uint64
	err := s.Conn.QueryRowContext(ctx, `SELECT COUNT_READ_WRITE, SUM_TIMER_READ_WRITE FROM performance_schema.events_transactions_summary_global_by_event_name
		WHERE EVENT_NAME='transaction'`).Scan(&count, &took)
	if err == sql.ErrNoRows {
		err = nil
	}
	return traffic{at: time.Now(), count: count, took: time.Duration(took / 1000)}, nodeError(ctx, s.Node, "count transactions", err)
}

// courtesy is what the streams share of it.
type courtesy struct {
	on   atomic.Bool
	turn chan struct{} // holds one while a stream has its turn
}

// courteously reads, and if need be waits for the stream's turn before and rests behind it.
func (s *stream) courteously(ctx context.Context, read func() error) error {
	c := s.work.courtesy
	if !c.on.Load() {
		return read()
	}
	select {
	case c.turn <- struct{}{}:
	default:
		s.releaseLocks(ctx) // nobody shall wait for our waiting
		select {
		case c.turn <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer func() { <-c.turn }()
	began := time.Now()
	if err := read(); err != nil {
		return err
	}
	return pause(ctx, min(time.Duration(courteousRest*float64(time.Since(began))), courteousRestMax))
}
