package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// keyKinds are key columns of every type that orders rows, with a value for a row number that scatters them over the type, its odd
// ends included.
var keyKinds = []struct{ name, key, value string }{
	{"tiny", "a TINYINT, b INT, PRIMARY KEY (a,b)", "i%250-125, i"},
	{"bigs", "a BIGINT, PRIMARY KEY (a)", "IF(i%2, -1, 1) * (i * 30744573456182586)"},
	{"ubig", "a BIGINT UNSIGNED, PRIMARY KEY (a)", "18446744073709551615 - (CAST(i AS UNSIGNED) * 61489146912365172)"},
	{"years", "a YEAR, b INT, PRIMARY KEY (a,b)", "IF(i%200=0, 0, 1901 + i%200), i"},
	{"decimals", "a DECIMAL(40,10), PRIMARY KEY (a)", "(i-150) * 12345678901234567890.0000000001"},
	{"floats", "a FLOAT, b INT, PRIMARY KEY (a,b)", "(i%50-25)/7, i"},
	{"doubles", "a DOUBLE, PRIMARY KEY (a)", "(i-150)/7e200"},
	{"bits", "a BIT(40), PRIMARY KEY (a)", "i*3000000000"},
	{"enumed", "a ENUM('z','y','m','a','b'), b INT, PRIMARY KEY (a,b)", "1+i%5, i"},
	{"sets", "a SET('z','y','m','a','b'), b INT, PRIMARY KEY (a,b)", "i%32, i"},
	{"sets_53", "a SET(" + labelsOf(53) + "), PRIMARY KEY (a)", "9007199254740991 - i"},
	{"bits_wide", "a BIT(64), PRIMARY KEY (a)", "18446744073709551615 - i"},
	{"dates", "a DATE, PRIMARY KEY (a)", "IF(i=1, '0000-00-00', IF(i=2, '2024-02-31', '1000-01-01' + INTERVAL i*999 DAY))"},
	{"datetimes", "a DATETIME(6), PRIMARY KEY (a)", "IF(i=1, '0000-00-00', '2024-01-01' + INTERVAL i*7 MICROSECOND)"},
	{"stamps", "a TIMESTAMP(3), PRIMARY KEY (a)", "FROM_UNIXTIME(1700000000 + i*0.003)"},
	{"times", "a TIME(2), PRIMARY KEY (a)", "SEC_TO_TIME(i*20.01 - 3000)"},
	{"texts", "a VARCHAR(30), PRIMARY KEY (a)", "CONCAT(ELT(1+i%6, 'a','B','ö','ß','é ','\\'`'), i DIV 6)"},
	{"texts_bin", "a VARCHAR(30) COLLATE utf8mb4_bin, PRIMARY KEY (a)", "CONCAT(ELT(1+i%6, 'a','A','ä','a ','é','😀'), i DIV 6)"},
	{"texts_cp1250", "a VARCHAR(30) CHARACTER SET cp1250 COLLATE cp1250_czech_cs, PRIMARY KEY (a)", "CONCAT(ELT(1+i%4, 'ch','c','h','d'), i DIV 4)"},
	{"texts_sjis", "a VARCHAR(30) CHARACTER SET sjis, PRIMARY KEY (a)", "CONCAT(ELT(1+i%3, 'ア','表','a'), i DIV 3)"},
	{"texts_utf16", "a VARCHAR(30) CHARACTER SET utf16, PRIMARY KEY (a)", "CONCAT(ELT(1+i%3, 'ア','表','a'), i DIV 3)"},
	{"chars", "a CHAR(12) CHARACTER SET latin1, PRIMARY KEY (a)", "CONCAT(ELT(1+i%3, 'x','ö','Y'), i DIV 3)"},
	{"chars_0900", "a CHAR(12), PRIMARY KEY (a)", "CONCAT(ELT(1+i%3, 'x','ö','Y'), i DIV 3)"},
	{"binaries", "a BINARY(16), PRIMARY KEY (a)", "UNHEX(LEFT(SHA2(i,256),32))"},
	{"varbinaries", "a VARBINARY(16), PRIMARY KEY (a)", "IF(i=1, '', UNHEX(LEFT(SHA2(i,256),2 + 2*(i%8) + IF(i%8<3,6,0))))"},
	{"down", "a INT, b VARCHAR(10), c INT, PRIMARY KEY (a DESC, b, c DESC)", "i%10, CONCAT('b',i%7), i"},
	{"mixed", "a VARCHAR(10), b DATETIME, c BINARY(4), d INT, PRIMARY KEY (a,b,c,d)", "CONCAT('t',i%3), '2024-01-01' + INTERVAL i%4 DAY, UNHEX(LEFT(SHA2(i%5,256),8)), i"},
	{"unique_only", "a INT NOT NULL, b DECIMAL(10,2) NOT NULL, UNIQUE KEY (b,a)", "i, (i-100)/3"},
}

const keyRows = 300

// labelsOf are so many members of a SET.
func labelsOf(n int) string {
	var labels []string
	for i := range n {
		labels = append(labels, fmt.Sprintf("'m%d'", i))
	}
	return strings.Join(labels, ",")
}

// TestEveryKeyIsReadWholeInSmallBlocks reads each table in blocks of 7 rows, each beginning where the last one ended: no row may be
// passed over or read twice. Then one row of each changes, one is lost and one is added, and all must be named.
func TestEveryKeyIsReadWholeInSmallBlocks(t *testing.T) {
	statements := []string{"CREATE TABLE n (i INT PRIMARY KEY)",
		fmt.Sprintf("INSERT INTO n WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<%d) SELECT i FROM r", keyRows)}
	for _, k := range keyKinds {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s (%s, v INT)", k.name, k.key),
			fmt.Sprintf("INSERT INTO %s SELECT %s, i FROM n WHERE i > 1", k.name, k.value), "ANALYZE TABLE "+k.name)
	}
	fresh(t, "proof_keys", statements...)
	for _, streams := range []int{1, 3} {
		// Ranges of about 40 rows as well.
		small := Options{Streams: streams, ServerSide: streams == 3, Listed: 1000, sizes: sizes{blockRows: 7, rangeRows: 40, resumeRows: 1}}
		for _, p := range prove(t, small) {
			requireEqual(t, p)
			require.EqualValues(t, int64(len(keyKinds)*(keyRows-1)+keyRows), p.Layer(contract.ProofRows).Rows)
		}
	}
	harmed := lab.Secondaries()[1]
	var harms []string
	for _, k := range keyKinds {
		harms = append(harms, "UPDATE proof_keys."+k.name+" SET v=-1 WHERE v=177", "DELETE FROM proof_keys."+k.name+" WHERE v=91",
			fmt.Sprintf("INSERT INTO proof_keys.%s SELECT %s, i FROM proof_keys.n WHERE i=1", k.name, k.value))
	}
	harm(t, harmed, harms...)
	for _, serverSide := range []bool{false, true} {
		requireHarmedKeys(t, Options{ServerSide: serverSide, Listed: 1000, ShowValues: true, sizes: sizes{blockRows: 7, rangeRows: 40, resumeRows: 1}})
	}
}

func requireHarmedKeys(t *testing.T, o Options) {
	t.Helper()
	proofs := prove(t, o)
	requireEqual(t, proofs[0])
	rows := proofs[1].Layer(contract.ProofRows)
	require.EqualValues(t, 3*len(keyKinds), rows.Differences, describe(proofs[1]))
	for _, k := range keyKinds {
		seen := map[contract.ProofDifferenceKind]contract.ProofDifference{}
		for _, d := range rows.Listed {
			if d.Name == k.name {
				seen[d.Kind] = d
			}
		}
		require.Len(t, seen, 3, "%s: %+v", k.name, seen)
		require.Equal(t, []string{"v"}, seen[contract.ProofChanged].Columns)
		require.Equal(t, "177", seen[contract.ProofChanged].Primary)
		require.Equal(t, "-1", seen[contract.ProofChanged].Secondary)
	}
}

// TestKeysAreWithheldOnRequest wants no data at all in the result.
func TestKeysAreWithheldOnRequest(t *testing.T) {
	fresh(t, "proof_hidden", "CREATE TABLE k (a VARCHAR(20) PRIMARY KEY, v INT)", "INSERT INTO k VALUES ('secretive-key',1)",
		"CREATE TABLE nok (a VARCHAR(20))", "INSERT INTO nok VALUES ('secretive-row')")
	harm(t, lab.Secondaries()[0], "UPDATE proof_hidden.k SET v=2", "DELETE FROM proof_hidden.nok")
	proofs := prove(t, Options{HideKeys: true})
	rows := proofs[0].Layer(contract.ProofRows)
	require.EqualValues(t, 2, rows.Differences)
	require.Len(t, rows.Listed, 2)
	require.NotContains(t, describe(proofs[0]), "secretive")
}

// TestValuesAreToldOnRequestOnly: a key says which row it is; nothing else of a row is told to somebody who did not ask. I8.
func TestValuesAreToldOnRequestOnly(t *testing.T) {
	fresh(t, "proof_shown", "CREATE TABLE k (a INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO k VALUES (1,'secretive-value'),(2,'secretive-lost')",
		"CREATE TABLE nok (a VARCHAR(20))", "INSERT INTO nok VALUES ('secretive-row')")
	harm(t, lab.Secondaries()[0], "UPDATE proof_shown.k SET v='secretive-other' WHERE a=1", "DELETE FROM proof_shown.k WHERE a=2", "DELETE FROM proof_shown.nok")
	proofs := prove(t, Options{})
	require.EqualValues(t, 3, proofs[0].Layer(contract.ProofRows).Differences)
	require.NotContains(t, describe(proofs[0]), "secretive")
	requireContains(t, proofs[0].Layer(contract.ProofRows).Listed, contract.ProofDifference{Kind: "changed", Name: "k", Key: "`a`=1", Columns: []string{"v"}})
	text := describe(prove(t, Options{ShowValues: true})[0])
	for _, value := range []string{"secretive-value", "secretive-other", "secretive-row"} {
		require.Contains(t, text, value)
	}
}

// TestListIsBoundedAndCountIsExact loses and adds many rows.
func TestListIsBoundedAndCountIsExact(t *testing.T) {
	number := "INSERT INTO %s WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<900) SELECT i, i%%7 FROM r"
	fresh(t, "proof_many", "CREATE TABLE k (a INT PRIMARY KEY, v INT)", fmt.Sprintf(number, "k"),
		"CREATE TABLE nok (a INT, v INT)", fmt.Sprintf(number, "nok"), fmt.Sprintf(number, "nok"))
	harm(t, lab.Secondaries()[0], "USE proof_many", "DELETE FROM k WHERE a%3=0", "UPDATE k SET v=v+1 WHERE a%3=1", "INSERT INTO k SELECT a+5000, v FROM k",
		"DELETE FROM nok WHERE a<=100", "INSERT INTO nok SELECT -1, 0 FROM k LIMIT 50")
	for _, serverSide := range []bool{false, true} {
		proofs := prove(t, Options{ServerSide: serverSide, Listed: 15, sizes: sizes{blockRows: 64, rangeRows: 1 << 40, resumeRows: 1}})
		requireEqual(t, proofs[1])
		rows := proofs[0].Layer(contract.ProofRows)
		require.Len(t, rows.Listed, 15)
		require.EqualValues(t, 300+300+600+200+50, rows.Differences, describe(proofs[0]))
		require.Contains(t, rows.Notes, "proof_many.k: 300 rows missing, 600 extra, 300 changed")
		require.Contains(t, rows.Notes, "proof_many.nok: 200 rows missing, 50 extra, 0 changed")
	}
}

// TestUnitsCoverEveryValue wants each value of the first key column in exactly one unit, whatever the cuts.
func TestUnitsCoverEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low, high := rapid.Int64().Draw(t, "low"), rapid.Int64().Draw(t, "high")
		if low > high {
			low, high = high, low
		}
		cuts := evenly(fmt.Sprint(low), fmt.Sprint(high), rapid.IntRange(0, 20).Draw(t, "parts"))
		descending := rapid.Bool().Draw(t, "descending")
		var places []position
		for _, cut := range cuts {
			places = append(places, position{cut})
		}
		if descending {
			slices.Reverse(places)
		}
		state := &tableState{table: &table{columns: []column{{name: "a", dataType: "bigint"}}, key: []keyPart{{descending: descending}}}, cuts: places}
		at := func(p position) int64 {
			var n int64
			_, err := fmt.Sscan(p[0], &n)
			require.NoError(t, err)
			return n
		}
		value := rapid.Int64Range(low, high).Draw(t, "value")
		holders := 0
		for _, u := range unitsOf(state) {
			behind := u.span.after == nil || (!descending && value > at(u.span.after)) || (descending && value < at(u.span.after))
			before := u.span.upTo == nil || (!descending && value <= at(u.span.upTo)) || (descending && value >= at(u.span.upTo))
			if behind && before {
				holders++
			}
		}
		require.Equal(t, 1, holders, "cuts %v", cuts)
	})
}

// TestSnapshotIsGivenUpAndResumed slows the reading down so that the snapshot grows old, and then cuts a run and goes on from its token.
func TestSnapshotIsGivenUpAndResumed(t *testing.T) {
	statements := []string{}
	const tables, rows = 6, 900
	for i := range tables {
		statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, v VARCHAR(100))", i),
			fmt.Sprintf("INSERT INTO t%d WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<%d) SELECT i, REPEAT('x',100) FROM r", i, rows),
			fmt.Sprintf("ANALYZE TABLE t%d", i))
	}
	fresh(t, "proof_slow", statements...)
	slow := Options{Streams: 1, BytesPerSecond: 150_000, SnapshotAge: time.Second, IgnoreAccounts: rootAccounts, sizes: sizes{blockRows: 100, rangeRows: 1 << 40, resumeRows: 1}}
	for _, p := range prove(t, slow) {
		requireEqual(t, p)
		require.Greater(t, len(p.Spans), 1, "the snapshot was not given up")
		require.EqualValues(t, tables*rows, p.Layer(contract.ProofRows).Rows)
	}

	slow.SnapshotAge = time.Minute
	token := cutWhenHalfDone(t, slow, tables)
	whole := slow
	whole.BytesPerSecond, whole.Resume = 0, token
	var first int64 = -1
	proofs, err := Run(t.Context(), sideOf(t, lab.Primary()), secondarySides(t), whole, func(p Progress) {
		if p.Stage == "rows" && p.Tables > 0 && first < 0 {
			first = p.Rows
		}
	})
	require.NoError(t, err)
	for _, p := range proofs {
		requireEqual(t, p)
		require.Len(t, p.Spans, 2, "the span of the run that was cut, and the one of this")
		require.EqualValues(t, tables*rows, p.Layer(contract.ProofRows).Rows)
		require.LessOrEqual(t, p.Spans[1].Rows, int64(tables*rows/2), "what was done is not read again")
	}
	// Other servers' token, or a broken one, is as good as none.
	whole.Resume = token[:len(token)/2]
	for _, p := range prove(t, whole) {
		require.Len(t, p.Spans, 1)
	}
}

// cutWhenHalfDone runs a proof until half of the tables are done, and gives the last token.
func cutWhenHalfDone(t *testing.T, o Options, tables int64) []byte {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var token []byte
	_, err := Run(ctx, sideOf(t, lab.Primary()), secondarySides(t), o, func(p Progress) {
		if p.Resume != nil {
			token = p.Resume
		}
		if p.TablesDone >= tables/2 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NotEmpty(t, token)
	applierRuns(t)
	return token
}

// TestTokenHoldsNoKeys cuts a run that reads a table by ranges between keys of its rows: the token must not have them, and must
// remember the table once it is done.
func TestTokenHoldsNoKeys(t *testing.T) {
	fresh(t, "proof_token", "CREATE TABLE secrets (k VARCHAR(30) PRIMARY KEY, v VARCHAR(100))", "CREATE TABLE last (id INT PRIMARY KEY, v VARCHAR(100))",
		"INSERT INTO secrets WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<900) SELECT CONCAT('whisper',i), REPEAT('x',100) FROM r",
		numbered("last", 800), "ANALYZE TABLE secrets, last")
	o := Options{Streams: 1, BytesPerSecond: 40_000, IgnoreAccounts: rootAccounts, sizes: sizes{blockRows: 50, rangeRows: 100, resumeRows: 1}}
	e := openEngine(t, 1)
	e.options.sizes = o.sizes
	c, err := readCatalog(t.Context(), e.primary.control)
	require.NoError(t, err)
	require.NoError(t, readSizes(t.Context(), e.primary.control, c))
	secrets := c[tableName{"proof_token", "secrets"}]
	cuts, private := e.cut(t.Context(), secrets, o.parts(secrets, secrets.effort()))
	require.True(t, private)
	require.Greater(t, len(cuts), 2)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var tokens [][]byte
	_, err = Run(ctx, sideOf(t, lab.Primary()), secondarySides(t), o, func(p Progress) {
		tokens = append(tokens, p.Resume)
		if p.TablesDone >= 1 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	for _, raw := range tokens {
		require.NotContains(t, string(raw), fmt.Sprintf("%x", "whisper"))
		require.NotContains(t, string(raw), "whisper")
	}
	var last token
	require.NoError(t, json.Unmarshal(tokens[len(tokens)-1], &last))
	require.Equal(t, []int{0}, last.Tables[secrets.tokenID()].Done)
	o.BytesPerSecond, o.Resume = 0, tokens[len(tokens)-1]
	for _, p := range prove(t, o) {
		requireEqual(t, p)
		require.EqualValues(t, 1700, p.Layer(contract.ProofRows).Rows)
		require.LessOrEqual(t, p.Spans[len(p.Spans)-1].Rows, int64(800), "what was done is not read again")
	}
}

func TestBothEndsOfAnIntegerKeyAreOneCondition(t *testing.T) {
	one := &table{columns: []column{{name: "id", dataType: "bigint"}}, key: []keyPart{{column: 0}}}
	down := &table{columns: one.columns, key: []keyPart{{column: 0, descending: true}}}
	text := &table{columns: []column{{name: "id", dataType: "varchar"}}, key: one.key}
	two := &table{columns: append(one.columns[:1:1], column{name: "b", dataType: "int"}), key: []keyPart{{column: 0}, {column: 1}}}
	for name, c := range map[string]struct {
		at   span
		want string
	}{
		"both":       {span{table: one, after: position{"5"}, upTo: position{"9"}}, "`id` BETWEEN 6 AND 9"},
		"negative":   {span{table: one, after: position{"-9"}, upTo: position{"-1"}}, "`id` BETWEEN -8 AND -1"},
		"to zero":    {span{table: one, after: position{"-1"}, upTo: position{"3"}}, "`id` BETWEEN 0 AND 3"},
		"least":      {span{table: one, after: position{"-9223372036854775808"}, upTo: position{"0"}}, "`id` BETWEEN -9223372036854775807 AND 0"},
		"to the top": {span{table: one, after: position{"9223372036854775806"}, upTo: position{"9223372036854775807"}}, "`id` BETWEEN 9223372036854775807 AND 9223372036854775807"},
		"top":        {span{table: one, after: position{"9223372036854775807"}, upTo: position{"9223372036854775807"}}, ""},
		"unsigned":   {span{table: one, after: position{"9223372036854775807"}, upTo: position{"9223372036854775809"}}, ""},
		"greatest":   {span{table: one, after: position{"18446744073709551615"}, upTo: position{"18446744073709551615"}}, ""},
		"one end":    {span{table: one, after: position{"5"}}, ""},
		"other end":  {span{table: one, upTo: position{"5"}}, ""},
		"descending": {span{table: down, after: position{"9"}, upTo: position{"5"}}, ""},
		"text":       {span{table: text, after: position{"'a'"}, upTo: position{"'b'"}}, ""},
		"two parts":  {span{table: two, after: position{"5", "1"}, upTo: position{"9"}}, ""},
	} {
		require.Equal(t, c.want, c.at.between(), name)
	}
}

// TestHolesAreNoHarm cuts integer keys with and without holes into ranges, and wants every row counted once and every difference found,
// those at the ranges' ends included.
func TestHolesAreNoHarm(t *testing.T) {
	const rows = 600
	dense := "CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(100))"
	fresh(t, "proof_holes", fmt.Sprintf(dense, "dense"), numbered("dense", rows), fmt.Sprintf(dense, "holes"), numbered("holes", rows),
		"DELETE FROM holes WHERE id % 100 BETWEEN 40 AND 80", fmt.Sprintf(dense, "sparse"), numbered("sparse", rows),
		"UPDATE sparse SET id=id*1000 ORDER BY id DESC", fmt.Sprintf(dense, "gap"), numbered("gap", rows), "UPDATE gap SET id=id+1000000 WHERE id>310 ORDER BY id DESC",
		"ANALYZE TABLE dense, holes, sparse, gap")
	left := int64(rows*3 + rows - rows*41/100)
	for _, blockRows := range []int{1, 7, 30, 64, 1000} {
		o := Options{Streams: 3, Listed: 1000, sizes: sizes{blockRows: blockRows, rangeRows: 60, resumeRows: 1}}
		for _, p := range prove(t, o) {
			requireEqual(t, p)
			require.Equal(t, left, p.Layer(contract.ProofRows).Rows, "in blocks of %d", blockRows)
		}
	}
	var harms []string
	for i := 1; i <= rows; i += 37 {
		for _, name := range []string{"dense", "holes", "gap"} {
			harms = append(harms, fmt.Sprintf("DELETE FROM proof_holes.%s WHERE id=%d", name, i))
		}
		harms = append(harms, fmt.Sprintf("UPDATE proof_holes.sparse SET v='' WHERE id=%d", i*1000))
	}
	harm(t, lab.Secondaries()[0], harms...)
	var want int64
	for i := 1; i <= rows; i += 37 {
		want += 2 // dense and sparse
		if m := i % 100; m < 40 || m > 80 {
			want++
		}
		if i <= 310 {
			want++
		}
	}
	for _, blockRows := range []int{7, 30, 1000} {
		o := Options{Streams: 3, Listed: 1000, sizes: sizes{blockRows: blockRows, rangeRows: 60, resumeRows: 1}}
		proofs := prove(t, o)
		requireEqual(t, proofs[1])
		require.Equal(t, want, proofs[0].Layer(contract.ProofRows).Differences, "in blocks of %d", blockRows)
	}
}
