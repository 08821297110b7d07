package proof

import "testing"

// TestReplicatedDefinitionsAreEqual makes objects whose statements a secondary executes in another form than the primary did (CREATE ...
// SELECT is replicated as what came of it), or that cannot be shown.
func TestReplicatedDefinitionsAreEqual(t *testing.T) {
	fresh(t, "proof_replicated",
		"CREATE TABLE src (id INT PRIMARY KEY, a VARCHAR(10) COLLATE utf8mb4_bin, b VARCHAR(10) CHARACTER SET latin1, c INT UNSIGNED ZEROFILL,\n"+
			"d DECIMAL(10,2) DEFAULT 1.5, e ENUM('a'), f TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,\n"+
			"h JSON DEFAULT (JSON_ARRAY()), i INT INVISIBLE, j POINT SRID 4326, l BOOL, x INT COMMENT 'a\nb', CHECK (a <> 'it''s\n'))",
		"CREATE TABLE selected AS SELECT *, 'x' AS lit, NULL AS nul, id+1 AS plus, CONCAT(a,b) AS both_of, NOW() AS n FROM src",
		"CREATE TABLE sliced (PRIMARY KEY (id)) PARTITION BY HASH(id) PARTITIONS 3 SELECT id, a, i FROM src",
		"CREATE TABLE alike LIKE src", "ALTER TABLE alike CONVERT TO CHARACTER SET utf8mb3", "ALTER TABLE alike DROP c, ALGORITHM=INSTANT",
		"CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY)", "INSERT INTO counted VALUES (),(),()", "DELETE FROM counted",
		"SET SESSION sql_generate_invisible_primary_key=ON", "CREATE TABLE invisibly (a INT)", "SET SESSION sql_generate_invisible_primary_key=OFF",
		"CREATE VIEW broken AS SELECT * FROM alike", "RENAME TABLE alike TO renamed",
		"SET SESSION sql_mode='ANSI_QUOTES'", `CREATE TABLE ansi ("a" INT DEFAULT 5, b CHAR(3) DEFAULT 'x')`)
	for _, p := range prove(t, Options{}) {
		requireEqual(t, p)
	}
}
