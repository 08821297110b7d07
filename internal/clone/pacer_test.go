package clone

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// server behaves as the clone plugin does (MySQL source: Thread_Info::throttle): it looks at intervals, sleeps a second at most for what
// was too much, and forgets the rest. It tells its bytes once a second.
type server struct {
	speed    float64 // bytes a second without a limit
	limit    int
	now      time.Time
	updated  time.Time
	interval time.Duration
	bytes    float64
	last     float64
	told     int64
	toldAt   time.Time
}

func newServer(now time.Time, mibps float64, limit int) *server {
	return &server{speed: mibps * (1 << 20), limit: limit, now: now, updated: now, toldAt: now, interval: 100 * time.Millisecond}
}

const block = 2 << 20

// runUntil copies block by block. stutter makes it pause before a block, which makes it look rarely again.
func (s *server) runUntil(until time.Time, stutter func() time.Duration) {
	for s.now.Before(until) {
		s.now = s.now.Add(time.Duration(block/s.speed*float64(time.Second)) + stutter())
		s.bytes += block
		if spent := s.now.Sub(s.updated); spent >= s.interval {
			due := time.Duration(0)
			if s.limit > 0 {
				due = time.Duration((s.bytes - s.last) / (1 << 20) / float64(s.limit) * float64(time.Second))
			}
			switch sleep := due - spent; {
			case sleep > time.Second:
				s.interval /= 2
				s.now = s.now.Add(time.Second)
			case sleep > 0:
				s.now = s.now.Add(sleep)
			default:
				s.interval = 100 * time.Millisecond
			}
			s.updated, s.last = s.now, s.bytes
		}
		if s.now.Sub(s.toldAt) >= time.Second {
			s.told, s.toldAt = int64(s.bytes), s.now
		}
	}
}

// copied runs the copy for a time with or without a pacer and returns its mean rate in MiB/s.
func copied(speed float64, limit int, long time.Duration, paced bool, stutter func() time.Duration) float64 {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, p := newServer(begin, speed, limit), newPacer(begin)
	for at := begin; at.Before(begin.Add(long)); {
		at = at.Add(time.Second)
		s.runUntil(at, stutter)
		if paced {
			s.limit = p.next(limit, s.told, at)
		}
	}
	return s.bytes / (1 << 20) / s.now.Sub(begin).Seconds()
}

func TestAWholeCopyKeepsItsLimitWhateverTheServerForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(3, 200).Draw(t, "limit")
		speed := rapid.Float64Range(float64(limit)*1.5, 2000).Draw(t, "speed")
		every := rapid.IntRange(1, 400).Draw(t, "pause every so many blocks")
		blocks := 0
		stutter := func() time.Duration {
			if blocks++; blocks%every == 0 {
				return 120 * time.Millisecond
			}
			return 0
		}
		long := 3 * time.Minute
		rate := copied(speed, limit, long, true, stutter)
		// What no limit can prevent is the burst before the server's first look, of a tenth of a second and what follows it.
		burst := min(speed*0.3, 60*float64(limit)) / long.Seconds()
		require.LessOrEqual(t, rate, float64(limit)*1.05+burst)
		// Where its pauses fall in step with its looks, the server stays as far below as 0.68 of the limit.
		require.GreaterOrEqual(t, rate, min(float64(limit), speed/(1+speed*0.12/float64(2*every)))*0.65, "the limit is there to be used")
	})
}

// TestTheServerAloneDoesNot is the reason for the pacer: if it ever fails, the pacer may go.
func TestTheServerAloneDoesNot(t *testing.T) {
	none := func() time.Duration { return 0 }
	require.Greater(t, copied(500, 5, 30*time.Second, false, none), 7.5)
	require.InDelta(t, 5, copied(500, 5, 60*time.Second, true, none), 1)
}

func TestThePacerNeverStopsNorLiftsALimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		p := newPacer(at)
		var bytes int64
		for range rapid.IntRange(1, 50).Draw(t, "looks") {
			limit := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, MaxThrottle)).Draw(t, "limit")
			bytes += rapid.Int64Range(0, 10<<30).Draw(t, "moved")
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "passed")))
			pace := p.next(limit, bytes, at)
			if limit == 0 {
				require.Zero(t, pace)
				continue
			}
			require.GreaterOrEqual(t, pace, 1)
			require.LessOrEqual(t, pace, limit)
		}
	})
}

// A debt is made under the limit that was broken. What is still on its way when the limit is lowered is none.
func TestALoweredLimitOwesNothingForTheHigherOne(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPacer(at)
	look := func(limit int, mib int64) int {
		at = at.Add(time.Second)
		return p.next(limit, p.bytes+mib<<20, at)
	}
	require.Equal(t, 100, look(100, 100))
	require.Equal(t, 10, look(10, 100))
	require.Equal(t, 10, look(10, 100))
	require.Equal(t, 10, look(10, 10))
	require.Equal(t, 8, look(10, 20), "this it owes")
	require.Equal(t, 0, look(0, 500))
	require.Equal(t, 10, look(10, 500), "there was no limit to break")
}

func TestLower(t *testing.T) {
	require.Equal(t, 0, lower(0, 0))
	require.Equal(t, 5, lower(0, 5))
	require.Equal(t, 5, lower(5, 0))
	require.Equal(t, 4, lower(5, 4))
	require.Equal(t, 4, lower(4, 5))
}
