package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Harm is what was done to a secondary. It is not undone; the Writer, which never writes the rows and tables concerned,
// does not undo it by chance either.
type Harm struct {
	Name     string
	Sentence string // what was done, for a person
	Errant   string // the GTID set that the secondary now has and its primary has not; empty for a harm without GTIDs
	Table    string // "schema.table" whose rows differ, when it is one
}

// unlocked runs f on a connection with super_read_only off and puts both read-only settings back as they were found.
// Its db must belong to an account with SYSTEM_VARIABLES_ADMIN and CONNECTION_ADMIN, such as root.
func unlocked(ctx context.Context, db *sql.DB, settings string, f func(*session) error) error {
	return inSession(ctx, db, settings, func(s *session) (err error) {
		was, err := s.text(ctx, "SELECT CONCAT(@@GLOBAL.read_only, @@GLOBAL.super_read_only)")
		if err != nil {
			return err
		}
		if was[1] == '1' {
			if err := s.exec(ctx, "SET GLOBAL super_read_only = OFF"); err != nil {
				return err
			}
			// A caller who is cut short must not leave a secondary open for writes.
			defer func() {
				err = errors.Join(err, s.exec(context.WithoutCancel(ctx), "SET GLOBAL super_read_only = ON"))
			}()
		}
		return f(s)
	})
}

// silently runs f outside the binary log, and makes sure that the server wrote no GTID of its own meanwhile.
func silently(ctx context.Context, secondary *sql.DB, f func(*session) error) error {
	return unlocked(ctx, secondary, plain+", sql_log_bin = 0", func(s *session) error {
		before, err := s.text(ctx, "SELECT @@GLOBAL.gtid_executed")
		if err != nil {
			return err
		}
		if err := f(s); err != nil {
			return err
		}
		own, err := s.ownSince(ctx, before)
		if err != nil {
			return err
		}
		if own != "" {
			return fmt.Errorf("shop: the secondary wrote %s during a change that was to be silent: does an event run on it?", own)
		}
		return nil
	})
}

// ownSince is the GTIDs that this server itself has made since its executed set was before. What replication brought in
// meanwhile is left out; the set is read once, because it grows between two looks.
func (s *session) ownSince(ctx context.Context, before string) (string, error) {
	fresh, err := s.text(ctx, "SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, ?)", before)
	if err != nil {
		return "", err
	}
	// fresh without (fresh without this server's) is fresh and this server's.
	return s.text(ctx, `SELECT REPLACE(GTID_SUBTRACT(?, GTID_SUBTRACT(?, CONCAT(@@server_uuid, ':1-9223372036854775806'))), '\n', '')`,
		fresh, fresh)
}

// one fails unless the statement changed a row.
func (s *session) one(ctx context.Context, statement string, args ...any) error {
	result, err := s.conn.ExecContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("shop: %s: %w", firstLine(statement), err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("shop: %s: no row was changed: was this harm done before, or is the shop not there? (%w)",
			firstLine(statement), errors.Join(sql.ErrNoRows, err))
	}
	return nil
}
