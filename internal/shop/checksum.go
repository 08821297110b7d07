package shop

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Sums are checksums of tables by "schema.table". They say that rows are equal only as far as 32 bits can.
type Sums map[string]int64

// Checksums runs CHECKSUM TABLE on every user table of the server. It is an independent look, made by the server's own
// code: nothing may write meanwhile (stop the writer, PauseEvents, let the secondary catch up), or equal tables differ.
// Rows, and nothing but rows, are summed: the two servers must have equal table definitions.
func Checksums(ctx context.Context, db *sql.DB) (Sums, error) {
	names, err := userTables(ctx, db)
	if err != nil {
		return nil, err
	}
	sums := Sums{}
	for _, n := range names {
		var echoed string
		var sum sql.NullInt64
		statement := "CHECKSUM TABLE " + identifier(n.schema) + "." + identifier(n.table)
		if err := db.QueryRowContext(ctx, statement).Scan(&echoed, &sum); err != nil {
			return nil, fmt.Errorf("shop: %s: %w", statement, err)
		}
		if !sum.Valid {
			return nil, fmt.Errorf("shop: %s gave no sum: the table is gone or cannot be read", statement)
		}
		sums[n.schema+"."+n.table] = sum.Int64
	}
	return sums, nil
}

type tableName struct{ schema, table string }

func userTables(ctx context.Context, db *sql.DB) ([]tableName, error) {
	rows, err := db.QueryContext(ctx, `SELECT table_schema, table_name FROM information_schema.tables
		WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')
		ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("shop: cannot list the tables: %w", err)
	}
	defer rows.Close()
	var all []tableName
	for rows.Next() {
		var n tableName
		if err := rows.Scan(&n.schema, &n.table); err != nil {
			return nil, fmt.Errorf("shop: cannot list the tables: %w", err)
		}
		all = append(all, n)
	}
	return all, rows.Err()
}

// Difference is one table whose sums differ; nil is a table that is not there.
type Difference struct {
	Table string
	A, B  *int64
}

// String is one line for a person.
func (d Difference) String() string {
	show := func(sum *int64) string {
		if sum == nil {
			return "no such table"
		}
		return fmt.Sprint(*sum)
	}
	return fmt.Sprintf("%s: %s, %s", d.Table, show(d.A), show(d.B))
}

// Diff compares the sums of two servers and returns what differs, by table name. Nothing is returned for equal sets;
// two empty sets are equal too, so look that there are as many tables as you expect.
func Diff(a, b Sums) []Difference {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	var all []Difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		inA, inB := a.at(name), b.at(name)
		if inA == nil || inB == nil || *inA != *inB {
			all = append(all, Difference{Table: name, A: inA, B: inB})
		}
	}
	return all
}

func (s Sums) at(name string) *int64 {
	if sum, there := s[name]; there {
		return &sum
	}
	return nil
}

func identifier(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
