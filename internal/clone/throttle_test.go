package clone_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
)

// Whoever changes the limit, and whoever watches: the newest wish is the ceiling from the next look on, and Adapt stays below it.
func TestTheNewestLimitIsTheCeilingOfWhoeverWatches(t *testing.T) {
	r := supervised(t)
	var adapted atomic.Int64
	adapted.Store(6)
	looks := make(chan clone.Progress)
	done := make(chan ended, 1)
	ctx, leave := context.WithCancel(t.Context())
	c := r.claim(t)
	go func() {
		result, err := clone.Run(ctx, c, r.node, r.donor, account(), clone.Options{
			ThrottleMiBps: slow, PollEvery: 100 * time.Millisecond,
			Adapt: func(context.Context, clone.Progress) int { return int(adapted.Load()) },
		}, func(p clone.Progress) { looks <- p })
		close(looks)
		done <- ended{result, err}
	}()
	await := func(ceiling, limit int) {
		t.Helper()
		for p := range looks {
			if p.CeilingMiBps == ceiling && p.LimitMiBps == limit {
				return
			}
		}
		t.Fatalf("the copy ended before its limit was %d of %d: %v", limit, ceiling, (<-done).err)
	}
	await(slow, 6)
	require.Equal(t, "8", nodetest.String(t, r.server, "SELECT @@global.clone_max_network_bandwidth"))
	require.NoError(t, clone.SetThrottle(t.Context(), r.node, 5))
	await(5, 5)
	adapted.Store(3)
	await(5, 3)
	require.Equal(t, "1", nodetest.String(t, r.server, "SELECT @@global.clone_max_data_bandwidth BETWEEN 1 AND 3"))

	// The watcher goes; the next one finds the wish where it lies.
	leave()
	for range looks {
	}
	var detached *clone.DetachedError
	require.ErrorAs(t, (<-done).err, &detached)
	var first clone.Progress
	result, err := clone.Join(t.Context(), r.node, clone.Options{PollEvery: 100 * time.Millisecond}, func(p clone.Progress) {
		if first.Elapsed == 0 {
			first = p
			require.NoError(t, clone.SetThrottle(t.Context(), r.node, 0))
		}
	})
	require.NoError(t, err)
	require.Equal(t, clone.Gone, result.Outcome)
	require.Equal(t, 5, first.CeilingMiBps)
	require.Equal(t, 5, first.LimitMiBps)
	r.waitOut(t)
	r.requireCopy(t)
}
