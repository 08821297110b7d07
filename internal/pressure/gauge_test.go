package pressure

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func gauge(r Reading) Gauge {
	var g Gauge
	for range Baseline {
		g = g.Learn(r)
	}
	return g
}

func after(g Gauge, r Reading, times int) Gauge {
	for range times {
		g = g.Take(r)
	}
	return g
}

func TestEverySignalIsAStrain(t *testing.T) {
	quiet := Reading{Running: 4, Statement: 5 * time.Millisecond, Sync: 2 * time.Millisecond, Ack: 3 * time.Millisecond}
	require.InDelta(t, 1, gauge(quiet).Strain(), 0.01)
	for name, change := range map[string]func(*Reading){
		"sessions":       func(r *Reading) { r.Running = 20 },
		"statements":     func(r *Reading) { r.Statement = 40 * time.Millisecond },
		"disk":           func(r *Reading) { r.Sync = 20 * time.Millisecond },
		"semi-sync":      func(r *Reading) { r.Ack = 30 * time.Millisecond },
		"unacknowledged": func(r *Reading) { r.Unacknowledged = 5 },
		"unseen":         func(r *Reading) { *r = Reading{Unseen: true} },
	} {
		r := quiet
		change(&r)
		require.GreaterOrEqual(t, after(gauge(quiet), r, 4).Strain(), strained, name)
		require.Less(t, after(after(gauge(quiet), r, 4), quiet, 10).Strain(), wary, "%s is over", name)
	}
}

// Latency that nobody measured before the copy says nothing until it has become the baseline.
func TestWhatTheBaselineLacksSaysNothing(t *testing.T) {
	g := after(gauge(Reading{}), Reading{Statement: time.Second, Sync: time.Second, Ack: time.Second}, 5)
	require.InDelta(t, 1, g.Strain(), 0.01)
	g = after(g.Accept(), Reading{Statement: 10 * time.Second, Sync: time.Second}, 5)
	require.Greater(t, g.Strain(), severe)
}

// A primary without semi-synchronous secondaries that answer counts every commit as unacknowledged, copy or not.
func TestWhatWasSoBeforeTheCopyIsNotItsDoing(t *testing.T) {
	r := Reading{Running: 2, Unacknowledged: 100}
	require.Less(t, after(gauge(r), r, 10).Strain(), wary)
}

func TestABaselineFollowsACalmerServerDown(t *testing.T) {
	g := after(gauge(Reading{Running: 40, Statement: 80 * time.Millisecond}), Reading{Running: 0, Statement: 5 * time.Millisecond}, 60)
	require.Less(t, g.Baseline[sessions], 1.0)
	require.Less(t, g.Baseline[1], 0.007)
	require.Greater(t, after(g, Reading{Running: 40, Statement: 80 * time.Millisecond}, 4).Strain(), severe)
}

// The load ends while the copy still goes on: what it left behind must not slow the copy for ever.
func TestALoadThatEndedLeavesNoStrain(t *testing.T) {
	calm := Reading{Running: 4, Statement: 5 * time.Millisecond, Sync: 2 * time.Millisecond}
	hurt := Reading{Running: 30, Statement: 200 * time.Millisecond, Sync: 80 * time.Millisecond}
	require.GreaterOrEqual(t, after(gauge(calm), hurt, 5).Strain(), severe)
	require.Less(t, after(after(gauge(calm), hurt, 5), Reading{}, 12).Strain(), wary)
}

// What varies by itself is no strain until it varies by more.
func TestANoisyServerIsTakenAsItIs(t *testing.T) {
	noisy := func(i int) Reading {
		return Reading{Running: 4, Statement: time.Duration(5+20*(i%2)) * time.Millisecond}
	}
	var g Gauge
	for i := range Baseline {
		g = g.Learn(noisy(i))
	}
	for i := range 20 {
		require.Less(t, g.Take(noisy(i)).Strain(), wary)
		g = g.Take(noisy(i))
	}
	require.GreaterOrEqual(t, after(g, Reading{Running: 4, Statement: 80 * time.Millisecond}, 5).Strain(), strained)
}
