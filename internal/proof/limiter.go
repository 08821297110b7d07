package proof

import (
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

// reserve takes n bytes and gives how long to wait before the next; short waits are saved up.
func (l *limiter) reserve(n int64) time.Duration {
	if l.perSecond <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.perSecond) * float64(time.Second)))
	if wait := l.free.Sub(now); wait >= limiterSlack {
		return wait
	}
	return 0
}
