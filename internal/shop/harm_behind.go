package shop

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// HarmFallBehind stops replication on the secondary, lets the primary write on, and purges the primary's binary logs
// that the secondary would need. Replication stays stopped; started again it fails with 13114 ("source purged required
// binary logs").
//
// The primary does not purge a log that another secondary is reading, so others are safe while they are connected; one
// that is not loses its way too. It waits, as long as ctx allows, until the needed logs are gone.
func HarmFallBehind(ctx context.Context, primary, secondary *sql.DB) (Harm, error) {
	var harm Harm
	err := inSession(ctx, secondary, plain, func(behind *session) error {
		if err := behind.exec(ctx, "STOP REPLICA"); err != nil {
			return err
		}
		executed, err := behind.text(ctx, "SELECT @@GLOBAL.gtid_executed")
		if err != nil {
			return err
		}
		// Transactions in the relay log need no binary log of the primary.
		received, err := behind.text(ctx, "SELECT COALESCE(GROUP_CONCAT(received_transaction_set SEPARATOR ','), '') FROM performance_schema.replication_connection_status")
		if err != nil {
			return err
		}
		return inSession(ctx, primary, plain, func(s *session) error {
			missed, err := s.purgeBeyond(ctx, executed, received)
			harm = Harm{
				Name: "behind",
				Sentence: fmt.Sprintf("Replication was stopped, and the primary purged the binary logs with what is missing since (%s).",
					missed),
			}
			return err
		})
	})
	if err != nil {
		return Harm{}, err
	}
	return harm, nil
}

// purgeBeyond writes and purges on the primary until it can no longer send something that a secondary with these two
// sets lacks, and returns what that is.
func (s *session) purgeBeyond(ctx context.Context, executed, received string) (string, error) {
	for {
		for range 20 {
			if err := s.exec(ctx, "INSERT INTO shop.heartbeats (at, note) VALUES (NOW(6), 'written while a secondary did not listen')"); err != nil {
				return "", err
			}
		}
		if err := s.exec(ctx, "FLUSH BINARY LOGS"); err != nil {
			return "", err
		}
		newest, err := s.newestLog(ctx)
		if err != nil {
			return "", err
		}
		if err := s.exec(ctx, "PURGE BINARY LOGS TO "+quoted(newest)); err != nil {
			return "", err
		}
		gone, err := s.text(ctx, "SELECT REPLACE(GTID_SUBTRACT(GTID_SUBTRACT(@@GLOBAL.gtid_purged, ?), ?), '\n', '')", executed, received)
		if err != nil || gone != "" {
			return gone, err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("shop: the primary still keeps all binary logs that the secondary needs, another secondary may be reading them: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// newestLog is the name of the binary log in use. SHOW BINARY LOGS has more columns on some versions than on others.
func (s *session) newestLog(ctx context.Context) (string, error) {
	rows, err := s.conn.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return "", fmt.Errorf("shop: SHOW BINARY LOGS: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", fmt.Errorf("shop: SHOW BINARY LOGS: %w", err)
	}
	var newest string
	row := make([]any, len(columns))
	row[0] = &newest
	for i := 1; i < len(row); i++ {
		row[i] = new(sql.RawBytes)
	}
	for rows.Next() {
		if err := rows.Scan(row...); err != nil {
			return "", fmt.Errorf("shop: SHOW BINARY LOGS: %w", err)
		}
	}
	return newest, rows.Err()
}
