package proof

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// writers runs write on n connections of the primary until the test ends, and gives the number of writes so far.
func writers(t *testing.T, n int, write func(ctx context.Context, conn *sql.Conn, i int64) error) (count func() int64, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	db, err := lab.Primary().DB()
	require.NoError(t, err)
	var done atomic.Int64
	var all sync.WaitGroup
	for range n {
		conn, err := db.Conn(ctx)
		require.NoError(t, err)
		all.Go(func() {
			defer conn.Close()
			for ctx.Err() == nil {
				if err := write(ctx, conn, done.Add(1)); err != nil && ctx.Err() == nil {
					t.Errorf("writer: %v", err)
					return
				}
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(stop)
	return done.Load, stop
}

func openEngine(t *testing.T, streams int) *engine {
	t.Helper()
	e := &engine{options: Options{Streams: streams, MaxPause: 20 * time.Second}.withDefaults(), progress: newReporter(nil)}
	t.Cleanup(e.close)
	require.NoError(t, e.open(t.Context(), sideOf(t, lab.Primary()), secondarySides(t)))
	return e
}

// pairTries is how many pairs the exactness test takes; the heavy one takes more.
const pairTries = 12

// TestSnapshotPairIsExact does not believe the argument of takePair: with one row per transaction, under some hundreds of writes a
// second, every snapshot of every stream of every server must show as many rows as its set has transactions.
func TestSnapshotPairIsExact(t *testing.T) { exactPairs(t, pairTries) }

func exactPairs(t *testing.T, tries int) {
	e := openEngine(t, 2)
	servers := []*server{&e.primary, &e.replicas[0].server, &e.replicas[1].server}
	// More writes than the secondaries can follow would only test patience.
	attempts := exactness(t, e, tries, 8*time.Millisecond, servers, func() (*pair, error) { return e.takePair(t.Context()) })
	applierRuns(t)
	t.Logf("%d pairs, %d attempts", tries, attempts)
}

// TestPrimarySnapshotIsExact tries the primary's half alone, under as many writes as it takes.
func TestPrimarySnapshotIsExact(t *testing.T) { exactSnapshots(t, 300) }

func exactSnapshots(t *testing.T, tries int) {
	e := openEngine(t, 2)
	attempts := exactness(t, e, tries, time.Millisecond, []*server{&e.primary}, func() (*pair, error) {
		p := &pair{}
		return p, e.searchSnapshots(t.Context(), p)
	})
	t.Logf("%d snapshots, %d attempts", tries, attempts)
}

// exactness takes snapshots under load and compares what they show with what their sets say.
func exactness(t *testing.T, e *engine, tries int, rest time.Duration, servers []*server, take func() (*pair, error)) (attempts int) {
	t.Helper()
	fresh(t, "proof_pair", "CREATE TABLE one (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)")
	count, stop := writers(t, 4, func(ctx context.Context, conn *sql.Conn, i int64) error {
		if _, err := conn.ExecContext(ctx, "INSERT INTO proof_pair.one (v) VALUES (?)", i); err != nil {
			return err
		}
		return pause(ctx, rest)
	})
	type seen struct {
		transactions int64
		rows         []int64
	}
	look := func() seen {
		p, err := take()
		require.NoError(t, err)
		attempts += p.attempts
		s := seen{transactions: transactionsIn(t, e, p.gtids)}
		for _, server := range servers {
			for _, stream := range server.streams {
				n, err := stream.value(t.Context(), "SELECT COUNT(*) FROM proof_pair.one")
				require.NoError(t, err)
				s.rows = append(s.rows, number([]byte(n)))
			}
		}
		return s
	}
	var all []seen
	for range tries {
		all = append(all, look())
	}
	stop()
	require.Positive(t, count())
	// At rest there is nothing to get wrong: what the set has beyond the rows went before the writers.
	calm := look()
	others := calm.transactions - calm.rows[0]
	for _, server := range servers { // else the end of the test waits for the snapshots' metadata locks
		for _, stream := range server.streams {
			require.NoError(t, stream.exec(t.Context(), "ROLLBACK"))
		}
	}
	for i, s := range all {
		for _, n := range s.rows {
			require.Equal(t, s.transactions-others, n, "%d of %d: %+v", i, len(all), s)
		}
	}
	return attempts
}

// transactionsIn counts the transactions of a set; those of the lab all come from one primary and are one interval.
func transactionsIn(t *testing.T, e *engine, set string) int64 {
	t.Helper()
	_, interval, found := strings.Cut(set, e.primary.uuid+":1-")
	require.True(t, found, set)
	return number([]byte(interval))
}

// TestNoFalseAlarmUnderWritesAndDDL compares while rows come, go and change, and tables are altered, made and dropped.
func TestNoFalseAlarmUnderWritesAndDDL(t *testing.T) { falseAlarms(t, 3, 3) }

func falseAlarms(t *testing.T, runs, writing int) {
	schema := []string{}
	for i := range 4 {
		schema = append(schema, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, v VARCHAR(40), n INT, KEY (n))", i),
			fmt.Sprintf("INSERT INTO t%d WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i<1000) SELECT i, CONCAT('row ',i), 0 FROM r", i))
	}
	schema = append(schema, "CREATE TABLE keyless (a INT, b INT)", "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO DELETE FROM t0 WHERE n > 1000000")
	fresh(t, "proof_busy", schema...)
	count, stop := writers(t, writing, func(ctx context.Context, conn *sql.Conn, i int64) error {
		statement := fmt.Sprintf("UPDATE proof_busy.t%d SET n=n+1, v=CONCAT('row ',n) WHERE id=%d", i%4, 1+i*7%1000)
		switch i % 5 {
		case 1:
			statement = fmt.Sprintf("REPLACE INTO proof_busy.t%d (id,v,n) VALUES (%d,'new',%d)", i%4, 1+i*13%2000, i)
		case 2:
			statement = fmt.Sprintf("DELETE FROM proof_busy.t%d WHERE id=%d", i%4, 1+i*17%2000)
		case 3:
			statement = fmt.Sprintf("INSERT INTO proof_busy.keyless VALUES (%d,%d)", i%10, i%3)
		case 4:
			statement = fmt.Sprintf("DELETE FROM proof_busy.keyless WHERE a=%d LIMIT 1", i%10)
		}
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
		return pause(ctx, 5*time.Millisecond)
	})
	rounds, stopDDL := writers(t, 1, func(ctx context.Context, conn *sql.Conn, i int64) error {
		for _, statement := range []string{
			fmt.Sprintf("ALTER TABLE proof_busy.t%d ADD c%d INT DEFAULT %d", i%2, i, i),
			fmt.Sprintf("ALTER TABLE proof_busy.t%d DROP c%d", i%2, i),
			fmt.Sprintf("CREATE TABLE proof_busy.passing%d (id INT PRIMARY KEY)", i),
			fmt.Sprintf("INSERT INTO proof_busy.passing%d VALUES (1)", i),
			fmt.Sprintf("ALTER TABLE proof_busy.t%d ENGINE=InnoDB", 2),
			fmt.Sprintf("DROP TABLE proof_busy.passing%d", i),
		} {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return err
			}
			if err := pause(ctx, 150*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	})
	began, before := time.Now(), count()
	for run := range runs {
		for _, p := range prove(t, Options{ServerSide: run%2 == 1}) {
			require.Zero(t, p.Differences(), describe(p))
			require.NotEqual(t, contract.ProofDifferent, p.Verdict)
		}
	}
	t.Logf("%d runs, %.0f writes a second, %d rounds of DDL", runs, float64(count()-before)/time.Since(began).Seconds(), rounds())
	stopDDL()
	for _, p := range prove(t, Options{}) { // without DDL nothing may be left open either
		requireEqual(t, p)
	}
	stop()
	require.Positive(t, count())
}

// TestPairThatCannotBeHad keeps a transaction in flight: the search must end, say so, and leave the appliers running; the lock, if
// allowed, needs no such moment.
func TestPairThatCannotBeHad(t *testing.T) {
	fresh(t, "proof_flight", "CREATE TABLE one (id INT PRIMARY KEY)")
	db, err := lab.Primary().DB()
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Raw(func(any) error { return sql.ErrConnDone }); _ = conn.Close() }()
	for _, statement := range []string{"SET gtid_next='aaaaaaaa-0000-0000-0000-000000000001:1'", "BEGIN", "INSERT INTO proof_flight.one VALUES (1)"} {
		_, err := conn.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	o := Options{MaxPause: 100 * time.Millisecond, PairTries: 2, IgnoreAccounts: rootAccounts}
	_, err = Run(t.Context(), sideOf(t, lab.Primary()), secondarySides(t), o, nil)
	require.ErrorIs(t, err, ErrNoPair)
	applierRuns(t)

	o.LockFallback = true
	for _, p := range prove(t, o) {
		requireEqual(t, p)
		require.True(t, p.Spans[0].Locked)
	}
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "SET gtid_next='AUTOMATIC'")
	require.NoError(t, err)
	for _, p := range prove(t, Options{}) {
		requireEqual(t, p)
		require.False(t, p.Spans[0].Locked)
	}
}
