package pressure

import (
	"context"
	"sync"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Watch reads servers and steps a Limiter with what they say.
type Watch struct {
	servers []node.Reader
	before  []*Counters
	limiter Limiter
}

// NewWatch watches the servers, going on from a limiter, whose zero value is a new one. The servers are the same, in the same order, as
// those that the limiter was made with.
func NewWatch(limiter Limiter, servers ...node.Reader) *Watch {
	return &Watch{servers: servers, before: make([]*Counters, len(servers)), limiter: limiter}
}

// Limiter is what the watch has come to.
func (w *Watch) Limiter() Limiter { return w.limiter }

const (
	// Every is how long a step takes, and Baseline how many make a baseline.
	Every    = time.Second
	Baseline = 8
	// patience is how long a look may take; a server that needs longer counts as strained.
	patience = 2 * time.Second
)

// Learn makes the baseline, before anything is copied; it takes Baseline times Every. Its error is ctx's alone.
func (w *Watch) Learn(ctx context.Context) error {
	w.read(ctx)
	for range Baseline {
		if err := node.Sleep(ctx, Every); err != nil {
			return err
		}
		w.limiter = w.limiter.Learn(w.read(ctx))
	}
	return nil
}

// Next reads all servers and returns the limit that is to hold now; ceiling and rate as for Limiter.Next, 0 for no limit.
func (w *Watch) Next(ctx context.Context, ceiling int, rate float64) int {
	w.limiter = w.limiter.Next(ceiling, rate, w.read(ctx))
	return w.limiter.MiBps()
}

// read is empty before there is something to compare with.
func (w *Watch) read(ctx context.Context) []Reading {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	readings := make([]Reading, len(w.servers))
	fresh := make([]bool, len(w.servers))
	var all sync.WaitGroup
	for i, server := range w.servers {
		all.Go(func() {
			now, err := Look(ctx, server)
			switch {
			case err != nil:
				readings[i].Unseen = true
				return
			case w.before[i] == nil:
				fresh[i] = true
			default:
				readings[i] = now.Since(*w.before[i])
			}
			w.before[i] = &now
		})
	}
	all.Wait()
	for i := range fresh {
		if fresh[i] && !readings[i].Unseen {
			return nil
		}
	}
	return readings
}
