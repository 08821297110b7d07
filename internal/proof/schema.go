package proof

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func inUserSchemas(column string) string { return column + " " + node.UserSchemas }

// schemaAspects are the canonical definitions of schema objects. Left out is what differs on a healthy secondary: AUTO_INCREMENT
// counters and statistics, creation times, and the status of events, which has its own rule (measured on 9.7).
//
// Tables and views share one space of names, as do the routines of one kind; a trigger is named by its schema.
var schemaAspects = []aspect{
	{object: "schema", schema: "SCHEMA_NAME", name: "''", where: inUserSchemas("SCHEMA_NAME"),
		sql: `SELECT SCHEMA_NAME, '', '', DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, DEFAULT_ENCRYPTION FROM information_schema.SCHEMATA`},
	{object: "table", schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: inUserSchemas("TABLE_SCHEMA"),
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME, '', TABLE_TYPE, ENGINE, TABLE_COLLATION, CREATE_OPTIONS,
			IF(TABLE_TYPE='VIEW', '', TABLE_COMMENT) AS TABLE_COMMENT FROM information_schema.TABLES`},
	{object: "column", schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: inUserSchemas("TABLE_SCHEMA"),
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA,
			CHARACTER_SET_NAME, COLLATION_NAME, GENERATION_EXPRESSION, SRS_ID, COLUMN_COMMENT FROM information_schema.COLUMNS`},
	{object: "index", schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: inUserSchemas("TABLE_SCHEMA"),
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME, CONCAT(INDEX_NAME, ' part ', SEQ_IN_INDEX), NON_UNIQUE, COLUMN_NAME, COLLATION, SUB_PART,
			INDEX_TYPE, INDEX_COMMENT, IS_VISIBLE, EXPRESSION FROM information_schema.STATISTICS`},
	{object: "constraint", schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: inUserSchemas("TABLE_SCHEMA"),
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE, ENFORCED FROM information_schema.TABLE_CONSTRAINTS`},
	{object: "check constraint", schema: "t.TABLE_SCHEMA", name: "t.TABLE_NAME", where: "t.CONSTRAINT_TYPE='CHECK' AND " + inUserSchemas("t.TABLE_SCHEMA"),
		sql: `SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.CONSTRAINT_NAME, c.CHECK_CLAUSE FROM information_schema.TABLE_CONSTRAINTS t
			JOIN information_schema.CHECK_CONSTRAINTS c ON c.CONSTRAINT_SCHEMA=t.CONSTRAINT_SCHEMA AND c.CONSTRAINT_NAME=t.CONSTRAINT_NAME`},
	{object: "foreign key", schema: "CONSTRAINT_SCHEMA", name: "TABLE_NAME", where: inUserSchemas("CONSTRAINT_SCHEMA"),
		sql: `SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA, UNIQUE_CONSTRAINT_NAME, REFERENCED_TABLE_NAME,
			MATCH_OPTION, UPDATE_RULE, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS`},
	{object: "foreign key", schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: "REFERENCED_TABLE_NAME IS NOT NULL AND " + inUserSchemas("TABLE_SCHEMA"),
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME, CONCAT(CONSTRAINT_NAME, ' column ', ORDINAL_POSITION), COLUMN_NAME, REFERENCED_TABLE_SCHEMA,
			REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE`},
	{object: "partition", schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: "PARTITION_NAME IS NOT NULL AND " + inUserSchemas("TABLE_SCHEMA"),
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME, CONCAT_WS('/', PARTITION_NAME, SUBPARTITION_NAME), PARTITION_ORDINAL_POSITION,
			SUBPARTITION_ORDINAL_POSITION, PARTITION_METHOD, SUBPARTITION_METHOD, PARTITION_EXPRESSION, SUBPARTITION_EXPRESSION,
			PARTITION_DESCRIPTION, PARTITION_COMMENT, TABLESPACE_NAME FROM information_schema.PARTITIONS`},
	{object: "view", schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: inUserSchemas("TABLE_SCHEMA"), long: []string{"VIEW_DEFINITION"},
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME, '', VIEW_DEFINITION, CHECK_OPTION, IS_UPDATABLE, DEFINER, SECURITY_TYPE, CHARACTER_SET_CLIENT,
			COLLATION_CONNECTION FROM information_schema.VIEWS`},
	{object: "trigger", schema: "EVENT_OBJECT_SCHEMA", name: "EVENT_OBJECT_TABLE", where: inUserSchemas("TRIGGER_SCHEMA"), long: []string{"ACTION_STATEMENT"},
		sql: `SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER, ACTION_STATEMENT,
			SQL_MODE, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION FROM information_schema.TRIGGERS`},
	{object: "routine", schema: "ROUTINE_SCHEMA", name: "CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME)", where: inUserSchemas("ROUTINE_SCHEMA"), long: []string{"ROUTINE_DEFINITION"},
		sql: `SELECT ROUTINE_SCHEMA, CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME), '', DTD_IDENTIFIER, ROUTINE_BODY, ROUTINE_DEFINITION, EXTERNAL_LANGUAGE,
			IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE, SQL_MODE, ROUTINE_COMMENT, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION,
			DATABASE_COLLATION FROM information_schema.ROUTINES`},
	{object: "parameter", schema: "SPECIFIC_SCHEMA", name: "CONCAT(LOWER(ROUTINE_TYPE), ' ', SPECIFIC_NAME)", where: inUserSchemas("SPECIFIC_SCHEMA"),
		sql: `SELECT SPECIFIC_SCHEMA, CONCAT(LOWER(ROUTINE_TYPE), ' ', SPECIFIC_NAME), CONCAT('parameter ', ORDINAL_POSITION), PARAMETER_MODE,
			PARAMETER_NAME, DTD_IDENTIFIER, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.PARAMETERS`},
	{object: "library", since: "LIBRARIES", schema: "LIBRARY_SCHEMA", name: "CONCAT('library ', LIBRARY_NAME)", where: inUserSchemas("LIBRARY_SCHEMA"), long: []string{"LIBRARY_DEFINITION"},
		sql: `SELECT LIBRARY_SCHEMA, CONCAT('library ', LIBRARY_NAME), '', LANGUAGE, LIBRARY_DEFINITION, SQL_MODE, LIBRARY_COMMENT, CREATOR
			FROM information_schema.LIBRARIES`},
	{object: "imported library", since: "ROUTINE_LIBRARIES", schema: "ROUTINE_SCHEMA", name: "CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME)", where: inUserSchemas("ROUTINE_SCHEMA"),
		sql: `SELECT ROUTINE_SCHEMA, CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME), CONCAT(LIBRARY_SCHEMA, '.', LIBRARY_NAME), LIBRARY_VERSION
			FROM information_schema.ROUTINE_LIBRARIES`},
	{object: "event", schema: "EVENT_SCHEMA", name: "CONCAT('event ', EVENT_NAME)", where: inUserSchemas("EVENT_SCHEMA"), long: []string{"EVENT_DEFINITION"},
		sql: `SELECT EVENT_SCHEMA, CONCAT('event ', EVENT_NAME), '', DEFINER, TIME_ZONE, EVENT_BODY, EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT,
			INTERVAL_VALUE, INTERVAL_FIELD, SQL_MODE, STARTS, ENDS, ON_COMPLETION, EVENT_COMMENT, CHARACTER_SET_CLIENT, COLLATION_CONNECTION,
			DATABASE_COLLATION FROM information_schema.EVENTS`},
	{object: "definition", create: true, schema: "TABLE_SCHEMA", name: "TABLE_NAME", where: inUserSchemas("TABLE_SCHEMA"), secret: []string{createOptions},
		sql: `SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES`},
}

// proveSchema compares the definition of every schema object, and wants no event able to run on a secondary.
func (e *engine) proveSchema(ctx context.Context) error {
	if err := e.compareObjects(ctx, contract.ProofSchema, schemaAspects, func(objectID) bool { return false }); err != nil {
		return err
	}
	for _, r := range e.alive() {
		if err := e.compareEventStatus(ctx, r); err != nil {
			return e.blame(r, err)
		}
	}
	return nil
}

// maxExplained bounds how many differing objects are looked at in detail; the others are counted.
const maxExplained = 200

func (e *engine) compareObjects(ctx context.Context, name contract.ProofLayerName, aspects []aspect, skip func(objectID) bool) error {
	judgements, examined, err := e.compareDefinitions(ctx, aspects, skip)
	if err != nil {
		return err
	}
	for _, r := range e.alive() {
		i := r.index
		r.layer(name).Examined = int64(examined)
		if err := e.reportObjects(ctx, r, name, aspects, judgements[i]); err != nil {
			return e.blame(r, err)
		}
	}
	return nil
}

func (e *engine) reportObjects(ctx context.Context, r *replica, name contract.ProofLayerName, aspects []aspect, j judgement) error {
	for i, id := range j.differ {
		parts := []contract.ProofDifference{{Kind: contract.ProofChanged, Object: "definition", Schema: id.schema, Name: id.name}}
		if i < maxExplained {
			explained, err := e.explain(ctx, r, aspects, id)
			if err != nil {
				return err
			}
			if len(explained) > 0 { // else changed again since
				parts = explained
			}
		}
		for _, d := range parts {
			r.differ(name, e.options.Listed, d)
		}
	}
	for _, id := range j.restless {
		r.gap(name, fmt.Sprintf("%s.%s kept changing on %s and could not be compared", id.schema, id.name, e.primary.name))
	}
	return nil
}

// compareEventStatus has its own rule, because an event that is enabled on the primary must not be so on a secondary: it would write
// there. Disabled in whatever way on both is well; disabled for good on the secondary while enabled on the primary is not, for after a
// failover it would not run (MySQL manual: Replication of Invoked Features).
func (e *engine) compareEventStatus(ctx context.Context, r *replica) error {
	const statement = `SELECT EVENT_SCHEMA, EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA ` + node.UserSchemas
	read := func(s *session) (map[objectID]string, error) {
		out := map[objectID]string{}
		err := eachText(ctx, s, statement, func(row []sql.RawBytes) error {
			out[objectID{string(row[0]), string(row[1])}] = string(row[2])
			return nil
		})
		return out, err
	}
	suspects := map[objectID]contract.ProofDifference{}
	for try := range definitionTries {
		ours, err := read(e.primary.control)
		if err != nil {
			return err
		}
		if _, err := r.catchUp(ctx, &e.primary, e.options.CatchUp); err != nil {
			return err
		}
		theirs, err := read(r.control)
		if err != nil {
			return err
		}
		found := map[objectID]contract.ProofDifference{}
		for id, status := range theirs {
			d := contract.ProofDifference{Kind: contract.ProofChanged, Object: "event", Schema: id.schema, Name: id.name, Columns: []string{"status"},
				Primary: ours[id], Secondary: status}
			switch {
			case status == "ENABLED":
				d.Detail = "the event would run on a secondary and write there; ALTER EVENT ... DISABLE ON REPLICA"
			case status == "DISABLED" && ours[id] == "ENABLED":
				d.Detail = "after a failover the event would not run; ALTER EVENT ... DISABLE ON REPLICA"
			default:
				continue
			}
			if _, was := suspects[id]; was || try == 0 {
				found[id] = d
			}
		}
		suspects = found
		if len(suspects) == 0 {
			return nil
		}
		// An event that was just created or altered is caught between two readings; one that stays so for three is not.
		if try >= 2 {
			break
		}
		if err := pause(ctx, definitionPause); err != nil {
			return err
		}
	}
	for _, d := range suspects {
		r.differ(contract.ProofSchema, e.options.Listed, d)
	}
	return nil
}
