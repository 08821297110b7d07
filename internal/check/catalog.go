package check

import (
	"context"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// tableName names one table of one server.
type tableName struct{ schema, table string }

func (n tableName) String() string { return n.schema + "." + n.table }

// schemaDigest stands for all tables of a schema. Two servers whose digests agree are not asked for a single name: a comparison of
// 100,000 tables that are alike moves one row a schema.
type schemaDigest struct {
	tables int
	// names and shapes stand for the tables' names, and for their engines and columns; shapes is empty when nobody asked for it.
	names, shapes string
}

// table is one table as far as two servers' can be compared.
type table struct {
	engine string
	// created is when the table was made or last rebuilt, in whole seconds, by the clock of whoever ran the statement: a replicated one
	// bears the primary's time (measured on 9.7).
	created time.Time
	// columns stands for all of them; empty when nobody asked for it.
	columns string
}

// hash is 64 bits of a text, as a number. MD5 and SHA1 are not in every server any more (measured on 9.7).
func hash(expression string) string {
	return "CAST(CONV(LEFT(SHA2(" + expression + ", 256), 16), 16, 10) AS UNSIGNED)"
}

// column is all that makes a column what it is.
const column = `CONCAT_WS(CHAR(0), TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COALESCE(COLLATION_NAME, ''), EXTRA,
  COALESCE(GENERATION_EXPRESSION, ''))`

// readDigests reads one digest a user schema, those without a table included.
func readDigests(ctx context.Context, r node.Reader, shapes bool) (map[string]schemaDigest, error) {
	query := `SELECT s.SCHEMA_NAME, COUNT(t.TABLE_NAME), CAST(BIT_XOR(COALESCE(` + hash("t.TABLE_NAME") + `, 0)) AS CHAR),
  CAST(BIT_XOR(COALESCE(` + hash("CONCAT_WS(CHAR(0), t.TABLE_NAME, t.ENGINE)") + `, 0)) AS CHAR)
FROM information_schema.SCHEMATA s
LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME AND t.TABLE_TYPE = 'BASE TABLE'
WHERE s.SCHEMA_NAME ` + node.UserSchemas + ` GROUP BY s.SCHEMA_NAME`
	all := map[string]schemaDigest{}
	err := node.Each(ctx, r, "read the names of the tables", query, nil, func(scan func(...any) error) error {
		var name, engines string
		var digest schemaDigest
		if err := scan(&name, &digest.tables, &digest.names, &engines); err != nil {
			return err
		}
		if shapes {
			digest.shapes = engines
		}
		all[name] = digest
		return nil
	})
	if err != nil || !shapes {
		return all, err
	}
	query = "SELECT TABLE_SCHEMA, CAST(BIT_XOR(" + hash(column) + ") AS CHAR) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA " +
		node.UserSchemas + " GROUP BY TABLE_SCHEMA"
	err = node.Each(ctx, r, "read the columns of the tables", query, nil, func(scan func(...any) error) error {
		var name, columns string
		if err := scan(&name, &columns); err != nil {
			return err
		}
		if digest, known := all[name]; known { // else it was made between the two queries
			digest.shapes += " " + columns
			all[name] = digest
		}
		return nil
	})
	return all, err
}

// tables are the tables of some schemas, and those schemas themselves.
type tables struct {
	// at is the server's clock before it was asked.
	at      time.Time
	schemas map[string]bool
	all     map[tableName]table
}

// readTables reads the tables of the schemas.
func readTables(ctx context.Context, r node.Reader, schemas []string, shapes bool) (tables, error) {
	t := tables{schemas: map[string]bool{}, all: map[tableName]table{}}
	var err error
	if t.at, err = clock(ctx, r); err != nil {
		return t, err
	}
	args := make([]any, len(schemas))
	for i, name := range schemas {
		args[i] = name
	}
	among := "IN (?" + strings.Repeat(",?", len(schemas)-1) + ")"
	found, err := texts(ctx, r, "list the schemas", "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME "+among, args...)
	if err != nil {
		return t, err
	}
	for _, name := range found {
		t.schemas[name] = true
	}
	query := `SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(ENGINE, ''), COALESCE(UNIX_TIMESTAMP(CREATE_TIME), 0) FROM information_schema.TABLES
WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA ` + among
	err = node.Each(ctx, r, "list the tables", query, args, func(scan func(...any) error) error {
		var name tableName
		var one table
		var created float64
		if err := scan(&name.schema, &name.table, &one.engine, &created); err != nil {
			return err
		}
		one.created = time.Unix(int64(created), 0).UTC()
		t.all[name] = one
		return nil
	})
	if err != nil || !shapes {
		return t, err
	}
	query = "SELECT TABLE_SCHEMA, TABLE_NAME, CAST(BIT_XOR(" + hash(column) + ") AS CHAR) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA " +
		among + " GROUP BY TABLE_SCHEMA, TABLE_NAME"
	err = node.Each(ctx, r, "read the columns of the tables", query, args, func(scan func(...any) error) error {
		var name tableName
		var columns string
		if err := scan(&name.schema, &name.table, &columns); err != nil {
			return err
		}
		if one, known := t.all[name]; known { // else it is a view
			one.columns = columns
			t.all[name] = one
		}
		return nil
	})
	return t, err
}

// clock is the server's own, in UTC.
func clock(ctx context.Context, r node.Reader) (time.Time, error) {
	var now time.Time
	err := node.One(ctx, r, "read the server's clock", "SELECT UTC_TIMESTAMP(6)", nil, &now)
	return now.UTC(), err
}
