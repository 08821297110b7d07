package shop

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
)

// plain are the settings under which every statement of this package means the same on every server.
const plain = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', " +
	"foreign_key_checks = 1, unique_checks = 1, character_set_client = utf8mb4, character_set_results = utf8mb4, " +
	"collation_connection = utf8mb4_0900_ai_ci"

// session is one connection whose settings were changed.
type session struct {
	conn *sql.Conn
}

// inSession runs f on a connection of its own with the given settings and never hands that connection back to the
// pool: settings such as sql_log_bin would go on to whoever gets it next.
func inSession(ctx context.Context, db *sql.DB, settings string, f func(*session) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("shop: no connection: %w", err)
	}
	defer func() {
		// ErrBadConn makes database/sql close the connection; it comes back as the result and says nothing new.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	}()
	s := &session{conn: conn}
	if err := s.exec(ctx, settings); err != nil {
		return err
	}
	return f(s)
}

func (s *session) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("shop: %s: %w", firstLine(statement), err)
		}
	}
	return nil
}

func (s *session) script(ctx context.Context, name string) error {
	all, err := statements(name)
	if err != nil {
		return err
	}
	return s.exec(ctx, all...)
}

func (s *session) text(ctx context.Context, query string, args ...any) (string, error) {
	var value sql.NullString
	if err := s.conn.QueryRowContext(ctx, query, args...).Scan(&value); err != nil {
		return "", fmt.Errorf("shop: %s: %w", firstLine(query), err)
	}
	return value.String, nil
}

// firstLine is how an error names a statement: the first line that is not a comment.
func firstLine(statement string) string {
	for line := range strings.Lines(statement) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			return line
		}
	}
	return "empty statement"
}
