package clone

import (
	"math"
	"time"
)

// pacer makes a limit hold over a whole copy. The server alone does not: it compares bytes with time only every 100 ms at first, sleeps
// one second at most for whatever was too much and forgets the rest, so that each copy begins with a burst of some 100 MiB and may
// have another whenever a pause made it look every 100 ms again (MySQL source: Thread_Info::throttle; measured on 9.7). The pacer
// keeps the account that the server does not keep and tells it less than the limit until the debt is paid.
//
// Below 2 MiB/s the server cannot hold any limit: it moves 2 MiB at a time and sleeps no longer than a second (measured on 9.7).
type pacer struct {
	at    time.Time
	bytes int64
	// limit is the one before; -1 at first.
	limit int
	// owed is what was copied beyond the limit, in MiB; negative what may be made up for.
	owed float64
	// blind looks follow a lowered limit or the beginning of an account: what is seen then was copied before.
	blind int
}

const (
	// payBack is over how long a debt is paid: longer than the second or two until a change shows, so that it does not swing.
	payBack = 5 * time.Second
	// maxOwed and maxSaved bound the account, in seconds of the limit.
	maxOwed, maxSaved = 60, 1
	// blindLooks is how many looks a lower limit takes to show.
	blindLooks = 2
)

func newPacer(now time.Time) *pacer { return &pacer{at: now, limit: -1} }

// forget begins the account with the next look: for a copy whose beginning was not seen.
func (p *pacer) forget() { p.blind = 1 }

// next takes the bytes copied so far and returns what to tell the server so that limit holds, both in MiB/s, 0 for none. It is never
// more than the limit and never 0 for a limit that is not.
func (p *pacer) next(limit int, bytes int64, now time.Time) int {
	moved, seconds := float64(bytes-p.bytes)/(1<<20), now.Sub(p.at).Seconds()
	p.at, p.bytes = now, bytes
	if first := p.limit < 0; !first && limit != 0 && (p.limit == 0 || limit < p.limit) {
		p.blind = blindLooks
	}
	p.limit = limit
	switch {
	case limit == 0:
		p.owed = 0
		return 0
	case p.blind > 0:
		p.blind--
	default:
		p.owed += moved - float64(limit)*seconds
	}
	p.owed = min(max(p.owed, -maxSaved*float64(limit)), maxOwed*float64(limit))
	pace := float64(limit) - max(p.owed, 0)/payBack.Seconds()
	return int(max(math.Round(pace), 1))
}
