package proof

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// slowLink is of about 1.6 MB/s while slow is set, and counts the statements that read the table.
type slowLink struct {
	slow            atomic.Bool
	blocks, through atomic.Int64
	read            atomic.Int64 // bytes since the first of them
}

type slowConn struct {
	net.Conn
	link *slowLink
}

func (c *slowConn) Read(p []byte) (int, error) {
	if c.link.slow.Load() {
		time.Sleep(10 * time.Millisecond)
		p = p[:min(len(p), 16<<10)]
	}
	n, err := c.Conn.Read(p)
	if c.link.blocks.Load()+c.link.through.Load() > 0 {
		c.link.read.Add(int64(n))
	}
	return n, err
}

func (c *slowConn) Write(p []byte) (int, error) {
	switch {
	case !bytes.Contains(p, []byte("`proof_through`.`t`")):
	case bytes.Contains(p, []byte(" LIMIT ")):
		c.link.blocks.Add(1)
	default:
		c.link.through.Add(1)
	}
	return c.Conn.Write(p)
}

// over gives the side with its rows coming over the link.
func (l *slowLink) over(side Side) Side {
	dial := side.Rows.DialFunc
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	side.Rows = side.Rows.Clone()
	side.Rows.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		return &slowConn{Conn: c, link: l}, err
	}
	return side
}

// TestReadingThroughIsStopped lets something happen while a table is read in one statement over a slow link. The reading must stop for it,
// and every row be proven all the same, none twice. The table is more than what lies between server and client.
func TestReadingThroughIsStopped(t *testing.T) {
	const rows = 1000
	create := []string{"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100), w TEXT)", numbered("t (id,v)", rows), "UPDATE t SET w=REPEAT('w', 20000)", "ANALYZE TABLE t",
		"CREATE TABLE written (id INT AUTO_INCREMENT PRIMARY KEY, n INT)"}
	whole := func(t *testing.T, proofs []contract.Proof) {
		t.Helper()
		for _, p := range proofs {
			requireEqual(t, p)
			require.EqualValues(t, rows, p.Layer(contract.ProofRows).Rows)
		}
	}
	// onOnePair wants the reading stopped, and gone on with at the same snapshots: nothing else reads a block.
	onOnePair := func(t *testing.T, proofs []contract.Proof, link *slowLink) {
		t.Helper()
		whole(t, proofs)
		require.Len(t, proofs[0].Spans, 1)
		require.Positive(t, link.blocks.Load(), "it read on")
	}
	killsBefore := 0
	for name, c := range map[string]struct {
		on      func() *sandbox.Node // whose link is slow; nil is the primary
		options Options
		look    time.Duration
		happens func(t *testing.T)
		check   func(t *testing.T, proofs []contract.Proof, link *slowLink)
	}{
		"DDL waits on the primary": { // looked for by itself, as in all of DDL
			look: time.Hour,
			happens: func(t *testing.T) {
				require.NoError(t, lab.Primary().Exec(t.Context(), "SET SESSION lock_wait_timeout=120", "ALTER TABLE proof_through.t ADD c INT, ALGORITHM=INPLACE"))
			},
			check: func(t *testing.T, proofs []contract.Proof, _ *slowLink) {
				whole(t, proofs)
				require.Greater(t, len(proofs[0].Spans), 1, "what was altered must be read again on another pair")
			},
		},
		"DDL waits that changes nothing": {
			look: time.Hour,
			happens: func(t *testing.T) {
				require.NoError(t, lab.Primary().Exec(t.Context(), "SET SESSION lock_wait_timeout=120", "LOCK TABLES proof_through.t WRITE", "UNLOCK TABLES"))
			},
			check: onOnePair,
		},
		"a flush waits": {
			look: time.Hour,
			happens: func(t *testing.T) {
				require.NoError(t, lab.Primary().Exec(t.Context(), "SET SESSION lock_wait_timeout=120", "FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"))
			},
			check: onOnePair,
		},
		"DDL waits on a secondary": {
			look: time.Hour,
			on:   func() *sandbox.Node { return lab.Secondaries()[1] },
			happens: func(t *testing.T) {
				harm(t, lab.Secondaries()[1], "SET SESSION lock_wait_timeout=120", "LOCK TABLES proof_through.t WRITE", "UNLOCK TABLES")
			},
			check: onOnePair,
		},
		"others are at work": {
			happens: func(t *testing.T) {
				writers(t, 2, func(ctx context.Context, conn *sql.Conn, i int64) error {
					_, err := conn.ExecContext(ctx, "INSERT INTO proof_through.written (n) VALUES (?)", i)
					return err
				})
				requireStops(t, lab.Primary())
			},
			check: func(t *testing.T, proofs []contract.Proof, link *slowLink) {
				require.EqualValues(t, 1, link.through.Load(), "it began again")
				require.Greater(t, kills(t, lab.Primary()), killsBefore, "the server sent on, to nobody")
				for _, p := range proofs {
					requireEqual(t, p)
					require.Contains(t, strings.Join(p.Layer(contract.ProofRows).Notes, "; "), "held back at ")
				}
			},
		},
		"somebody ends it": {
			happens: func(t *testing.T) {
				require.NoError(t, lab.Primary().Exec(t.Context(), "KILL QUERY "+reader(t, lab.Primary())))
			},
			check: onOnePair,
		},
		"the snapshot grows old": {
			options: Options{SnapshotAge: 300 * time.Millisecond},
			happens: func(t *testing.T) {
				requireStops(t, lab.Primary())
			},
			check: func(t *testing.T, proofs []contract.Proof, _ *slowLink) {
				whole(t, proofs)
				require.Greater(t, len(proofs[0].Spans), 1)
			},
		},
		"a secondary is lost": {
			on:      func() *sandbox.Node { return lab.Secondaries()[0] },
			happens: func(t *testing.T) { cutOff(t, lab.Secondaries()[0]) },
			check: func(t *testing.T, proofs []contract.Proof, _ *slowLink) {
				requireLost(t, proofs[0], lab.Secondaries()[0].Name)
				whole(t, proofs[1:])
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			fresh(t, "proof_through", create...)
			slowest := lab.Primary()
			if c.on != nil {
				slowest = c.on()
			}
			var link slowLink
			link.slow.Store(true)
			defer link.slow.Store(false)
			sides := sidesOf(t, sideOf)
			for i, n := range lab.Nodes {
				if n == slowest {
					sides[i] = link.over(sides[i])
				}
			}
			o := c.options
			o.IgnoreAccounts, o.sizes = rootAccounts, sizes{blockRows: 50, rangeRows: 1 << 40, resumeRows: 1, look: cmp.Or(c.look, 50*time.Millisecond)}
			ended := runAside(t, sides, o)
			require.Eventually(t, func() bool { return link.read.Load() > 200_000 }, time.Minute, time.Millisecond, "it has not begun to send rows")
			require.NotEmpty(t, reader(t, slowest))
			killsBefore = kills(t, lab.Primary())
			c.happens(t)
			link.slow.Store(false)
			proofs := (<-ended)(t)
			c.check(t, proofs, &link)
		})
	}
}

// TestWhereSomebodyMayMindBlocksAreRead: a reading through must be seen to be in the way.
func TestWhereSomebodyMayMindBlocksAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		engine  string
		options Options
		before  []string
		through bool
	}{
		"nobody does":               {engine: "InnoDB", through: true},
		"another engine":            {engine: "MyISAM"},
		"a limit":                   {engine: "InnoDB", options: Options{BytesPerSecond: 1 << 40}},
		"locks that cannot be seen": {engine: "InnoDB", before: []string{"UPDATE performance_schema.setup_instruments SET ENABLED='NO' WHERE NAME='wait/lock/metadata/sql/mdl'"}},
	} {
		t.Run(name, func(t *testing.T) {
			fresh(t, "proof_through", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100)) ENGINE="+c.engine, numbered("t", 100))
			t.Cleanup(func() {
				require.NoError(t, lab.Primary().Exec(context.Background(), "UPDATE performance_schema.setup_instruments SET ENABLED='YES' WHERE NAME='wait/lock/metadata/sql/mdl'"))
			})
			require.NoError(t, lab.Primary().Exec(t.Context(), c.before...))
			var link slowLink
			sides := sidesOf(t, sideOf)
			sides[0] = link.over(sides[0])
			for _, p := range proveSides(t, sides, c.options) {
				requireEqual(t, p)
			}
			require.Equal(t, c.through, link.through.Load() > 0)
			require.Equal(t, !c.through, link.blocks.Load() > 0)
		})
	}
}

// TestAFrozenSecondaryHoldsUpNoDDL: it sends nothing, and no end of the connection either. What waits for it has to let its locks on the primary
// go, or a table there would be locked for everybody behind the DDL.
func TestAFrozenSecondaryHoldsUpNoDDL(t *testing.T) {
	for name, o := range map[string]Options{
		"read through":   {},
		"block by block": {BytesPerSecond: 1 << 40},
		"whole":          {ServerSide: true},
	} {
		t.Run(name, func(t *testing.T) {
			const rows = 1000
			fresh(t, "proof_through", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100), w TEXT)", numbered("t (id,v)", rows), "UPDATE t SET w=REPEAT('w', 20000)", "ANALYZE TABLE t")
			frozen := lab.Secondaries()[0]
			var link slowLink
			link.slow.Store(true)
			defer link.slow.Store(false)
			sides := sidesOf(t, sideOf)
			sides[1] = link.over(sides[1])
			o.Streams, o.IgnoreAccounts, o.sizes = 1, rootAccounts, sizes{blockRows: 50, rangeRows: 1 << 40, resumeRows: 1}
			ended := runAside(t, sides, o)
			require.Eventually(t, func() bool { return link.read.Load() > 0 }, time.Minute, time.Millisecond)
			require.NoError(t, frozen.Freeze())
			defer func() { _ = frozen.Thaw() }()
			require.NoError(t, lab.Primary().Exec(t.Context(), "SET SESSION lock_wait_timeout=120", "LOCK TABLES proof_through.t WRITE", "UNLOCK TABLES"))
			require.Empty(t, ended)
			require.NoError(t, frozen.Thaw())
			link.slow.Store(false)
			proofs := (<-ended)(t)
			for _, p := range proofs {
				requireEqual(t, p)
				require.EqualValues(t, rows, p.Layer(contract.ProofRows).Rows)
			}
		})
	}
}

// runAside proves beside the test, and gives the proofs, which it wants to be had, to whoever asks.
func runAside(t *testing.T, sides []Side, o Options) <-chan func(*testing.T) []contract.Proof {
	t.Helper()
	ended := make(chan func(*testing.T) []contract.Proof, 1)
	go func() {
		proofs, err := Run(t.Context(), sides[0], sides[1:], o, nil)
		ended <- func(t *testing.T) []contract.Proof {
			t.Helper()
			require.NoError(t, err)
			applierRuns(t)
			return proofs
		}
	}()
	return ended
}

// reader is the session that reads the table in one statement to its end, if there is one.
func reader(t *testing.T, n *sandbox.Node) string {
	t.Helper()
	id, err := n.QueryString(t.Context(), `SELECT COALESCE(MAX(ID),'') FROM performance_schema.processlist
		WHERE USER=? AND INFO LIKE 'SELECT%proof_through%' AND INFO NOT LIKE '%LIMIT%'`, lab.Accounts.Admin.User)
	require.NoError(t, err)
	return id
}

func kills(t *testing.T, n *sandbox.Node) int {
	t.Helper()
	v, err := n.QueryString(t.Context(), "SELECT COUNT_STAR FROM performance_schema.events_statements_summary_global_by_event_name WHERE EVENT_NAME='statement/sql/kill'")
	require.NoError(t, err)
	return int(number([]byte(v)))
}

func requireStops(t *testing.T, n *sandbox.Node) {
	t.Helper()
	require.Eventually(t, func() bool { return reader(t, n) == "" }, time.Minute, 5*time.Millisecond, "it reads on")
}
