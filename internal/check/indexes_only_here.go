package check

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// indexColumn is all that makes a column of an index what it is.
const indexColumn = `CONCAT_WS(CHAR(0), TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COALESCE(COLUMN_NAME, ''), COALESCE(EXPRESSION, ''), COALESCE(COLLATION, ''),
  COALESCE(SUB_PART, ''), NON_UNIQUE, INDEX_TYPE, IS_VISIBLE)`

// readIndexDigests stands for all indexes of each user schema, so that two servers that are alike are not asked for a single name.
func readIndexDigests(ctx context.Context, r node.Reader) (map[string]string, error) {
	query := "SELECT TABLE_SCHEMA, CAST(BIT_XOR(" + hash(indexColumn) + ") AS CHAR) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA " +
		node.UserSchemas + " GROUP BY TABLE_SCHEMA"
	all := map[string]string{}
	err := node.Each(ctx, r, "read the indexes", query, nil, func(scan func(...any) error) error {
		var schema, digest string
		err := scan(&schema, &digest)
		all[schema] = digest
		return err
	})
	return all, err
}

// indexes are digests by table and index.
type indexes map[tableName]map[string]string

// readIndexes reads those of the schemas; a table without any is there as well.
func readIndexes(ctx context.Context, r node.Reader, schemas []string) (indexes, error) {
	among := " IN (?" + strings.Repeat(",?", len(schemas)-1) + ")"
	args := make([]any, 2*len(schemas))
	for i, name := range schemas {
		args[i], args[len(schemas)+i] = name, name
	}
	query := "SELECT TABLE_SCHEMA, TABLE_NAME, '', '' FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA" + among +
		" UNION ALL SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, CAST(BIT_XOR(" + hash(indexColumn) + ") AS CHAR) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA" +
		among + " GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME"
	all := indexes{}
	err := node.Each(ctx, r, "list the indexes", query, args, func(scan func(...any) error) error {
		var name tableName
		var index, digest string
		if err := scan(&name.schema, &name.table, &index, &digest); err != nil {
			return err
		}
		if all[name] == nil {
			all[name] = map[string]string{}
		}
		if index != "" {
			all[name][index] = digest
		}
		return nil
	})
	return all, err
}

// indexesOnlyHere compares the indexes of the tables that both have, as othersOnlyHere compares the rest. theirs are the primary's digests.
func indexesOnlyHere(ctx context.Context, secondary, primary node.Reader, theirs map[string]string, follows bool) ([]contract.OnlyHere, error) {
	ours, err := readIndexDigests(ctx, secondary)
	if err != nil {
		return nil, err
	}
	var suspects []string
	for _, schema := range slices.Sorted(maps.Keys(ours)) {
		if their, there := theirs[schema]; there && their != ours[schema] {
			suspects = append(suspects, schema)
		}
	}
	if len(suspects) == 0 {
		return nil, nil
	}
	return insist(func() ([]contract.OnlyHere, error) {
		before, err := readIndexes(ctx, primary, suspects)
		if err != nil {
			return nil, err
		}
		caught, err := catchUp(ctx, secondary, primary, follows)
		if err != nil {
			return nil, err
		}
		here, err := readIndexes(ctx, secondary, suspects)
		if err != nil {
			return nil, err
		}
		after, err := readIndexes(ctx, primary, suspects)
		if err != nil {
			return nil, err
		}
		return here.otherwise(before, after, !caught), nil
	})
}

// otherwise names the indexes that neither before nor after has alike, of tables that both have: else the whole table is shown.
func (here indexes) otherwise(before, after indexes, behind bool) []contract.OnlyHere {
	var all []contract.OnlyHere
	for _, name := range ordered(maps.Keys(here)) {
		was, is := before[name], after[name]
		if was == nil || is == nil {
			continue
		}
		for _, index := range slices.Sorted(maps.Keys(here[name])) {
			digest := here[name][index]
			if digest == was[index] || digest == is[index] {
				continue
			}
			object := contract.OnlyHere{Kind: contract.ObjectIndex, Name: name.String() + "." + index, Behind: behind}
			if is[index] != "" {
				object.Differs = "its definition differs"
			}
			all = append(all, object)
		}
	}
	return all
}
