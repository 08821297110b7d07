package proof

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// Reading at full speed takes processors and memory bandwidth from whoever else is at work on the primary. Where they notice, the proof is
// courteous: one block is read at a time on all streams together, on the primary first and then on the secondaries, smaller, and with a rest
// behind it.
// Whether they do is tried, for a moment first, and then for as long as it does no harm; how long their transactions take says it.

const (
	// noticedRate is how many transactions of others a second make somebody who would notice, goneRate how few nobody.
	noticedRate, goneRate = 10, 5
	// fewestNoticed is for looks that lie close together: so few may be the server's own.
	fewestNoticed = 5
	// goneAfter is how long it takes to say that somebody has gone.
	goneAfter = 10 * time.Second
	// tolerated is by how much longer their transactions may take at full speed than beside a courteous proof.
	tolerated = 1.25
	// fewestTransactions is how many it takes to judge, judgeWithin how long they may take: whoever is held up ends few.
	fewestTransactions = 30
	judgeWithin        = 5 * time.Second
	// tryAfter is how long the proof is courteous before full speed is tried, twice as long after each try that did harm, up to tryMax.
	// After tryMax of full speed it is courteous again, to learn what is usual now.
	tryAfter, tryMax = 30 * time.Second, 10 * time.Minute
	// tryLook is how soon a try is looked at, so that a harmful one is short.
	tryLook = 200 * time.Millisecond
	// usualLooks bounds what is remembered as usual.
	usualLooks = 60

	// courteousBytes are those of a courteous block.
	courteousBytes = 256 << 10
	// courteousRestMax bounds the rest behind it.
	courteousRestMax = 100 * time.Millisecond
)

// traffic is what the primary's transactions, single statements included, have come to since it was started; not those that say that they
// only read.
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
	began  time.Time     // of this manner
	wait   time.Duration // of courtesy before a try
	// usual are the means of looks beside the courteous proof. Their median counts: one transaction of an hour says nothing.
	usual []time.Duration
	// window is what went on since opened: at full speed until it is judged, else until it is clear that somebody is there.
	window traffic
	opened time.Time
}

// next takes a look beside the reading.
func (m manners) next(t traffic) manners {
	between, passed := t.since(m.last), t.at.Sub(m.last.at).Seconds()
	m.last = t
	m.window = m.window.and(between)
	open := t.at.Sub(m.opened)
	switch m.manner {
	case alone:
		if float64(between.count) >= max(fewestNoticed, noticedRate*passed) {
			return m.to(courteous, tryAfter)
		}
	case courteous:
		if between.count > 0 {
			m.usual = append(m.usual, between.mean())
			m.usual = m.usual[max(len(m.usual)-usualLooks, 0):]
		}
		if open >= goneAfter {
			if float64(m.window.count) < goneRate*open.Seconds() {
				return manners{last: t}
			}
			m.window, m.opened = traffic{}, t.at
		}
		if t.at.Sub(m.began) >= m.wait && len(m.usual) > 0 {
			return m.to(trying, m.wait)
		}
	case trying, unnoticed:
		switch {
		case m.window.count >= fewestTransactions:
			if float64(m.window.mean()) > tolerated*float64(m.median()) {
				return m.to(courteous, min(2*m.wait, tryMax))
			}
			if m.manner == trying {
				return m.to(unnoticed, m.wait)
			}
			m.window, m.opened = traffic{}, t.at
		case open >= judgeWithin:
			return m.to(courteous, min(2*m.wait, tryMax))
		}
		if m.manner == unnoticed && t.at.Sub(m.began) >= tryMax {
			return m.to(courteous, tryAfter)
		}
	}
	return m
}

// to begins another manner.
func (m manners) to(other manner, wait time.Duration) manners {
	m.manner, m.wait, m.began = other, wait, m.last.at
	m.window, m.opened = traffic{}, m.last.at
	if other == courteous {
		m.usual = nil
	}
	return m
}

// resume takes the look with which the reading goes on after a while without any: what happened meanwhile says nothing of it.
func (m manners) resume(t traffic) manners {
	if m.manner == alone {
		return m.next(t)
	}
	m.last = t
	m.window, m.opened = traffic{}, t.at
	if m.manner == trying {
		m.manner, m.began = courteous, t.at
	}
	return m
}

func (m manners) median() time.Duration {
	sorted := slices.Sorted(slices.Values(m.usual))
	return sorted[len(sorted)/2]
}

// readTraffic counts transactions (performance_schema.events_transactions_summary_global_by_event_name; the instrument is on by default, and
// without it nobody is seen). The proof's own sessions are read-only, and such transactions are counted by themselves.
func readTraffic(ctx context.Context, s *session) (traffic, error) {
	var count, took uint64
	err := s.Conn.QueryRowContext(ctx, `SELECT COUNT_READ_WRITE, SUM_TIMER_READ_WRITE FROM performance_schema.events_transactions_summary_global_by_event_name
		WHERE EVENT_NAME='transaction'`).Scan(&count, &took)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return traffic{at: time.Now(), count: count, took: time.Duration(took / 1000)}, nodeError(ctx, s.Node, "count transactions", err)
}

// courtesy is what the streams share of it.
type courtesy struct {
	on   atomic.Bool
	turn chan struct{} // holds one while a stream has its turn
	// reads are those that were held back.
	reads atomic.Int64
}

// rest is how long to rest behind a read that took so long.
func (c *courtesy) rest(took time.Duration) time.Duration {
	if !c.on.Load() {
		return 0
	}
	return min(took, courteousRestMax)
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
	c.reads.Add(1)
	began := time.Now()
	if err := read(); err != nil {
		return err
	}
	rest := c.rest(time.Since(began))
	if rest >= limiterSlack {
		s.releaseLocks(ctx)
	}
	return pause(ctx, rest)
}
