package proof

import (
	"context"
	"sync"
	"time"
)

// limiter spreads bytes over time. All streams share one.
type limiter struct {
	perSecond int64
	mu        sync.Mutex
	free      time.Time // when all that was spent is paid for
}

func newLimiter(perSecond int64) *limiter { return &limiter{perSecond: perSecond, free: time.Now()} }

// limiterSlack is how far spending may run ahead before it waits: a sleep per row would cost more than the row.
const limiterSlack = 20 * time.Millisecond

func (l *limiter) spend(ctx context.Context, n int64) error {
	if l.perSecond <= 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.perSecond) * float64(time.Second)))
	wait := l.free.Sub(now)
	l.mu.Unlock()
	if wait < limiterSlack {
		return ctx.Err()
	}
	return pause(ctx, wait)
}
