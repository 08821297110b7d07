package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseReadsWhatSysbenchSays(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got, ok := parse("[ 12s ] thds: 4 tps: 156.94 qps: 3136.82 (r/w/o: 2195.17/627.76/313.88) lat (ms,99%): 15.55 err/s: 0.00 reconn/s: 0.00", at)
	require.True(t, ok)
	require.Equal(t, second{at: at, tps: 156.94, p99: 15550 * time.Microsecond}, got)
	for _, other := range []string{"", "Threads started!", "[ 12s ] queue length: 0, concurrency: 1", "FATAL: unable to connect"} {
		_, ok := parse(other, at)
		require.False(t, ok, other)
	}
}

func TestOnlySecondsWhollyWithinACopyCount(t *testing.T) {
	at := func(tenths int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, tenths*100_000_000, time.UTC) }
	seconds := []second{{at: at(9)}, {at: at(19)}, {at: at(29)}, {at: at(39)}, {at: at(49)}}
	got := within(seconds, copied{began: at(5), ended: at(32)}, copied{began: at(38), ended: at(60)})
	require.Equal(t, []second{{at: at(19)}, {at: at(29)}, {at: at(49)}}, got)
}

func TestMedian(t *testing.T) {
	tps := func(s second) float64 { return s.tps }
	require.Zero(t, median(nil, tps))
	require.InDelta(t, 2, median([]second{{tps: 9}, {tps: 1}, {tps: 2}}, tps), 0)
	require.InDelta(t, 3, median([]second{{tps: 9}, {tps: 1}, {tps: 2}, {tps: 4}}, tps), 0)
}

func TestNumbers(t *testing.T) {
	got, err := numbers("20,40")
	require.NoError(t, err)
	require.Equal(t, []int{20, 40}, got)
	for _, bad := range []string{"", "0", "20,", "fast"} {
		_, err := numbers(bad)
		require.Error(t, err, bad)
	}
}
