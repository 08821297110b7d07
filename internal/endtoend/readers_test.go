package endtoend

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// sight is what a reader got.
type sight string

const (
	answered   sight = "answered"
	turnedAway sight = "turned away"
	// partial: an answer, or a refusal, that a whole copy of the shop does not give.
	partial sight = "partial"
)

// look is one try of a reader.
type look struct {
	began, ended time.Time
	sight        sight
	detail       string
}

// readers ask every secondary of a company all the time, each time over a new connection, as an account without any privilege but to read.
type readers struct {
	// want is what a whole copy answers.
	want string
	stop func() map[string][]look
}

const (
	readerUser, readerPassword = "shop_reader", "to-read-only"
	// picture is the same at every moment, whatever the writer does.
	picture = `SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema IN ('shop', 'shop_archive')),
		(SELECT COUNT(*) FROM shop.customers), (SELECT COUNT(*) FROM shop.products), (SELECT COUNT(*) FROM shop.stores),
		(SELECT CONCAT(COUNT(*), ' ', SUM(CAST(hits AS DECIMAL(40)) + delta)) FROM shop.counters),
		(SELECT COUNT(*) FROM shop_archive.documents), (SELECT COUNT(*) FROM shop_archive.manuals))`
)

func (c *company) read(t testing.TB) *readers {
	t.Helper()
	require.NoError(t, c.Primary().Exec(t.Context(), "CREATE USER "+readerUser+" IDENTIFIED BY '"+readerPassword+"'",
		"GRANT SELECT ON shop.* TO "+readerUser, "GRANT SELECT ON shop_archive.* TO "+readerUser))
	c.catchUp(t)
	r := &readers{want: ask(t, c.Primary(), picture)}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	var all sync.WaitGroup
	secondaries := c.Secondaries()
	looks := make([][]look, len(secondaries))
	for i, node := range secondaries {
		all.Go(func() {
			for ctx.Err() == nil {
				looks[i] = append(looks[i], r.look(context.WithoutCancel(ctx), node))
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	r.stop = func() map[string][]look {
		cancel()
		all.Wait()
		named := map[string][]look{}
		for i, node := range secondaries {
			named[node.Name] = looks[i]
		}
		return named
	}
	return r
}

func (r *readers) look(ctx context.Context, node *sandbox.Node) look {
	l := look{began: time.Now()}
	answer, err := readOnce(ctx, node)
	l.ended = time.Now()
	var refused *mysql.MySQLError
	switch {
	case err == nil && answer == r.want:
		l.sight = answered
	case err == nil:
		l.sight, l.detail = partial, answer
	case !errors.As(err, &refused), slices.Contains([]uint16{3032, 1053, 1317}, refused.Number): // offline, shutting down, ended
		l.sight, l.detail = turnedAway, err.Error()
	default: // it knows neither the account nor the table
		l.sight, l.detail = partial, err.Error()
	}
	return l
}

func readOnce(ctx context.Context, node *sandbox.Node) (answer string, err error) {
	config := node.RootConfig()
	config.User, config.Passwd = readerUser, readerPassword
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	return answer, db.QueryRowContext(ctx, picture).Scan(&answer)
}

// span is a time in which a node surely turned readers away: from the end of the first of its refusals in a row to the beginning of the last.
type span struct{ from, to time.Time }

func outOfService(looks []look) (spans []span) {
	for i, first := range looks {
		if first.sight == answered || i > 0 && looks[i-1].sight != answered {
			continue
		}
		last := first
		for _, next := range looks[i:] {
			if next.sight == answered {
				break
			}
			last = next
		}
		if first.ended.Before(last.began) {
			spans = append(spans, span{first.ended, last.began})
		}
	}
	return spans
}

// mostOut is the largest number of nodes that were out of service at one moment.
func mostOut(all map[string][]look) int {
	spans := map[string][]span{}
	for name, looks := range all {
		spans[name] = outOfService(looks)
	}
	most := 0
	for _, ofOne := range spans {
		for _, moment := range ofOne { // the most are out at the beginning of some span
			out := 0
			for _, others := range spans {
				if slices.ContainsFunc(others, func(s span) bool { return !s.from.After(moment.from) && s.to.After(moment.from) }) {
					out++
				}
			}
			most = max(most, out)
		}
	}
	return most
}

func TestMostOut(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	// Each letter is a look of half a second in the middle of its second.
	looks := func(sights string) (all []look) {
		for i, s := range sights {
			middle := at(i).Add(250 * time.Millisecond)
			all = append(all, look{began: middle, ended: middle.Add(500 * time.Millisecond), sight: map[rune]sight{'+': answered, '-': turnedAway, '?': partial}[s]})
		}
		return all
	}
	for _, test := range []struct {
		sights []string
		want   int
	}{
		{nil, 0},
		{[]string{"", "+++", "+-+"}, 0},
		{[]string{"++--++", "+--+++"}, 1},
		{[]string{"+---++", "++---+"}, 2},
		{[]string{"+----+", "+-??-+", "++--++"}, 3},
		{[]string{"+--++++", "+++--++", "+++++--"}, 1},
	} {
		all := map[string][]look{}
		for i, s := range test.sights {
			all[string(rune('a'+i))] = looks(s)
		}
		require.Equal(t, test.want, mostOut(all), "%q", test.sights)
	}
}

// TestReadersDuringARollingRun (I3, I9): of four secondaries two stay in service, at every moment, and nobody ever reads a half-copied one.
func TestReadersDuringARollingRun(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "rolling", sandbox.Nodes(5))
	before := c.persisted(t)
	requireSame := c.write(t)
	readers := c.read(t)
	floor := 2
	request := c.resync()
	request.MaxParallel, request.MinServing, request.ThrottleMiBps = 4, &floor, 30
	report := finish(t, c.start(t, request))
	all := readers.stop()
	requireOutcome(t, contract.OutcomeSucceeded, report)

	for name, looks := range all {
		count := map[sight]int{}
		for _, l := range looks {
			require.NotEqual(t, partial, l.sight, "%s: %s", name, l.detail)
			count[l.sight]++
		}
		require.Positive(t, count[answered], name)
		require.NotEmpty(t, outOfService(looks), "%s was fenced, and its readers noticed", name)
		require.Equal(t, answered, looks[len(looks)-1].sight, name)
	}
	require.LessOrEqual(t, mostOut(all), len(all)-floor, "at every moment %d serve", floor)
	requireSame()
	c.requireOwnState(t, before)

	// The readers would have noticed.
	node := c.Node("db5")
	requireSight := func(want sight, statements ...string) {
		t.Helper()
		require.NoError(t, node.Exec(t.Context(), statements...))
		seen := readers.look(t.Context(), node)
		require.Equal(t, want, seen.sight, seen.detail)
	}
	requireSight(turnedAway, "SET GLOBAL offline_mode = ON")
	requireSight(answered, "SET GLOBAL offline_mode = OFF", "SET GLOBAL super_read_only = OFF")
	requireSight(partial, "SET SESSION sql_log_bin = 0", "UPDATE shop.counters SET delta = delta + 1 LIMIT 1")
	requireSight(answered, "SET SESSION sql_log_bin = 0", "UPDATE shop.counters SET delta = delta - 1 LIMIT 1")
	requireSight(partial, "SET SESSION sql_log_bin = 0", "DROP TABLE shop.`gift cards`")
	requireSight(partial, "SET SESSION sql_log_bin = 0", "SET SESSION foreign_key_checks = 0", "DROP DATABASE shop")
	requireSight(partial, "SET SESSION sql_log_bin = 0", "DROP USER "+readerUser)
}
