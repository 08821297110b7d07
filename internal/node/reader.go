package node

import (
	"context"
	"database/sql"
)

// Reader asks one server: a Node over any pooled connection, a Pinned over one of them, or a Claim over its own.
type Reader interface {
	// Name is the node's name, for errors.
	Name() string
	// Query runs one statement that returns rows; doing says in words what for.
	Query(ctx context.Context, doing, query string, args ...any) (*sql.Rows, error)
}

// Query implements Reader.
func (n *Node) Query(ctx context.Context, doing, query string, args ...any) (*sql.Rows, error) {
	rows, err := n.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, Wrap(n.Name(), doing, err)
	}
	return rows, nil
}

// Pinned is a Reader over one connection of a pool, for what must not be asked over several: whatever belongs to a session. The
// connection stays its owner's, who closes it.
type Pinned struct {
	Node string // the node's name
	Conn *sql.Conn
}

// Name implements Reader.
func (p Pinned) Name() string { return p.Node }

// Query implements Reader.
func (p Pinned) Query(ctx context.Context, doing, query string, args ...any) (*sql.Rows, error) {
	rows, err := p.Conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, Wrap(p.Node, doing, err)
	}
	return rows, nil
}

// Exec runs one statement that returns no rows.
func (p Pinned) Exec(ctx context.Context, doing, query string, args ...any) error {
	_, err := p.Conn.ExecContext(ctx, query, args...)
	return Wrap(p.Node, doing, err)
}

// Each calls fn for every row of the query.
func Each(ctx context.Context, r Reader, doing, query string, args []any, fn func(scan func(...any) error) error) error {
	rows, err := r.Query(ctx, doing, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return judge(r, doing, err)
		}
	}
	return judge(r, doing, rows.Err())
}

// judge wraps a failure while rows were read; a claim must hear of a connection that broke there.
func judge(r Reader, doing string, err error) error {
	if c, ok := r.(*Claim); ok {
		return c.judge(doing, err)
	}
	return Wrap(r.Name(), doing, err)
}

// One reads the single row of the query; no row is sql.ErrNoRows within the error.
func One(ctx context.Context, r Reader, doing, query string, args []any, dest ...any) error {
	found := false
	err := Each(ctx, r, doing, query, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	if err == nil && !found {
		return Wrap(r.Name(), doing, sql.ErrNoRows)
	}
	return err
}

// Row is one row by column name, for statements whose columns differ between versions. NULL is absent.
type Row map[string]string

// Table reads rows by column name.
func Table(ctx context.Context, r Reader, doing, query string, args ...any) ([]Row, error) {
	rows, err := r.Query(ctx, doing, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, Wrap(r.Name(), doing, err)
	}
	var table []Row
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		dest := make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, judge(r, doing, err)
		}
		row := make(Row, len(names))
		for i, v := range values {
			if v.Valid {
				row[names[i]] = v.String
			}
		}
		table = append(table, row)
	}
	return table, judge(r, doing, rows.Err())
}
