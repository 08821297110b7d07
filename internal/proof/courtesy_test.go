package proof

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// others end so many transactions a second, each of which takes so long, while the proof goes about in a manner.
type others func(m manner, at time.Duration) (rate float64, mean time.Duration)

// seen is how long the proof went about in each manner, and how often it began to.
type seen struct {
	lasted [4]time.Duration
	begun  [4]int
	last   manners
}

// watchOthers looks as a proof does for so long.
func watchOthers(long time.Duration, o others) (s seen) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	begin := at
	total := traffic{at: at, count: 1000, took: time.Minute}
	ended := 0.0
	m := manners{last: total}
	for at.Sub(begin) < long {
		look := lookDefault
		if m.manner == trying {
			look = tryLook
		}
		rate, mean := o(m.manner, at.Sub(begin))
		at = at.Add(look)
		ended += rate * look.Seconds()
		whole := uint64(ended)
		ended -= float64(whole)
		total.at, total.count, total.took = at, total.count+whole, total.took+time.Duration(whole)*mean
		s.lasted[m.manner] += look
		before := m.manner
		if m = m.next(total); m.manner != before {
			s.begun[m.manner]++
		}
	}
	s.last = m
	return s
}

// held is by how much full speed holds others up.
func held(rate float64, courteously, atFullSpeed time.Duration) others {
	return func(m manner, _ time.Duration) (float64, time.Duration) {
		if m == courteous {
			return rate, courteously
		}
		return rate, atFullSpeed
	}
}

func TestNobodyIsNoReasonForCourtesy(t *testing.T) {
	for _, rate := range []float64{0, 0.5, noticedRate - 1} {
		s := watchOthers(time.Minute, held(rate, time.Second, time.Second))
		require.Equal(t, time.Minute, s.lasted[alone])
	}
}

func TestWhoeverComesIsMetWithCourtesy(t *testing.T) {
	for _, rate := range []float64{noticedRate, 12, 50, 3000} {
		s := watchOthers(tryAfter, held(rate, time.Millisecond, time.Millisecond))
		require.Equal(t, lookDefault, s.lasted[alone], rate)
		require.Equal(t, tryAfter-lookDefault, s.lasted[courteous], rate)
	}
}

// Where full speed does no harm it is taken, and kept but for learning anew what is usual.
func TestHarmlessFullSpeedIsKept(t *testing.T) {
	for _, rate := range []float64{noticedRate, 25, 300} {
		s := watchOthers(time.Hour, held(rate, 10*time.Millisecond, 11*time.Millisecond))
		require.Greater(t, s.lasted[unnoticed], 55*time.Minute, rate)
		require.Greater(t, s.begun[courteous], 4, "what is usual is never learnt again")
	}
}

// Where it does harm it is tried, briefly and ever more rarely.
func TestHarmfulFullSpeedIsTriedRarely(t *testing.T) {
	for name, o := range map[string]others{
		"few":  held(noticedRate, time.Millisecond, 2*time.Millisecond),
		"some": held(25, time.Millisecond, 2*time.Millisecond),
		"many": held(300, time.Millisecond, 2*time.Millisecond),
		"such as wait for it": func(m manner, at time.Duration) (float64, time.Duration) {
			if m == courteous || at == 0 { // they were seen before it began
				return 50, 20 * time.Millisecond
			}
			return 6, 150 * time.Millisecond
		},
		"such as stand still": func(m manner, at time.Duration) (float64, time.Duration) {
			if m == courteous || at == 0 {
				return 50, 20 * time.Millisecond
			}
			return 0, 0
		},
		"such as come in waves": func(m manner, at time.Duration) (float64, time.Duration) {
			rate := 4 + 16*float64(int(at.Seconds())%2)
			if m == courteous {
				return rate, time.Millisecond
			}
			return rate, 2 * time.Millisecond
		},
	} {
		s := watchOthers(time.Hour, o)
		require.Zero(t, s.lasted[unnoticed], name)
		require.LessOrEqual(t, s.lasted[alone], 2*lookDefault, name)
		require.Greater(t, s.begun[trying], 5, "%s: it is not tried any more", name)
		require.LessOrEqual(t, s.lasted[trying], time.Duration(s.begun[trying])*(judgeWithin+tryLook), name)
		require.Less(t, s.lasted[trying], time.Hour/50, name)
	}
}

// One transaction of an hour that ends is no reason to take a second for usual.
func TestOneLongTransactionSaysNothing(t *testing.T) {
	s := watchOthers(10*time.Minute, func(m manner, at time.Duration) (float64, time.Duration) {
		switch {
		case m == courteous && at == 10*time.Second:
			return 300, 12 * time.Second
		case m == courteous:
			return 300, time.Millisecond
		}
		return 300, 3 * time.Millisecond
	})
	require.Zero(t, s.lasted[unnoticed])
}

func TestHarmThatBeginsLaterIsSeen(t *testing.T) {
	harmless := 2 * time.Minute
	s := watchOthers(5*time.Minute, func(m manner, at time.Duration) (float64, time.Duration) {
		if m != courteous && at > harmless {
			return 300, 2 * time.Millisecond
		}
		return 300, time.Millisecond
	})
	require.Greater(t, s.lasted[unnoticed], time.Minute)
	require.Less(t, s.lasted[unnoticed], harmless)
	require.Equal(t, courteous, s.last.manner)
}

func TestWhoeverLeavesIsForgotten(t *testing.T) {
	s := watchOthers(time.Minute, func(_ manner, at time.Duration) (float64, time.Duration) {
		if at < 5*time.Second {
			return 100, time.Millisecond
		}
		return 1, time.Millisecond
	})
	require.Equal(t, manners{last: s.last.last}, manners{manner: s.last.manner, last: s.last.last, wait: s.last.wait, usual: s.last.usual})
	require.Less(t, s.lasted[courteous], 5*time.Second+3*goneAfter)
}

// What happens between two pairs happens without the proof's reading.
func TestResumingJudgesNothing(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	later := traffic{at: at.Add(time.Minute), count: 18000, took: time.Minute}
	for _, m := range []manner{courteous, trying, unnoticed} {
		before := manners{manner: m, last: traffic{at: at}, wait: tryAfter, usual: []time.Duration{time.Millisecond}, window: traffic{count: 29, took: time.Hour}}
		after := before.resume(later)
		require.Zero(t, after.window)
		require.Equal(t, later, after.last)
		require.Equal(t, before.usual, after.usual)
		require.Equal(t, map[manner]manner{courteous: courteous, trying: courteous, unnoticed: unnoticed}[m], after.manner)
	}
	require.Equal(t, courteous, manners{last: traffic{at: at}}.resume(later).manner)
	reset := traffic{at: at.Add(2 * time.Minute)}
	require.Equal(t, alone, manners{last: later}.next(reset).manner, "counters that were set back count nothing")
}

// TestRealTransactionsAreSeen wants others' transactions counted, with their time, and the proof's own not.
func TestRealTransactionsAreSeen(t *testing.T) {
	fresh(t, "proof_traffic", "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1,0)")
	e := openEngine(t, 2)
	w := &rowWork{engine: e, courtesy: &courtesy{}, manners: manners{last: e.traffic}}
	require.NoError(t, w.lookForTraffic(t.Context(), manners.next))
	for range 20 { // ours alone
		_, err := e.primary.control.value(t.Context(), "SELECT COUNT(*) FROM proof_traffic.t")
		require.NoError(t, err)
		require.NoError(t, e.primary.streams[0].snapshot(t.Context()))
		require.NoError(t, e.primary.streams[0].mark(t.Context()))
		_, err = e.primary.streams[0].value(t.Context(), "SELECT COUNT(*) FROM proof_traffic.t")
		require.NoError(t, err)
	}
	require.NoError(t, w.lookForTraffic(t.Context(), manners.next))
	require.False(t, w.courtesy.on.Load(), "the proof's own transactions were taken for somebody's")
	before := w.manners.last
	for range 50 {
		require.NoError(t, lab.Primary().Exec(t.Context(), "BEGIN", "UPDATE proof_traffic.t SET v=v+1", "DO SLEEP(0.01)", "COMMIT"))
	}
	require.NoError(t, w.lookForTraffic(t.Context(), manners.next))
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
		require.Contains(t, strings.Join(proofs[1].Layer(contract.ProofRows).Notes, "; "), "held back at ")
		requireEqual(t, proofs[1])
		rows := proofs[0].Layer(contract.ProofRows)
		require.EqualValues(t, 3, rows.Differences, describe(proofs[0]))
		requireContains(t, rows.Listed, contract.ProofDifference{Kind: "changed", Name: "k", Key: "`id`=777", Columns: []string{"v"}})
	}
	stop()
}
