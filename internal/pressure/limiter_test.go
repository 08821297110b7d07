package pressure

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// busy is a reading of a server with so many sessions at work and such a latency.
func busy(running float64, statement time.Duration) []Reading {
	return []Reading{{Running: running, Statement: statement}}
}

var nobody = busy(0, 0)

func learnt(readings []Reading) Limiter {
	var l Limiter
	for range Baseline {
		l = l.Learn(readings)
	}
	return l
}

func anyReading(t *rapid.T) Reading {
	duration := rapid.Int64Range(0, int64(time.Hour))
	return Reading{
		Unseen: rapid.Bool().Draw(t, "unseen"), Running: rapid.Float64Range(0, 10000).Draw(t, "running"),
		Statement: time.Duration(duration.Draw(t, "statement")), Sync: time.Duration(duration.Draw(t, "sync")),
		Ack: time.Duration(duration.Draw(t, "ack")), Unacknowledged: rapid.Uint64Range(0, 1000).Draw(t, "unacknowledged"),
	}
}

// Whatever is read, and however the ceiling moves, the limit stays between its bounds, and no copy is ever starved or let loose by a
// number that is none.
func TestTheLimitIsAlwaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Limiter
		servers := rapid.IntRange(0, 3).Draw(t, "servers")
		readings := func() []Reading {
			all := make([]Reading, servers)
			for i := range all {
				all[i] = anyReading(t)
			}
			return all
		}
		for range rapid.IntRange(0, 10).Draw(t, "baseline") {
			l = l.Learn(readings())
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			ceiling := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 10), rapid.IntRange(1, 1<<20)).Draw(t, "ceiling")
			rate := rapid.Float64Range(0, 5000).Draw(t, "rate")
			l = l.Next(ceiling, rate, readings())
			high := float64(ceiling)
			if ceiling == 0 {
				high = top
			}
			require.GreaterOrEqual(t, l.Limit, min(Floor, high))
			require.LessOrEqual(t, l.Limit, high)
			require.False(t, math.IsNaN(l.Strain()))
			if ceiling > 0 && ceiling < top {
				require.Positive(t, l.MiBps(), "0 would be no limit")
				require.LessOrEqual(t, l.MiBps(), ceiling)
			}
		}
	})
}

// A step is a function of what was and what is read: nothing of the receiver changes, and what went through JSON goes on alike.
func TestNextIsPureAndSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := learnt([]Reading{anyReading(t), anyReading(t)})
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			l = l.Next(0, 100, []Reading{anyReading(t), anyReading(t)})
		}
		before, err := json.Marshal(l)
		require.NoError(t, err)
		var again Limiter
		require.NoError(t, json.Unmarshal(before, &again))
		next := []Reading{anyReading(t), anyReading(t)}
		require.Equal(t, l.Next(50, 70, next), again.Next(50, 70, next))
		after, err := json.Marshal(l)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	})
}

// From any limit a heavy load brings the copy to its floor within so many steps, and an end of the load gives it all back.
func TestItGivesWayAndGivesBackWithinKnownSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ceiling := rapid.OneOf(rapid.Just(0), rapid.IntRange(8, 2000)).Draw(t, "ceiling")
		capacity := rapid.Float64Range(50, 2000).Draw(t, "what the copy can move at most")
		high := float64(ceiling)
		if ceiling == 0 {
			high = top
		}
		rate := func(l Limiter) float64 { return min(capacity, l.Limit) }
		l := learnt(nobody)
		steps := 0
		climb := func() {
			for steps = 0; l.Limit < min(high, 4*capacity); steps++ {
				require.LessOrEqual(t, steps, 60)
				l = l.Next(ceiling, rate(l), nobody)
			}
		}
		climb()
		load := busy(rapid.Float64Range(20, 1000).Draw(t, "sessions"), 0)
		for steps = 0; l.Limit > min(Floor, high); steps++ {
			require.LessOrEqual(t, steps, 16, "%v", l)
			l = l.Next(ceiling, rate(l), load)
		}
		climb()
	})
}

// One slow second is noise: it costs no more than one cut.
func TestOneBadReadingCostsOneCut(t *testing.T) {
	l := learnt(busy(8, 10*time.Millisecond))
	for range 30 {
		l = l.Next(200, 150, busy(8, 10*time.Millisecond))
	}
	require.Equal(t, 200, l.MiBps())
	l = l.Next(200, 150, busy(8, 40*time.Millisecond))
	require.GreaterOrEqual(t, l.Limit, 150*cut)
	for range 20 {
		l = l.Next(200, 150, busy(8, 10*time.Millisecond))
		require.GreaterOrEqual(t, l.Limit, 150*cut*hardCut)
	}
	require.Greater(t, l.MiBps(), 100)
}

// A primary whose latency grows with the copy: the limit settles where the strain begins and swings around it within known bounds.
func TestItSettlesWhereTheStrainBegins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := time.Duration(rapid.Int64Range(int64(5*time.Millisecond), int64(200*time.Millisecond)).Draw(t, "latency alone"))
		// bearable is the copy's rate at which the latency is twice what it was.
		bearable := rapid.Float64Range(20, 400).Draw(t, "bearable")
		noise := rapid.Float64Range(0, 0.1).Draw(t, "noise")
		seed := rapid.Float64Range(0, 1).Draw(t, "phase")
		latency := func(rate float64, step int) time.Duration {
			wobble := 1 + noise*math.Sin(float64(step)*2.3+seed*7)
			return time.Duration(float64(base) * (1 + rate/bearable) * wobble)
		}
		l := learnt(busy(8, base))
		rate, before := 0.0, 0.0
		var lowest, highest, sum float64 = math.Inf(1), 0, 0
		const settle, look = 60, 120
		for step := range settle + look {
			l = l.Next(0, rate, busy(8, latency(before, step))) // what was told a step ago shows now
			before, rate = rate, min(l.Limit, 2000)
			if step >= settle {
				lowest, highest, sum = min(lowest, rate), max(highest, rate), sum+rate
			}
		}
		mean := sum / look
		require.Greater(t, lowest, bearable*0.04, "starved")
		require.Less(t, highest, bearable*4, "let loose")
		require.Greater(t, mean, bearable*0.2)
		require.Less(t, mean, bearable*1.5)
	})
}

// A load that is there whatever the copy does is not held against it for ever: at the floor it becomes the new baseline.
func TestALoadThatStaysIsAcceptedAtTheFloor(t *testing.T) {
	l := learnt(nobody)
	steps := 0
	for ; l.Limit > Floor; steps++ {
		l = l.Next(0, l.Limit, busy(12, 20*time.Millisecond))
	}
	for ; l.Limit < 100; steps++ {
		require.Less(t, steps, 90)
		l = l.Next(0, l.Limit, busy(12, 20*time.Millisecond))
	}
	require.Greater(t, l.Gauges[0].Baseline[sessions], 4.0)
	// And now its latency is known, so that the copy's part in it is seen.
	high := l.Limit
	for range 6 {
		l = l.Next(0, l.Limit, busy(12, 80*time.Millisecond))
	}
	require.Less(t, l.Limit, high/2)
}

func TestTheWorstOffServerDecides(t *testing.T) {
	calm, hurt := Reading{Running: 3, Statement: 10 * time.Millisecond}, Reading{Running: 3, Statement: 100 * time.Millisecond}
	for _, now := range [][]Reading{{calm, hurt}, {hurt, calm}} {
		l := learnt([]Reading{calm, calm})
		for range 20 {
			l = l.Next(0, l.Limit, []Reading{calm, calm})
		}
		before := l.Limit
		for range 4 {
			l = l.Next(0, before, now)
		}
		require.Less(t, l.Limit, before/2)
	}
}

func TestALowerCeilingHoldsAtOnce(t *testing.T) {
	l := learnt(nobody)
	for range 40 {
		l = l.Next(0, 100, nobody)
	}
	require.Zero(t, l.MiBps(), "nothing is in the way: no limit")
	require.Equal(t, 30, l.Next(30, 100, nobody).MiBps())
	require.Equal(t, 2, l.Next(2, 100, nobody).MiBps(), "a ceiling below the floor is kept")
}
