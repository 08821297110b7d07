package node

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Setting is one system variable: what holds now, what a restart would bring, and who set it last.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"` // the global value now
	// Persisted is the value in mysqld-auto.cnf; nil when it is not persisted.
	Persisted *string `json:"persisted,omitempty"`
	// Source is where the value came from: COMPILED, GLOBAL, SERVER, EXPLICIT, COMMAND_LINE, PERSISTED, DYNAMIC ...
	Source string `json:"source"`
	// SetUser and SetHost are the account that set it last; a persisted variable keeps them over restart and clone
	// (measured on 9.7). Empty when nobody did.
	SetUser string    `json:"setUser,omitempty"`
	SetHost string    `json:"setHost,omitempty"`
	SetTime time.Time `json:"setTime,omitzero"`
}

// On reports whether the value is that of a switch that is on.
func (s Setting) On() bool { return IsOn(s.Value) }

// PersistedOn reports whether the setting is persisted as on.
func (s Setting) PersistedOn() bool { return s.Persisted != nil && IsOn(*s.Persisted) }

// IsOn reads a switch as the server writes it: ON, 1 or YES.
func IsOn(value string) bool {
	switch strings.ToUpper(strings.TrimSpace(value)) {
	case "ON", "1", "YES", "TRUE":
		return true
	}
	return false
}

// Settings reads the named global variables, by name. A variable that this version does not have is absent.
func (n *Node) Settings(ctx context.Context, names ...string) (map[string]Setting, error) {
	return ReadSettings(ctx, n, names...)
}

// ReadSettings is Node.Settings for any Reader.
func ReadSettings(ctx context.Context, r Reader, names ...string) (map[string]Setting, error) {
	if len(names) == 0 {
		return map[string]Setting{}, nil
	}
	args := make([]any, len(names))
	for i, name := range names {
		args[i] = name
	}
	return readSettings(ctx, r, "WHERE g.VARIABLE_NAME IN (?"+strings.Repeat(",?", len(names)-1)+")", args)
}

// PersistedSettings reads what mysqld-auto.cnf holds.
func (n *Node) PersistedSettings(ctx context.Context) (map[string]Setting, error) {
	return readSettings(ctx, n, "WHERE p.VARIABLE_NAME IS NOT NULL", nil)
}

func readSettings(ctx context.Context, r Reader, where string, args []any) (map[string]Setting, error) {
	// variables_info alone tells who; it is joined by name, which is lower case in all three tables.
	query := `SELECT g.VARIABLE_NAME, COALESCE(g.VARIABLE_VALUE, ''), p.VARIABLE_VALUE,
  COALESCE(i.VARIABLE_SOURCE, ''), COALESCE(i.SET_USER, ''), COALESCE(i.SET_HOST, ''), i.SET_TIME
FROM performance_schema.global_variables g
LEFT JOIN performance_schema.persisted_variables p ON p.VARIABLE_NAME = g.VARIABLE_NAME
LEFT JOIN performance_schema.variables_info i ON i.VARIABLE_NAME = g.VARIABLE_NAME ` + where
	found := make(map[string]Setting)
	err := Each(ctx, r, "read the settings", query, args, func(scan func(...any) error) error {
		var s Setting
		var persisted sql.NullString
		var at sql.NullTime
		if err := scan(&s.Name, &s.Value, &persisted, &s.Source, &s.SetUser, &s.SetHost, &at); err != nil {
			return err
		}
		if persisted.Valid {
			s.Persisted = &persisted.String
		}
		s.SetTime = at.Time
		found[s.Name] = s
		return nil
	})
	return found, err
}
