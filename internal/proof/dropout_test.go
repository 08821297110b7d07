package proof

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// cutOff ends every connection of the admin account to a node: to a proof it is as if the node had gone.
func cutOff(t *testing.T, n *sandbox.Node) {
	t.Helper()
	db, err := n.DB()
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), "SELECT ID FROM performance_schema.processlist WHERE USER=?", lab.Accounts.Admin.User)
	require.NoError(t, err)
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, ids)
	for _, id := range ids {
		_ = n.Exec(t.Context(), "KILL "+id) // it may have ended by itself
	}
}

// TestOthersGoOnWhenOneDropsOut cuts one secondary off at several moments: its proof must be incomplete and say why, the other's whole,
// and a difference of the other found all the same.
func TestOthersGoOnWhenOneDropsOut(t *testing.T) {
	const rows = 1200
	fresh(t, "proof_dropout", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))", "SET SESSION cte_max_recursion_depth=10000", numbered("t", rows), "ANALYZE TABLE t",
		"CREATE TABLE nok (id INT, v VARCHAR(100))", numbered("nok", 300))
	harm(t, lab.Secondaries()[1], "UPDATE proof_dropout.t SET v='other' WHERE id=1100")
	for _, moment := range []struct {
		name string
		is   func(Progress) bool
	}{
		{"before the rows", func(p Progress) bool { return p.Stage == "accounts" }},
		{"early among the rows", func(p Progress) bool { return p.Stage == "rows" && p.Rows > 100 }},
		{"late among the rows", func(p Progress) bool { return p.Stage == "rows" && p.Rows > 700 }},
		{"at the confirmation", func(p Progress) bool { return p.Stage == "confirm" }},
	} {
		t.Run(moment.name, func(t *testing.T) {
			done := false
			o := Options{IgnoreAccounts: rootAccounts, BytesPerSecond: 40_000, sizes: sizes{blockRows: 50, rangeRows: 1 << 40, resumeRows: 1}}
			proofs, err := Run(t.Context(), sideOf(t, lab.Primary()), secondarySides(t), o, func(p Progress) {
				if !done && moment.is(p) {
					done = true
					cutOff(t, lab.Secondaries()[0])
				}
			})
			require.NoError(t, err)
			require.True(t, done)
			requireLost(t, proofs[0], "db2")
			other := proofs[1].Layer(contract.ProofRows)
			require.EqualValues(t, 1, other.Differences, describe(proofs[1]))
			require.Equal(t, "`id`=1100", other.Listed[0].Key)
			require.EqualValues(t, rows+300, other.Rows)
			applierRuns(t)
		})
	}
}

func requireLost(t *testing.T, p contract.Proof, name string) {
	t.Helper()
	require.False(t, p.Equal)
	require.Equal(t, contract.ProofIncomplete, p.Verdict, describe(p))
	last := p.Layers[len(p.Layers)-1]
	text := strings.Join(last.Notes, "; ")
	require.Contains(t, text, "dropped out")
	require.Contains(t, text, name)
}

// TestOneThatCannotBeginDropsOut: one secondary cannot be reached, or does not replicate; the other is proven.
func TestOneThatCannotBeginDropsOut(t *testing.T) {
	fresh(t, "proof_absent", "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
	n := lab.Secondaries()[0]
	lost := map[int]error{}
	options := Options{IgnoreAccounts: rootAccounts, Lost: func(secondary int, why error) { lost[secondary] = why }}
	run := func(sides []Side) []contract.Proof {
		clear(lost)
		proofs, err := Run(t.Context(), sideOf(t, lab.Primary()), sides, options, nil)
		require.NoError(t, err)
		require.Len(t, lost, 1, "whoever drops out is told of")
		return proofs
	}
	t.Run("unreachable", func(t *testing.T) {
		sides := secondarySides(t)
		require.NoError(t, sides[0].DB.Close())
		proofs := run(sides)
		requireLost(t, proofs[0], n.Name)
		requireEqual(t, proofs[1])
	})
	t.Run("not replicating", func(t *testing.T) {
		require.NoError(t, n.Exec(t.Context(), "STOP REPLICA"))
		proofs := run(secondarySides(t))
		require.NoError(t, n.Exec(t.Context(), "START REPLICA"))
		requireLost(t, proofs[0], n.Name)
		requireEqual(t, proofs[1])
		require.ErrorIs(t, lost[0], ErrNotReplicating)
	})
	t.Run("all of them", func(t *testing.T) {
		sides := secondarySides(t)
		require.NoError(t, sides[0].DB.Close())
		require.NoError(t, sides[1].DB.Close())
		clear(lost)
		_, err := Run(t.Context(), sideOf(t, lab.Primary()), sides, options, nil)
		require.Error(t, err)
		for i, side := range sides {
			require.ErrorContains(t, err, side.Name)
			require.ErrorContains(t, lost[i], side.Name)
		}
	})
	t.Run("the primary", func(t *testing.T) {
		primary := sideOf(t, lab.Primary())
		require.NoError(t, primary.DB.Close())
		clear(lost)
		_, err := Run(t.Context(), primary, secondarySides(t), options, nil)
		require.ErrorContains(t, err, primary.Name)
		require.Empty(t, lost, "no secondary is to blame")
	})
}

// TestEveryKeyIsCut wants ranges of about equal size from keys of every kind, not from integers only.
func TestEveryKeyIsCut(t *testing.T) {
	statements := []string{"CREATE TABLE n (i INT PRIMARY KEY)",
		fmt.Sprintf("INSERT INTO n WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<%d) SELECT i FROM r", keyRows)}
	for _, k := range keyKinds {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s (%s, v INT)", k.name, k.key),
			fmt.Sprintf("INSERT INTO %s SELECT %s, i FROM n", k.name, k.value), "ANALYZE TABLE "+k.name)
	}
	fresh(t, "proof_cuts", statements...)
	e := openEngine(t, 1)
	c, err := readCatalog(t.Context(), e.primary.control)
	require.NoError(t, err)
	require.NoError(t, readSizes(t.Context(), e.primary.control, c))
	for _, k := range keyKinds {
		table := c[tableName{"proof_cuts", k.name}]
		require.NotNil(t, table)
		state := &tableState{table: table}
		state.cuts, state.private = e.cut(t.Context(), table, keyRows/50)
		units := unitsOf(state)
		require.GreaterOrEqual(t, len(units), 4, k.name)
		total, largest := int64(0), int64(0)
		for _, u := range units {
			b, err := readDigest(t.Context(), e.primary.control, u.span)
			require.NoError(t, err)
			total, largest = total+b.rows, max(largest, b.rows)
		}
		require.EqualValues(t, keyRows, total, k.name)
		require.LessOrEqual(t, largest, int64(keyRows/2), k.name)
	}
}
