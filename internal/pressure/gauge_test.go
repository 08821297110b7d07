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
	require.InDelta(t, 1, after(gauge(r), r, 10).Strain(), 0.01)
}

func TestABaselineFollowsACalmerServerDown(t *testing.T) {
	g := after(gauge(Reading{Running: 40, Statement: 80 * time.Millisecond}), Reading{Running: 0, Statement: 5 * time.Millisecond}, 60)
	require.Less(t, g.Baseline.Running, 1.0)
	require.Less(t, g.Baseline.Statement, 7*time.Millisecond)
	require.Greater(t, after(g, Reading{Running: 40, Statement: 80 * time.Millisecond}, 4).Strain(), severe)
}
