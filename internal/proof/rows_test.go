package proof

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// kinds are tables of every kind, and values that could trip a comparison.
var kinds = map[string][]string{
	"t`ü \"x\"": {"CREATE TABLE `t``ü \"x\"` (`i``d` INT PRIMARY KEY, `ünï` VARCHAR(10), hid INT INVISIBLE DEFAULT 5, g INT AS (hid+1) STORED,\n" +
		"gv INT AS (hid+2) VIRTUAL, f FLOAT, d DOUBLE, de DECIMAL(20,5), b BIT(12), e ENUM('a','b'), s SET('x','y'), j JSON, bl BLOB,\n" +
		"dt DATETIME(6), ts TIMESTAMP(3) NULL, ti TIME(2), y YEAR, geo POINT SRID 4326, ub BIGINT UNSIGNED, c CHAR(10))",
		"INSERT INTO `t``ü \"x\"` (`i``d`,`ünï`,f,d,de,b,e,s,j,bl,dt,ts,ti,y,geo,ub,c) VALUES" +
			` (1,'x ',1.1,1e300,'1.50000',5,'a','x,y','{"a":1}',x'00ff','0000-00-00','2024-01-01 00:00:00.123','-10:00:01.5',2024,ST_SRID(POINT(1,2),4326),18446744073709551615,'a'),` +
			" (2,'',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2024-02-31 10:11:12.123456',NULL,NULL,NULL,NULL,0,'')," +
			" (3,NULL,16777216,0,-0.5,4095,'b','','[]','','9999-12-31 23:59:59.999999','1970-01-01 00:00:01','838:59:59',0,ST_SRID(POINT(-1,-2),4326),1,'b')"},
	"nokey": {"CREATE TABLE nokey (a INT, b VARCHAR(10), c VARCHAR(10))",
		"INSERT INTO nokey VALUES (1,'a','x'),(1,'a','x'),(2,'b','y'),(NULL,NULL,NULL),(3,'p#q','r')"},
	"parts": {"CREATE TABLE parts (id INT, d INT, v INT, PRIMARY KEY(id,d)) PARTITION BY RANGE(d) SUBPARTITION BY HASH(id) SUBPARTITIONS 2\n" +
		"(PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
		"INSERT INTO parts VALUES (1,1,1),(2,11,1),(3,5,1),(4,50,1)"},
	"ci": {"CREATE TABLE ci (k VARCHAR(20) PRIMARY KEY, v VARCHAR(20))",
		"INSERT INTO ci VALUES ('Abc','x'),('def','y'),('ghi','')"},
	"pad": {"CREATE TABLE pad (k CHAR(5) CHARACTER SET latin1 COLLATE latin1_german1_ci PRIMARY KEY, v INT)",
		"INSERT INTO pad VALUES ('ä',1),('b',2),('z',3)"},
	"empty_one": {"CREATE TABLE empty_one (id INT PRIMARY KEY)"},
	"descending": {"CREATE TABLE descending (a INT, b VARCHAR(5), v INT, PRIMARY KEY (a DESC, b))",
		"INSERT INTO descending VALUES (1,'a',1),(2,'b',1),(2,'c',1),(3,'',1)"},
	"uniquely": {"CREATE TABLE uniquely (a INT NOT NULL, b INT, UNIQUE KEY ua (a), UNIQUE KEY ub (b))",
		"INSERT INTO uniquely VALUES (1,2),(2,NULL),(3,NULL)"},
	"gipk": {"SET SESSION sql_generate_invisible_primary_key=ON", "CREATE TABLE gipk (a INT)", "SET SESSION sql_generate_invisible_primary_key=OFF",
		"INSERT INTO gipk VALUES (1),(2),(2)"},
	"floats": {"CREATE TABLE floats (id INT PRIMARY KEY, f FLOAT, d DOUBLE)",
		"INSERT INTO floats VALUES (1,1312.86,1),(2,16777216,2),(3,0,0)"},
	"sets": {"CREATE TABLE sets (id INT PRIMARY KEY, l VARCHAR(9) CHARACTER SET latin1, h VARCHAR(9) CHARACTER SET latin2, w VARCHAR(9) CHARACTER SET utf16,\n" +
		"s VARCHAR(9) CHARACTER SET sjis, u VARCHAR(9), b VARBINARY(9))",
		"INSERT INTO sets VALUES (1,'a','a','a','a','a','a'),(2,'','','ab','b','',''),(3,'ö','ő','😀','ア','ö',x'ff00')"},
	"nulls":   nullsTable(),
	"members": membersTable(),
	"longs":   {"CREATE TABLE longs (id INT PRIMARY KEY, t LONGTEXT, v VECTOR(3))", "INSERT INTO longs VALUES (1,REPEAT('x',2000000),TO_VECTOR('[1,2,3]')),(2,'',NULL)"},
	"twins": {"CREATE TABLE twins (id INT PRIMARY KEY, status INT, note VARCHAR(10))",
		"INSERT INTO twins VALUES (1,5,'aa'),(2,5,'bb'),(3,5,'cc')"},
	"pairs": {"CREATE TABLE pairs (id INT PRIMARY KEY, a VARCHAR(10), b VARCHAR(10))",
		"INSERT INTO pairs VALUES (1,'p#q','r'),(2,'x','y')"},
	"keyed_virtually": {"CREATE TABLE keyed_virtually (a INT, v INT AS (a+1) VIRTUAL NOT NULL, UNIQUE KEY uv (v))",
		"INSERT INTO keyed_virtually (a) VALUES (1),(2),(3)"},
	"keyed_by_prefix": {"CREATE TABLE keyed_by_prefix (b VARCHAR(20) NOT NULL, UNIQUE KEY ub (b(3)))",
		"INSERT INTO keyed_by_prefix VALUES ('abcx'),('abd'),('')"},
	"blanks":         {"CREATE TABLE blanks (id INT PRIMARY KEY, e ENUM('Y','','N'), s SET('','x'))", "INSERT INTO blanks VALUES (1,2,1),(2,1,3)"},
	"keyed_by_blank": {"CREATE TABLE keyed_by_blank (e ENUM('','Y','N') PRIMARY KEY, v INT)", "INSERT INTO keyed_by_blank VALUES (1,1),(2,2)"},
	"keyed_by_members": {"CREATE TABLE keyed_by_members (s SET(" + labelsOf(64) + ") PRIMARY KEY, v INT)",
		"INSERT INTO keyed_by_members VALUES (9223372036854775808,1),(9223372036854775809,1),(9223372036854775810,1),(9223372036854775811,1)"},
	"enums": {"CREATE TABLE enums (e ENUM('z','m','a') PRIMARY KEY, v INT)",
		"INSERT INTO enums VALUES ('z',1),('m',2),('a',3)"},
}

// nullsTable has more columns that may be NULL than a number has bits; all that are not are 0.
func nullsTable() []string {
	var columns, values []string
	for i := range 70 {
		columns = append(columns, fmt.Sprintf("c%d INT", i))
		value := "NULL"
		if i == 1 || i == 64 {
			value = "0"
		}
		values = append(values, value)
	}
	return []string{"CREATE TABLE nulls (id INT PRIMARY KEY, " + strings.Join(columns, ", ") + ")", "INSERT INTO nulls VALUES (1, " + strings.Join(values, ", ") + ")"}
}

// membersTable has a SET of as many members as there can be, of which no floating number holds all.
func membersTable() []string {
	return []string{"CREATE TABLE members (id INT PRIMARY KEY, s SET(" + labelsOf(64) + "), b BIT(64))",
		"INSERT INTO members VALUES (1,'m0,m63',0x8000000000000001),(2,'m63',0)"}
}

// plant is one difference and what must be said of it.
type plant struct {
	name string
	harm []string
	want contract.ProofDifference // Kind, Name, and where given Member, Key and Columns
	also []contract.ProofDifference
}

var rowPlants = []plant{
	{name: "one bit of a FLOAT", harm: []string{"UPDATE floats SET f=1312.8602 WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "floats", Key: "`id`=1", Columns: []string{"f"}}},
	{name: "a FLOAT that prints alike", harm: []string{"UPDATE floats SET f=16777215 WHERE id=2"},
		want: contract.ProofDifference{Kind: "changed", Name: "floats", Key: "`id`=2", Columns: []string{"f"}}},
	{name: "the sign of a DOUBLE's zero", harm: []string{"UPDATE floats SET d=-0e0 WHERE id=3"},
		want: contract.ProofDifference{Kind: "changed", Name: "floats", Key: "`id`=3", Columns: []string{"d"}}},
	{name: "the sign of a FLOAT's zero", harm: []string{"UPDATE floats SET f=-0e0 WHERE id=3"},
		want: contract.ProofDifference{Kind: "changed", Name: "floats", Key: "`id`=3", Columns: []string{"f"}}},
	{name: "text of another character set", harm: []string{"UPDATE sets SET l='ä', h='ű' WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "sets", Key: "`id`=1", Columns: []string{"l", "h"}}},
	{name: "text that moved between character sets", harm: []string{"UPDATE sets SET w='b', s='ab' WHERE id=2"},
		want: contract.ProofDifference{Kind: "changed", Name: "sets", Key: "`id`=2", Columns: []string{"w", "s"}}},
	{name: "which of many columns is NULL", harm: []string{"UPDATE nulls SET c64=NULL, c65=0 WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "nulls", Key: "`id`=1", Columns: []string{"c64", "c65"}}},
	{name: "which of two columns is NULL", harm: []string{"UPDATE nulls SET c0=0, c1=NULL WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "nulls", Key: "`id`=1", Columns: []string{"c0", "c1"}}},
	{name: "the end of a long text", harm: []string{"UPDATE longs SET t=CONCAT(REPEAT('x',1999999),'y') WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "longs", Key: "`id`=1", Columns: []string{"t"}}},
	{name: "one element of a VECTOR", harm: []string{"UPDATE longs SET v=TO_VECTOR('[1,2,4]') WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "longs", Key: "`id`=1", Columns: []string{"v"}}},
	{name: "one bit of a DOUBLE", harm: []string{"UPDATE floats SET d=1.0000000000000002 WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "floats", Key: "`id`=1", Columns: []string{"d"}}},
	{name: "the same edit in two rows, which cancels under XOR", harm: []string{"UPDATE twins SET status=6 WHERE id IN (1,2)"},
		want: contract.ProofDifference{Kind: "changed", Name: "twins", Key: "`id`=1", Columns: []string{"status"}},
		also: []contract.ProofDifference{{Kind: "changed", Name: "twins", Key: "`id`=2", Columns: []string{"status"}}}},
	{name: "values that moved over a column's border", harm: []string{"UPDATE pairs SET a='p', b='q#r' WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "pairs", Key: "`id`=1", Columns: []string{"a", "b"}}},
	{name: "values swapped between columns", harm: []string{"UPDATE pairs SET a='y', b='x' WHERE id=2"},
		want: contract.ProofDifference{Kind: "changed", Name: "pairs", Key: "`id`=2", Columns: []string{"a", "b"}}},
	{name: "a duplicate lost in a table without key", harm: []string{"DELETE FROM nokey WHERE a=1 LIMIT 1"},
		want: contract.ProofDifference{Kind: "missing", Name: "nokey", Key: "`a`=1 AND `b`='a' AND `c`='x'"}},
	{name: "a duplicate pair replaced by another", harm: []string{"UPDATE nokey SET a=9 WHERE a=1"},
		want: contract.ProofDifference{Kind: "missing", Name: "nokey", Key: "`a`=1 AND `b`='a' AND `c`='x'"},
		also: []contract.ProofDifference{{Kind: "extra", Name: "nokey", Key: "`a`=9 AND `b`='a' AND `c`='x'"}}},
	{name: "a moved border in a table without key", harm: []string{"UPDATE nokey SET b='p', c='q#r' WHERE a=3"},
		want: contract.ProofDifference{Kind: "missing", Name: "nokey"},
		also: []contract.ProofDifference{{Kind: "extra", Name: "nokey"}}},
	{name: "NULL against empty in a table without key", harm: []string{"UPDATE nokey SET b='' WHERE a IS NULL"},
		want: contract.ProofDifference{Kind: "missing", Name: "nokey"},
		also: []contract.ProofDifference{{Kind: "extra", Name: "nokey"}}},
	{name: "one row missing", harm: []string{"DELETE FROM twins WHERE id=2"},
		want: contract.ProofDifference{Kind: "missing", Name: "twins", Key: "`id`=2"}},
	{name: "the last row missing", harm: []string{"DELETE FROM twins WHERE id=3"},
		want: contract.ProofDifference{Kind: "missing", Name: "twins", Key: "`id`=3"}},
	{name: "one row extra at the end", harm: []string{"INSERT INTO twins VALUES (99,1,'x')"},
		want: contract.ProofDifference{Kind: "extra", Name: "twins", Key: "`id`=99"}},
	{name: "one row extra at the start", harm: []string{"INSERT INTO twins VALUES (-1,1,'x')"},
		want: contract.ProofDifference{Kind: "extra", Name: "twins", Key: "`id`=-1"}},
	{name: "a row in an empty table", harm: []string{"INSERT INTO empty_one VALUES (7)"},
		want: contract.ProofDifference{Kind: "extra", Name: "empty_one", Key: "`id`=7"}},
	{name: "an emptied table", harm: []string{"DELETE FROM pairs WHERE id=1", "DELETE FROM pairs WHERE id=2"},
		want: contract.ProofDifference{Kind: "missing", Name: "pairs", Key: "`id`=1"},
		also: []contract.ProofDifference{{Kind: "missing", Name: "pairs", Key: "`id`=2"}}},
	{name: "one in a partition", harm: []string{"UPDATE parts SET v=2 WHERE id=2 AND d=11"},
		want: contract.ProofDifference{Kind: "changed", Name: "parts", Member: "p1sp0", Key: "`id`=2 AND `d`=11", Columns: []string{"v"}}},
	{name: "an invisible column", harm: []string{"UPDATE `t``ü \"x\"` SET hid=6 WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"hid", "g"}}},
	{name: "NULL against empty", harm: []string{"UPDATE `t``ü \"x\"` SET `ünï`=NULL WHERE `i``d`=2"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=2", Columns: []string{"ünï"}}},
	{name: "a trailing space", harm: []string{"UPDATE `t``ü \"x\"` SET `ünï`='x' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"ünï"}}},
	{name: "an empty label of an ENUM against no label", harm: []string{"UPDATE IGNORE blanks SET e='nothing' WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "blanks", Key: "`id`=1", Columns: []string{"e"}}},
	{name: "an empty member of a SET against none", harm: []string{"UPDATE blanks SET s=0 WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "blanks", Key: "`id`=1", Columns: []string{"s"}}},
	{name: "an empty label in a key", harm: []string{"UPDATE IGNORE keyed_by_blank SET e='nothing' WHERE e=1"},
		want: contract.ProofDifference{Kind: "missing", Name: "keyed_by_blank"}, also: []contract.ProofDifference{{Kind: "extra", Name: "keyed_by_blank"}}},
	{name: "a case difference in a value", harm: []string{"UPDATE ci SET v='X' WHERE k='abc'"},
		want: contract.ProofDifference{Kind: "changed", Name: "ci", Key: "`k`='Abc'", Columns: []string{"v"}}},
	{name: "a case difference in a key that its collation does not see", harm: []string{"UPDATE ci SET k='aBC' WHERE k='abc'"},
		want: contract.ProofDifference{Kind: "changed", Name: "ci", Key: "`k`='Abc'", Columns: []string{"k"}}},
	{name: "an umlaut in a key of a padded collation", harm: []string{"UPDATE pad SET k='Ä' WHERE k='ä'"},
		want: contract.ProofDifference{Kind: "changed", Name: "pad", Columns: []string{"k"}}},
	{name: "a zero date against NULL", harm: []string{"UPDATE `t``ü \"x\"` SET dt=NULL WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"dt"}}},
	{name: "an impossible date against the possible one", harm: []string{"UPDATE `t``ü \"x\"` SET dt='2024-03-02 10:11:12.123456' WHERE `i``d`=2"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=2", Columns: []string{"dt"}}},
	{name: "a microsecond", harm: []string{"UPDATE `t``ü \"x\"` SET dt='9999-12-31 23:59:59.999998' WHERE `i``d`=3"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=3", Columns: []string{"dt"}}},
	{name: "the top bit of an unsigned BIGINT", harm: []string{"UPDATE `t``ü \"x\"` SET ub=9223372036854775807 WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"ub"}}},
	{name: "one bit of a BIT", harm: []string{"UPDATE `t``ü \"x\"` SET b=4094 WHERE `i``d`=3"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=3", Columns: []string{"b"}}},
	{name: "an empty SET against none", harm: []string{"UPDATE `t``ü \"x\"` SET s=NULL WHERE `i``d`=3"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=3", Columns: []string{"s"}}},
	{name: "a point", harm: []string{"UPDATE `t``ü \"x\"` SET geo=ST_SRID(POINT(2,1),4326) WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"geo"}}},
	{name: "a JSON number's type", harm: []string{"UPDATE `t``ü \"x\"` SET j=NULL WHERE `i``d`=1", "UPDATE `t``ü \"x\"` SET j='{\"a\":1.0}' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"j"}}},
	{name: "a BLOB's last byte", harm: []string{"UPDATE `t``ü \"x\"` SET bl=x'00fe' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"bl"}}},
	{name: "a descending key", harm: []string{"DELETE FROM descending WHERE a=2 AND b='b'"},
		want: contract.ProofDifference{Kind: "missing", Name: "descending", Key: "`a`=2 AND `b`='b'"}},
	{name: "a table keyed by a unique index alone", harm: []string{"UPDATE uniquely SET b=5 WHERE a=2"},
		want: contract.ProofDifference{Kind: "changed", Name: "uniquely", Key: "`a`=2", Columns: []string{"b"}}},
	{name: "a generated invisible primary key", harm: []string{"UPDATE gipk SET a=3 WHERE my_row_id=2"},
		want: contract.ProofDifference{Kind: "changed", Name: "gipk", Key: "`my_row_id`=2", Columns: []string{"a"}}},
	{name: "an ENUM key", harm: []string{"UPDATE enums SET v=9 WHERE e='m'"},
		want: contract.ProofDifference{Kind: "changed", Name: "enums", Key: "`e`='m'", Columns: []string{"v"}}},
	{name: "a key that is a SET of 64 members", harm: []string{"UPDATE keyed_by_members SET v=9 WHERE s='m0,m1,m63'"},
		want: contract.ProofDifference{Kind: "missing", Name: "keyed_by_members", Key: "`s`='m0,m1,m63' AND `v`=1"},
		also: []contract.ProofDifference{{Kind: "extra", Name: "keyed_by_members", Key: "`s`='m0,m1,m63' AND `v`=9"}}},
	{name: "the last digit of a DECIMAL", harm: []string{"UPDATE `t``ü \"x\"` SET de='1.50001' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"de"}}},
	{name: "another value of an ENUM", harm: []string{"UPDATE `t``ü \"x\"` SET e='b' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"e"}}},
	{name: "a member of a SET", harm: []string{"UPDATE `t``ü \"x\"` SET s='x' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"s"}}},
	{name: "the lowest of a SET's 64 members beside the highest", harm: []string{"UPDATE members SET s='m63' WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "members", Key: "`id`=1", Columns: []string{"s"}}},
	{name: "the lowest of 64 bits beside the highest", harm: []string{"UPDATE members SET b=0x8000000000000000 WHERE id=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "members", Key: "`id`=1", Columns: []string{"b"}}},
	{name: "the sign of a TIME", harm: []string{"UPDATE `t``ü \"x\"` SET ti='10:00:01.5' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"ti"}}},
	{name: "a millisecond of a TIMESTAMP", harm: []string{"UPDATE `t``ü \"x\"` SET ts='2024-01-01 00:00:00.124' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"ts"}}},
	{name: "a YEAR against zero", harm: []string{"UPDATE `t``ü \"x\"` SET y=2023 WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"y"}}},
	{name: "the case of a CHAR", harm: []string{"UPDATE `t``ü \"x\"` SET c='A' WHERE `i``d`=1"},
		want: contract.ProofDifference{Kind: "changed", Name: "t`ü \"x\"", Key: "`i``d`=1", Columns: []string{"c"}}},
	{name: "a table whose only unique key is a virtual column", harm: []string{"UPDATE keyed_virtually SET a=7 WHERE a=2"},
		want: contract.ProofDifference{Kind: "missing", Name: "keyed_virtually"},
		also: []contract.ProofDifference{{Kind: "extra", Name: "keyed_virtually"}}},
	{name: "a table whose only unique key is the beginning of a column", harm: []string{"UPDATE keyed_by_prefix SET b='abcX' WHERE b='abcx'"},
		want: contract.ProofDifference{Kind: "missing", Name: "keyed_by_prefix"},
		also: []contract.ProofDifference{{Kind: "extra", Name: "keyed_by_prefix"}}},
}

// TestEveryPlantedRowIsFound plants each difference by itself in a schema of its own, all on one secondary, and compares once: each must
// be named, nothing else may be, and the other secondary must be equal.
//
// All ways of reading must find the same.
func TestEveryPlantedRowIsFound(t *testing.T) {
	harmed := lab.Secondaries()[0]
	for i, p := range rowPlants {
		schema := plantSchema(i)
		fresh(t, schema, kinds[p.want.Name]...)
		harm(t, harmed, append([]string{"USE " + node.Quote(schema)}, p.harm...)...)
	}
	small := sizes{blockRows: 2, rangeRows: 1, resumeRows: 1}
	for name, o := range map[string]Options{
		"as the servers sent them":               {},
		"as the servers sent them, small blocks": {sizes: small},
		"in batches":                             {sizes: sizes{blockRows: 20_000, rangeRows: 1 << 40, resumeRows: 1, batch: 2}},
		"hashed by the servers":                  {ServerSide: true},
		"hashed by the servers, in small blocks": {ServerSide: true, sizes: small},
	} {
		t.Run(name, func(t *testing.T) { requirePlantedRows(t, sidesOf(t, sideOf), o) })
	}
	t.Run("under TLS", func(t *testing.T) { requirePlantedRows(t, sidesOf(t, encryptedSideOf), Options{}) })
	t.Run("one of them under TLS", func(t *testing.T) {
		sides := sidesOf(t, sideOf)
		sides[1] = encryptedSideOf(t, lab.Nodes[1])
		requirePlantedRows(t, sides, Options{})
	})
}

func requirePlantedRows(t *testing.T, sides []Side, o Options) {
	t.Helper()
	o.Listed, o.ShowValues = 1000, true
	proofs := proveSides(t, sides, o)
	requireEqual(t, proofs[1])
	layer := proofs[0].Layer(contract.ProofRows)
	require.Equal(t, contract.ProofDifferent, proofs[0].Verdict)
	require.False(t, proofs[0].Equal)
	require.Equal(t, contract.ProofEqual, proofs[0].Layer(contract.ProofSchema).Verdict, describe(proofs[0]))
	bySchema := map[string][]contract.ProofDifference{}
	for _, d := range layer.Listed {
		bySchema[d.Schema] = append(bySchema[d.Schema], d)
	}
	var planted int64
	for i, p := range rowPlants {
		t.Run(p.name, func(t *testing.T) {
			want := append([]contract.ProofDifference{p.want}, p.also...)
			got := bySchema[plantSchema(i)]
			require.Len(t, got, len(want), "%+v", got)
			for _, w := range want {
				requireContains(t, got, w)
			}
		})
		planted += int64(1 + len(p.also))
		if p.name == "a duplicate pair replaced by another" {
			planted += 2 // two rows each
		}
	}
	require.Equal(t, planted, layer.Differences)
}

func plantSchema(i int) string { return "plant_" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }

// requireContains wants a difference that says at least what want says.
func requireContains(t *testing.T, got []contract.ProofDifference, want contract.ProofDifference) {
	t.Helper()
	for _, g := range got {
		if g.Kind == want.Kind && g.Name == want.Name && (want.Member == "" || g.Member == want.Member) &&
			(want.Key == "" || g.Key == want.Key) && (want.Object == "" || g.Object == want.Object) {
			require.Equal(t, want.Columns, g.Columns)
			return
		}
	}
	require.Failf(t, "not found", "want %+v among %+v", want, got)
}

// TestTLSIsTheConfigured wants the certificate of the server that rows come from verified, and the reason told, where the configuration says
// so; without TLS where the server has none and that is allowed; and no guess about a configuration that cannot be had.
func TestTLSIsTheConfigured(t *testing.T) {
	fresh(t, "proof_tls", "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
	run := func(change func(*mysql.Config)) error {
		sides := sidesOf(t, sideOf)
		change(sides[0].Rows)
		_, err := Run(t.Context(), sides[0], sides[1:], Options{IgnoreAccounts: rootAccounts}, nil)
		return err
	}
	err := run(func(c *mysql.Config) { c.TLS = &tls.Config{RootCAs: x509.NewCertPool()} })
	var untrusted *tls.CertificateVerificationError
	require.ErrorAs(t, err, &untrusted)
	require.ErrorContains(t, err, lab.Primary().Name)
	require.Equal(t, 1, strings.Count(err.Error(), "x509"), err)
	require.ErrorIs(t, run(func(c *mysql.Config) { c.TLSConfig = "skip-verify" }), ErrUnfit)

	cipher := func(side Side) string {
		s, err := openStream(t.Context(), side)
		require.NoError(t, err)
		defer s.close()
		v, err := s.value(t.Context(), "SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME='Ssl_cipher'")
		require.NoError(t, err)
		return v
	}
	require.Empty(t, cipher(sideOf(t, lab.Primary())))
	require.NotEmpty(t, cipher(encryptedSideOf(t, lab.Primary())), "the rows travel in the clear")

	t.Cleanup(func() { onPrimary(t, "SET GLOBAL tls_version=DEFAULT", "ALTER INSTANCE RELOAD TLS") })
	onPrimary(t, "SET GLOBAL tls_version=''", "ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR")
	require.ErrorIs(t, run(func(c *mysql.Config) { c.TLS = &tls.Config{InsecureSkipVerify: true} }), mysql.ErrNoTLS)
	preferred := encryptedSideOf(t, lab.Primary())
	preferred.Rows.AllowFallbackToPlaintext = true
	require.Empty(t, cipher(preferred))
}

// TestASignIsNoDetail: rows as they are sent show no sign of an integer, -1 and 4294967295 are the same four bytes. Tables that differ in
// it must not be compared, even where the definitions were compared before.
func TestASignIsNoDetail(t *testing.T) {
	fresh(t, "proof_sign", "CREATE TABLE s (id INT PRIMARY KEY, v INT)", "INSERT INTO s VALUES (1,-1)")
	harm(t, lab.Secondaries()[0], "DROP TABLE proof_sign.s", "CREATE TABLE proof_sign.s (id INT PRIMARY KEY, v INT UNSIGNED)", "INSERT INTO proof_sign.s VALUES (1,4294967295)")
	proofs := prove(t, Options{})
	requireEqual(t, proofs[1])
	rows := proofs[0].Layer(contract.ProofRows)
	require.Equal(t, contract.ProofIncomplete, rows.Verdict, describe(proofs[0]))
	require.Contains(t, strings.Join(rows.Notes, "; "), "proof_sign.s")
}
