package proof

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// watchedTraffic gives the manners look after look, a second apart, beside transactions of which each manner takes what mean says.
func watchedTraffic(looks int, rate int, mean func(manner) time.Duration) (seen []manner) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	total := traffic{at: at, count: 1000, took: time.Minute}
	m := manners{last: total}
	for range looks {
		total.at = total.at.Add(time.Second)
		total.count += uint64(rate)
		total.took += time.Duration(rate) * mean(m.manner)
		m = m.next(total)
		seen = append(seen, m.manner)
	}
	return seen
}

func steady(d time.Duration) func(manner) time.Duration {
	return func(manner) time.Duration { return d }
}

// tryLooks is how many looks come before the first try.
const tryLooks = int(tryAfter / time.Second)

func TestNobodyIsNoReasonForCourtesy(t *testing.T) {
	for _, rate := range []int{0, noticedRate - 1} {
		for _, m := range watchedTraffic(60, rate, steady(time.Second)) {
			require.Equal(t, alone, m)
		}
	}
}

func TestWhoeverComesIsMetWithCourtesy(t *testing.T) {
	seen := watchedTraffic(tryLooks, 300, steady(time.Millisecond))
	for _, m := range seen {
		require.Equal(t, courteous, m)
	}
}

// Where full speed does no harm it is taken, and kept.
func TestHarmlessFullSpeedIsKept(t *testing.T) {
	seen := watchedTraffic(120, 300, steady(time.Millisecond))
	for i, m := range seen {
		switch {
		case i < tryLooks:
			require.Equal(t, courteous, m, i)
		case i == tryLooks:
			require.Equal(t, trying, m, i)
		default:
			require.Equal(t, unnoticed, m, i)
		}
	}
}

// Where it does harm it is tried ever more rarely.
func TestHarmfulFullSpeedIsTriedRarely(t *testing.T) {
	slow := func(m manner) time.Duration {
		if m == courteous {
			return time.Millisecond
		}
		return 3 * time.Millisecond
	}
	tries, full := 0, 0
	seen := watchedTraffic(3600, 300, slow)
	for i, m := range seen {
		if m == trying {
			full++
			if seen[i-1] != trying {
				tries++
			}
		}
		require.NotEqual(t, unnoticed, m)
		require.NotEqual(t, alone, m)
	}
	require.Equal(t, tries, full, "a harmful try lasted longer than one look")
	require.Greater(t, tries, 5, "it is not tried any more")
	require.Less(t, tries, 15)
}

func TestHarmThatBeginsLaterIsSeen(t *testing.T) {
	look := 0
	seen := watchedTraffic(tryLooks+30, 300, func(m manner) time.Duration {
		if look++; look > tryLooks+20 && m == unnoticed {
			return 2 * time.Millisecond
		}
		return time.Millisecond
	})
	require.Equal(t, unnoticed, seen[tryLooks+18])
	require.Equal(t, courteous, seen[tryLooks+21])
}

func TestWhoeverLeavesIsForgotten(t *testing.T) {
	look := 0
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m, total := manners{last: traffic{at: at}}, traffic{at: at}
	for look = range 20 {
		total.at = total.at.Add(time.Second)
		if look < 5 {
			total.count += 100
			total.took += time.Second
		}
		m = m.next(total)
	}
	require.Equal(t, manners{last: total}, m)
	reset := traffic{at: total.at.Add(time.Second)}
	require.Equal(t, manners{last: reset}, m.next(reset), "counters that were set back count nothing")
}

// TestRealTransactionsAreSeen wants others' transactions counted, with their time, and the proof's own not.
func TestRealTransactionsAreSeen(t *testing.T) {
	fresh(t, "proof_traffic", "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1,0)")
	e := openEngine(t, 2)
	w := &rowWork{engine: e, courtesy: &courtesy{}, manners: manners{last: e.traffic}}
	require.NoError(t, w.lookForTraffic(t.Context()))
	for range 20 { // ours alone
		require.NoError(t, e.primary.streams[0].snapshot(t.Context()))
		require.NoError(t, e.primary.streams[0].mark(t.Context()))
		_, err := e.primary.streams[0].value(t.Context(), "SELECT COUNT(*) FROM proof_traffic.t")
		require.NoError(t, err)
	}
	require.NoError(t, w.lookForTraffic(t.Context()))
	require.False(t, w.courtesy.on.Load(), "the proof's own transactions were taken for somebody's")
	before := w.manners.last
	for range 50 {
		require.NoError(t, lab.Primary().Exec(t.Context(), "BEGIN", "UPDATE proof_traffic.t SET v=v+1", "DO SLEEP(0.01)", "COMMIT"))
	}
	require.NoError(t, w.lookForTraffic(t.Context()))
	require.True(t, w.courtesy.on.Load())
	between := w.manners.last.since(before)
	require.GreaterOrEqual(t, between.count, uint64(50))
	require.GreaterOrEqual(t, between.took, 500*time.Millisecond)
}

// TestCourtesyFindsTheSame proves beside writers, with more streams than turns: differences in tables with and without a key are found,
// nothing else is.
func TestCourtesyFindsTheSame(t *testing.T) {
	fresh(t, "proof_courtesy", "CREATE TABLE k (id INT PRIMARY KEY, v VARCHAR(100))", numbered("k", 1000), "CREATE TABLE n (id INT, v VARCHAR(100))", numbered("n", 500),
		"ANALYZE TABLE k, n", "CREATE TABLE written (id INT AUTO_INCREMENT PRIMARY KEY, n INT)")
	harm(t, lab.Secondaries()[0], "UPDATE proof_courtesy.k SET v='x' WHERE id=777", "UPDATE proof_courtesy.n SET v='x' WHERE id=123")
	_, stop := writers(t, 2, func(ctx context.Context, conn *sql.Conn, i int64) error {
		if _, err := conn.ExecContext(ctx, "INSERT INTO proof_courtesy.written (n) VALUES (?)", i); err != nil {
			return err
		}
		return pause(ctx, 3*time.Millisecond)
	})
	for _, serverSide := range []bool{false, true} {
		proofs := prove(t, Options{Streams: 3, ServerSide: serverSide, sizes: sizes{blockRows: 20, rangeRows: 200, resumeRows: 1}})
		requireEqual(t, proofs[1])
		rows := proofs[0].Layer(contract.ProofRows)
		require.EqualValues(t, 3, rows.Differences, describe(proofs[0]))
		requireContains(t, rows.Listed, contract.ProofDifference{Kind: "changed", Name: "k", Key: "`id`=777", Columns: []string{"v"}})
	}
	stop()
}
