package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/pressure"
)

// latencies are what one load sees in three ways, in one run.
type latencies struct {
	none, free, adaptive []second
	freeRate             float64
	// atEnd is the limit when the load ended, at quiet; the copy was complete at done.
	atEnd       int
	quiet, done time.Time
	limits      []limitAt
}

type limitAt struct {
	at    time.Time
	limit int
	rate  float64
}

const (
	warm    = 15 * time.Second // the load before anything counts
	alone   = 8 * time.Second  // the load without a copy, before each copy
	copies  = 6                // without a limit
	beneath = 20 * time.Second // the adaptive copy under load, before the load ends
)

// measureLatencies lets one load run through all of it. Seconds without a copy lie between those with one, so that whatever else the
// machine does meets all alike; the recipient's restarts count for none.
func measureLatencies(ctx context.Context, s *stage, l *load) (*latencies, error) {
	m := &latencies{}
	say("warming up")
	running := l.start(ctx)
	if err := node.Sleep(ctx, warm); err != nil {
		return nil, err
	}
	var quiet, free []copied
	wait := func() error {
		began := time.Now()
		err := node.Sleep(ctx, alone)
		quiet = append(quiet, copied{began: began, ended: time.Now()})
		return err
	}
	for range copies {
		say("the load alone, then beside a copy without a limit")
		if err := wait(); err != nil {
			return nil, err
		}
		c, err := s.copy(ctx, clone.Options{}, nil)
		if err != nil {
			return nil, err
		}
		free = append(free, c)
		m.freeRate += c.mibps() / copies
	}
	if err := wait(); err != nil {
		return nil, err
	}
	under, err := m.adapt(ctx, s, running)
	if err != nil {
		return nil, err
	}
	m.none, m.free, m.adaptive = within(running.seconds, quiet...), within(running.seconds, free...), within(running.seconds, under)
	return m, nil
}

// adapt copies with the adaptive throttle and ends the load in the middle; it returns the part under load.
func (m *latencies) adapt(ctx context.Context, s *stage, running *running) (copied, error) {
	say("the load beside a copy with the adaptive throttle")
	watch := pressure.NewWatch(pressure.Limiter{}, s.primary)
	if err := watch.Learn(ctx); err != nil {
		return copied{}, err
	}
	began := time.Now()
	var endErr error
	c, err := s.copy(ctx, clone.Options{
		Adapt: func(ctx context.Context, p clone.Progress) int { return watch.Next(ctx, p.CeilingMiBps, p.MiBps) },
	}, func(p clone.Progress) {
		now := time.Now()
		m.limits = append(m.limits, limitAt{now, p.LimitMiBps, p.MiBps})
		if m.quiet.IsZero() && now.Sub(began) > beneath {
			m.quiet, m.atEnd = now, p.LimitMiBps
			endErr = running.end()
		}
	})
	m.done = c.ended
	if m.quiet.IsZero() {
		endErr = running.end()
	} else {
		c.ended = m.quiet
	}
	return c, firstOf(err, endErr)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// within are the seconds that passed wholly while something was copied.
func within(seconds []second, copies ...copied) []second {
	return slices.DeleteFunc(slices.Clone(seconds), func(s second) bool {
		return !slices.ContainsFunc(copies, func(c copied) bool { return s.at.Add(-time.Second).After(c.began) && s.at.Before(c.ended) })
	})
}

func median(seconds []second, of func(second) float64) float64 {
	if len(seconds) == 0 {
		return 0
	}
	values := make([]float64, len(seconds))
	for i, s := range seconds {
		values[i] = of(s)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func p99(s second) float64 { return s.p99.Seconds() * 1000 }

// print reports whether the adaptive throttle is at most halfway between no copy and a copy without a limit, and gives back.
func (m *latencies) print() bool {
	say("\nWhat the same load on the primary sees (p99 of each second):\n\n| | median p99 ms | worst p99 ms | transactions/s | copy MiB/s | seconds |\n| --- | --- | --- | --- | --- | --- |")
	row := func(what string, seconds []second, rate float64) float64 {
		worst := 0.0
		for _, s := range seconds {
			worst = max(worst, p99(s))
		}
		mid := median(seconds, p99)
		say("| %s | %.1f | %.1f | %.0f | %.0f | %d |", what, mid, worst, median(seconds, func(s second) float64 { return s.tps }), rate, len(seconds))
		return mid
	}
	none := row("no copy", m.none, 0)
	free := row("copy without a limit", m.free, m.freeRate)
	underLoad := 0.0
	var under int
	for _, l := range m.limits {
		if m.quiet.IsZero() || l.at.Before(m.quiet) {
			underLoad += l.rate
			under++
		}
	}
	adaptive := row("copy with the adaptive throttle", m.adaptive, underLoad/float64(max(under, 1)))
	half := (none + free) / 2
	holds := len(m.adaptive) > 0 && len(m.free) > 0 && adaptive <= half
	say("\nwanted: the adaptive one at most halfway, %.1f ms: %s", half, verdict(holds))
	return m.printBack() && holds
}

// printBack says how the limit went after the load had ended.
func (m *latencies) printBack() bool {
	var path []string
	for _, l := range m.limits {
		path = append(path, limitWord(l.limit))
	}
	say("the adaptive limit, second by second, MiB/s: %s", strings.Join(path, " "))
	if m.quiet.IsZero() {
		say("wanted: the bandwidth is given back: not seen, the copy ended before the load (more data: -mib)")
		return false
	}
	highest := 0
	rates := 0.0
	for _, l := range m.limits {
		if l.at.After(m.quiet) {
			highest, rates = max(highest, limitOrTop(l.limit)), max(rates, l.rate)
		}
	}
	holds := highest >= 2*m.atEnd || highest == clone.MaxThrottle
	say("the load ended at a limit of %s MiB/s; in the %.0f s until the copy was complete it rose to %s MiB/s (the copy to %.0f MiB/s); wanted at least twice as much: %s",
		limitWord(m.atEnd), m.done.Sub(m.quiet).Seconds(), limitWord(highest), rates, verdict(holds))
	return holds
}
