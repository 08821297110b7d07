package proof

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var schemaObjects = []string{
	"CREATE TABLE parent (id INT PRIMARY KEY, a INT, b VARCHAR(20) COMMENT 'said', KEY by_a (a)) COMMENT='parents'",
	"CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, parent_id INT, v INT DEFAULT 1, CONSTRAINT positive CHECK (v > 0),\n" +
		"CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE)",
	"CREATE TABLE sliced (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN (20))",
	"CREATE TABLE computed (a INT PRIMARY KEY, b INT AS (a+1) VIRTUAL)",
	"CREATE ALGORITHM=MERGE VIEW merged AS SELECT id FROM parent",
	"CREATE VIEW seen AS SELECT id, a FROM parent WHERE a > 1",
	"CREATE FUNCTION plus_one(x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
	"CREATE PROCEDURE nothing(IN x INT) SELECT x",
	"CREATE TRIGGER child_in BEFORE INSERT ON child FOR EACH ROW SET NEW.v = COALESCE(NEW.v, 2)",
	"CREATE EVENT later ON SCHEDULE EVERY 1 DAY DO DELETE FROM child WHERE v > 100",
	"CREATE EVENT never ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM child WHERE v > 100",
	"INSERT INTO parent VALUES (1,1,'x')",
	"INSERT INTO child (parent_id) VALUES (1)",
}

// written is made for its own plants alone: a full-text index is many tables.
const written = "CREATE TABLE written (id INT PRIMARY KEY, a TEXT, b INT, FULLTEXT KEY words (a), KEY by_b (b))"

var schemaPlants = []plant{
	{name: "a column's default", harm: []string{"ALTER TABLE child ALTER v SET DEFAULT 3"},
		want: contract.ProofDifference{Kind: "changed", Object: "column", Name: "child", Member: "v", Columns: []string{"column_default"}}},
	{name: "a default that is none instead of NULL", harm: []string{"ALTER TABLE written ALTER b DROP DEFAULT"},
		want: contract.ProofDifference{Kind: "changed", Object: "definition", Name: "written", Member: "b", Columns: []string{"line"}}},
	{name: "a full-text index's parser", harm: []string{"ALTER TABLE written DROP KEY words", "ALTER TABLE written ADD FULLTEXT KEY words (a) WITH PARSER ngram"},
		want: contract.ProofDifference{Kind: "changed", Object: "definition", Name: "written", Member: "FULLTEXT KEY words", Columns: []string{"line"}}},
	{name: "an index's attribute", harm: []string{"ALTER TABLE written DROP KEY by_b", `ALTER TABLE written ADD KEY by_b (b) SECONDARY_ENGINE_ATTRIBUTE='{"a":1}'`},
		want: contract.ProofDifference{Kind: "changed", Object: "definition", Name: "written", Member: "KEY by_b", Columns: []string{"line"}}},
	{name: "a table's attribute", harm: []string{`ALTER TABLE written SECONDARY_ENGINE_ATTRIBUTE='{"a":1}'`},
		want: contract.ProofDifference{Kind: "changed", Object: "definition", Name: "written", Columns: []string{"statement"}}},
	{name: "a view's algorithm", harm: []string{"CREATE OR REPLACE ALGORITHM=UNDEFINED DEFINER=root@`%` VIEW merged AS SELECT id FROM parent"},
		want: contract.ProofDifference{Kind: "changed", Object: "definition", Name: "merged", Columns: []string{"statement"}}},
	{name: "a column's type", harm: []string{"ALTER TABLE parent MODIFY b VARCHAR(21) COMMENT 'said'"},
		want: contract.ProofDifference{Kind: "changed", Object: "column", Name: "parent", Member: "b", Columns: []string{"column_type"}}},
	{name: "a column's comment", harm: []string{"ALTER TABLE parent MODIFY b VARCHAR(20) COMMENT 'unsaid'"},
		want: contract.ProofDifference{Kind: "changed", Object: "column", Name: "parent", Member: "b", Columns: []string{"column_comment"}}},
	{name: "a column more", harm: []string{"ALTER TABLE parent ADD extra INT INVISIBLE"},
		want: contract.ProofDifference{Kind: "extra", Object: "column", Name: "parent", Member: "extra"}},
	{name: "a generated column's expression", harm: []string{"ALTER TABLE computed MODIFY b INT AS (a+2) VIRTUAL"},
		want: contract.ProofDifference{Kind: "changed", Object: "column", Name: "computed", Member: "b", Columns: []string{"generation_expression"}}},
	{name: "an index more", harm: []string{"CREATE INDEX by_b ON parent (b)"},
		want: contract.ProofDifference{Kind: "extra", Object: "index", Name: "parent", Member: "by_b part 1"}},
	{name: "an index hidden", harm: []string{"ALTER TABLE parent ALTER INDEX by_a INVISIBLE"},
		want: contract.ProofDifference{Kind: "changed", Object: "index", Name: "parent", Member: "by_a part 1", Columns: []string{"is_visible"}}},
	{name: "a check switched off", harm: []string{"ALTER TABLE child ALTER CHECK positive NOT ENFORCED"},
		want: contract.ProofDifference{Kind: "changed", Object: "constraint", Name: "child", Member: "positive", Columns: []string{"enforced"}}},
	{name: "a foreign key's rule", harm: []string{"ALTER TABLE child DROP FOREIGN KEY of_parent",
		"ALTER TABLE child ADD CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL"},
		want: contract.ProofDifference{Kind: "changed", Object: "foreign key", Name: "child", Member: "of_parent", Columns: []string{"delete_rule"}}},
	{name: "a partition's border", harm: []string{"ALTER TABLE sliced REORGANIZE PARTITION high INTO (PARTITION high VALUES LESS THAN (30))"},
		want: contract.ProofDifference{Kind: "changed", Object: "partition", Name: "sliced", Member: "high", Columns: []string{"partition_description"}}},
	{name: "a table's comment", harm: []string{"ALTER TABLE parent COMMENT='elders'"},
		want: contract.ProofDifference{Kind: "changed", Object: "table", Name: "parent", Columns: []string{"table_comment"}}},
	{name: "a table's default collation", harm: []string{"ALTER TABLE parent COLLATE utf8mb4_bin"},
		want: contract.ProofDifference{Kind: "changed", Object: "table", Name: "parent", Columns: []string{"table_collation"}}},
	{name: "a table missing", harm: []string{"DROP TABLE computed"},
		want: contract.ProofDifference{Kind: "missing", Object: "table", Name: "computed"}},
	{name: "a table more", harm: []string{"CREATE TABLE stray (id INT PRIMARY KEY)"},
		want: contract.ProofDifference{Kind: "extra", Object: "table", Name: "stray"}},
	{name: "a view's text", harm: []string{"CREATE OR REPLACE DEFINER=root@`%` VIEW seen AS SELECT id, a FROM parent WHERE a > 2"},
		want: contract.ProofDifference{Kind: "changed", Object: "view", Name: "seen", Columns: []string{"view_definition"}}},
	{name: "a view's definer", harm: []string{"ALTER DEFINER=nobody@localhost VIEW seen AS SELECT id, a FROM parent WHERE a > 1"},
		want: contract.ProofDifference{Kind: "changed", Object: "view", Name: "seen", Columns: []string{"definer"}}},
	{name: "a function's text", harm: []string{"DROP FUNCTION plus_one", "CREATE FUNCTION plus_one(x INT) RETURNS INT DETERMINISTIC RETURN x + 2"},
		want: contract.ProofDifference{Kind: "changed", Object: "routine", Name: "function plus_one", Columns: []string{"routine_definition"}}},
	{name: "a procedure's parameter", harm: []string{"DROP PROCEDURE nothing", "CREATE PROCEDURE nothing(IN x BIGINT) SELECT x"},
		want: contract.ProofDifference{Kind: "changed", Object: "parameter", Name: "procedure nothing", Member: "parameter 1", Columns: []string{"dtd_identifier"}}},
	{name: "a trigger's text", harm: []string{"DROP TRIGGER child_in", "CREATE TRIGGER child_in BEFORE INSERT ON child FOR EACH ROW SET NEW.v = COALESCE(NEW.v, 3)"},
		want: contract.ProofDifference{Kind: "changed", Object: "trigger", Name: "child", Member: "child_in", Columns: []string{"action_statement"}}},
	{name: "a trigger missing", harm: []string{"DROP TRIGGER child_in"},
		want: contract.ProofDifference{Kind: "missing", Object: "trigger", Name: "child", Member: "child_in"}},
	{name: "an event that would run", harm: []string{"ALTER EVENT later ENABLE"},
		want: contract.ProofDifference{Kind: "changed", Object: "event", Name: "later", Columns: []string{"status"}}},
	{name: "an event switched off for good", harm: []string{"ALTER EVENT later DISABLE"},
		want: contract.ProofDifference{Kind: "changed", Object: "event", Name: "later", Columns: []string{"status"}}},
	{name: "an event's interval", harm: []string{"ALTER EVENT later ON SCHEDULE EVERY 2 DAY STARTS '2030-01-01' DISABLE ON REPLICA"},
		want: contract.ProofDifference{Kind: "changed", Object: "event", Name: "event later", Columns: []string{"interval_value", "starts"}}},
	{name: "a schema's default", harm: []string{"ALTER DATABASE COLLATE utf8mb4_bin"},
		want: contract.ProofDifference{Kind: "changed", Object: "schema", Columns: []string{"default_collation_name"}}},
	{name: "an AUTO_INCREMENT counter, which is no difference", harm: []string{"ALTER TABLE child AUTO_INCREMENT=500"}},
	{name: "an ANALYZE, which is no difference", harm: []string{"ANALYZE TABLE parent"}},
}

// TestEveryPlantedDefinitionIsFound is the same for definitions; two of the plants are normal and must not be named.
func TestEveryPlantedDefinitionIsFound(t *testing.T) {
	harmed := lab.Secondaries()[1]
	for i, p := range schemaPlants {
		objects := slices.Clone(schemaObjects)
		if p.want.Name == "written" {
			objects = append(objects, written)
		}
		fresh(t, plantSchema(i), objects...)
		harm(t, harmed, append([]string{"USE " + node.Quote(plantSchema(i))}, p.harm...)...)
	}
	proofs := prove(t, Options{Listed: 1000})
	requireEqual(t, proofs[0])
	bySchema := map[string][]contract.ProofDifference{}
	for _, d := range proofs[1].Layer(contract.ProofSchema).Listed {
		bySchema[d.Schema] = append(bySchema[d.Schema], d)
	}
	for i, p := range schemaPlants {
		t.Run(p.name, func(t *testing.T) {
			got := bySchema[plantSchema(i)]
			if p.want.Kind == "" {
				require.Empty(t, got)
				return
			}
			requireContains(t, got, p.want)
			for _, g := range got { // a definition has many faces, but one plant touches one object
				require.Equal(t, strings.TrimPrefix(p.want.Name, "event "), strings.TrimPrefix(g.Name, "event "), "%+v", g)
			}
		})
	}
	rows := proofs[1].Layer(contract.ProofRows)
	require.Equal(t, contract.ProofIncomplete, rows.Verdict, "rows of tables that no longer look alike must be a gap")
	require.Zero(t, rows.Differences, describe(proofs[1]))
}
