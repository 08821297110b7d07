package pressure

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSinceIsWhatHappenedBetween(t *testing.T) {
	ms := func(n uint64) uint64 { return n * 1_000_000_000 }
	before := Counters{
		Statements: map[uint64]uint64{ms(1): 1000, ms(500): 40},
		Syncs:      Waits{10, time.Second}, Acks: Waits{5, time.Second}, Unacknowledged: 3,
	}
	now := Counters{
		Running: 7, Statements: map[uint64]uint64{ms(1): 1097, ms(20): 2, ms(500): 41},
		Syncs: Waits{20, 1200 * time.Millisecond}, Acks: Waits{6, 2 * time.Second}, Unacknowledged: 4,
	}
	require.Equal(t, Reading{
		Running: 7, Statement: 20 * time.Millisecond, Sync: 20 * time.Millisecond, Unacknowledged: 1,
	}, now.Since(before), "one wait for a secondary is too few to say")

	require.Zero(t, now.Since(Counters{Statements: map[uint64]uint64{ms(1): 1090, ms(20): 2, ms(500): 41}}).Statement, "seven statements are too few to say")
	require.Zero(t, now.Since(Counters{Statements: map[uint64]uint64{ms(500): 42}}).Statement, "the histogram was set to zero")
	restarted := Counters{Running: 1, Statements: map[uint64]uint64{ms(1): 5}}.Since(now)
	require.Equal(t, Reading{Running: 1}, restarted, "a restarted server says nothing of what was before")
}
