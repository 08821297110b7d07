package check

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// sizesOf asks how large the first of what is only here is. Only those are asked for: to ask for a table's size opens it.
func sizesOf(ctx context.Context, secondary *node.Node, d tableDifferences) (map[tableName]int64, error) {
	sizes := map[tableName]int64{}
	var schemas, names []string
	for _, name := range slices.Sorted(maps.Keys(d.schemas)) {
		if len(d.schemas[name]) <= contract.MaxOnlyHere && len(schemas) < contract.MaxOnlyHere {
			schemas = append(schemas, name)
		}
	}
	for _, name := range d.names() {
		if len(names) < 2*contract.MaxOnlyHere {
			names = append(names, name.schema, name.table)
		}
	}
	if len(schemas)+len(names) == 0 {
		return sizes, nil
	}
	conn, err := secondary.DB().Conn(ctx)
	if err != nil {
		return nil, node.Wrap(secondary.Name(), "connect", err)
	}
	defer conn.Close()
	// What the server remembers of sizes may be a day old; asked for anew, they are not written down either (MySQL manual).
	if _, err := conn.ExecContext(ctx, "SET SESSION information_schema_stats_expiry = 0"); err != nil {
		return nil, node.Wrap(secondary.Name(), "ask for sizes anew", err)
	}
	defer func() { _, _ = conn.ExecContext(ctx, "SET SESSION information_schema_stats_expiry = DEFAULT") }()
	r := node.Pinned{Node: secondary.Name(), Conn: conn}
	read := func(query string, args []string) error {
		values := make([]any, len(args))
		for i := range args {
			values[i] = args[i]
		}
		return node.Each(ctx, r, "read the size of tables", query, values, func(scan func(...any) error) error {
			var name tableName
			var size int64
			err := scan(&name.schema, &name.table, &size)
			sizes[name] = size
			return err
		})
	}
	const size = "CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS SIGNED) FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND "
	if len(schemas) > 0 {
		if err := read("SELECT TABLE_SCHEMA, '', "+size+"TABLE_SCHEMA IN (?"+strings.Repeat(",?", len(schemas)-1)+") GROUP BY TABLE_SCHEMA", schemas); err != nil {
			return nil, err
		}
	}
	if len(names) > 0 {
		pairs := "(?,?)" + strings.Repeat(",(?,?)", len(names)/2-1)
		if err := read("SELECT TABLE_SCHEMA, TABLE_NAME, "+size+"(TABLE_SCHEMA, TABLE_NAME) IN ("+pairs+") GROUP BY TABLE_SCHEMA, TABLE_NAME", names); err != nil {
			return nil, err
		}
	}
	return sizes, nil
}

// described is how many tables that differ are looked at column by column.
const described = 50

// describe says of the tables that differ in what.
func describe(ctx context.Context, secondary, primary node.Reader, d tableDifferences, objects []contract.OnlyHere) error {
	texts := map[string]string{}
	for _, name := range ordered(maps.Keys(d.differs)) {
		if len(texts) == described {
			break
		}
		both := d.differs[name]
		var differs []string
		if both[0].engine != both[1].engine {
			differs = append(differs, fmt.Sprintf("its engine is %s, the primary's %s", both[0].engine, both[1].engine))
		}
		if both[0].columns != both[1].columns {
			ours, err := readColumns(ctx, secondary, name)
			if err != nil {
				return err
			}
			theirs, err := readColumns(ctx, primary, name)
			if err != nil {
				return err
			}
			differs = append(differs, columnsDiffer(ours, theirs))
		}
		texts[name.String()] = strings.Join(differs, "; ")
	}
	for i := range objects {
		if text := texts[objects[i].Name]; objects[i].Differs != "" && text != "" {
			objects[i].Differs = text
		}
	}
	return nil
}

func readColumns(ctx context.Context, r node.Reader, name tableName) (map[string]string, error) {
	columns := map[string]string{}
	query := "SELECT COLUMN_NAME, CAST(" + hash(column) + " AS CHAR) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?"
	err := node.Each(ctx, r, "read the columns of "+name.String(), query, []any{name.schema, name.table}, func(scan func(...any) error) error {
		var column, hash string
		err := scan(&column, &hash)
		columns[column] = hash
		return err
	})
	return columns, err
}

func columnsDiffer(ours, theirs map[string]string) string {
	var more, fewer, other []string
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if their, there := theirs[name]; !there {
			more = append(more, name)
		} else if their != ours[name] {
			other = append(other, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if _, there := ours[name]; !there {
			fewer = append(fewer, name)
		}
	}
	var parts []string
	for _, part := range []struct {
		what  string
		names []string
	}{{"columns only here: ", more}, {"columns not here: ", fewer}, {"columns of another kind or place: ", other}} {
		if len(part.names) > 0 {
			parts = append(parts, part.what+shortened(strings.Join(part.names, ", ")))
		}
	}
	return cmp.Or(strings.Join(parts, "; "), "its columns differ")
}
