package shop

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// PauseEvents switches the event scheduler of this server off and waits until no event is running, so that nothing but
// clients and replication writes. The returned function puts the scheduler back as it was found; the setting is not
// persisted and writes nothing to the binary log.
func PauseEvents(ctx context.Context, db *sql.DB) (resume func(context.Context) error, err error) {
	var was string
	if err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.event_scheduler").Scan(&was); err != nil {
		return nil, fmt.Errorf("shop: cannot read event_scheduler: %w", err)
	}
	if was == "DISABLED" {
		return func(context.Context) error { return nil }, nil
	}
	set := func(ctx context.Context, value string) error {
		if _, err := db.ExecContext(ctx, "SET GLOBAL event_scheduler = "+value); err != nil {
			return fmt.Errorf("shop: cannot set event_scheduler to %s: %w", value, err)
		}
		return nil
	}
	if err := set(ctx, "OFF"); err != nil {
		return nil, err
	}
	resume = func(ctx context.Context) error { return set(ctx, was) }
	for {
		var running int
		err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM performance_schema.threads WHERE name LIKE 'thread/sql/event_%'").Scan(&running)
		if err != nil {
			return resume, fmt.Errorf("shop: cannot see running events: %w", err)
		}
		if running == 0 {
			return resume, nil
		}
		select {
		case <-ctx.Done():
			return resume, fmt.Errorf("shop: %d events are still running: %w", running, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
