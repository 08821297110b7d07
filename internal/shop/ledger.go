package shop

import (
	"context"
	"database/sql"
	"fmt"
)

// CheckLedger proves that the server behind db holds every transaction that the writer with these statistics was
// acknowledged, and no other of its own. The writer must have stopped, and a secondary must have caught up. The error
// names the first worker whose numbers are not complete.
func CheckLedger(ctx context.Context, db *sql.DB, s Stats) error {
	for worker, acknowledged := range s.Acknowledged {
		var rows, last int64
		err := db.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM shop.ledger WHERE run = UNHEX(?) AND worker = ?",
			s.Run, worker).Scan(&rows, &last)
		if err != nil {
			return fmt.Errorf("shop: cannot read the ledger: %w", err)
		}
		extra := int64(0)
		if s.Open[worker] {
			extra = 1
		}
		if rows != last || last < acknowledged || last > acknowledged+extra {
			return fmt.Errorf("shop: worker %d of run %s was acknowledged transactions 1 to %d, the ledger has %d rows up to %d",
				worker, s.Run, acknowledged, rows, last)
		}
	}
	return nil
}
