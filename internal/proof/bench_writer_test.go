//go:build bench

package proof

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// The writer is a process of its own, this program started again. As goroutines of one process the writer and the hashing would take turns,
// and the latency would tell of that, where a real application is elsewhere.

// writerVariable tells the program to be a writer.
const writerVariable = "PROOF_BENCH_WRITER"

func init() {
	if os.Getenv(writerVariable) == "" {
		return
	}
	if err := beWriter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// orders is what a writer is told first.
type orders struct {
	DSN string
	// Rate is transactions a second.
	Rate int
}

// writer is the process, as its starter sees it.
type writer struct {
	in      io.WriteCloser
	answers *json.Decoder
}

// writeSteadily begins so many transactions of three rows a second on the bench's tables until stop.
func writeSteadily(t *testing.T, n *sandbox.Node, account sandbox.Account, rate int) (w *writer, stop func()) {
	t.Helper()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), writerVariable+"=1")
	program.Stderr = os.Stderr
	in, err := program.StdinPipe()
	require.NoError(t, err)
	out, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	w = &writer{in: in, answers: json.NewDecoder(out)}
	require.NoError(t, json.NewEncoder(in).Encode(orders{DSN: n.Config(account).FormatDSN(), Rate: rate}))
	return w, func() {
		require.NoError(t, in.Close())
		require.NoError(t, program.Wait())
	}
}

// take gives the latencies since the last call, sorted, once nothing that was due has not begun.
func (w *writer) take(t *testing.T) []time.Duration {
	t.Helper()
	_, err := fmt.Fprintln(w.in, "take")
	require.NoError(t, err)
	var all []time.Duration
	require.NoError(t, w.answers.Decode(&all))
	slices.Sort(all)
	return all
}

func beWriter() error {
	lines := bufio.NewReader(os.Stdin)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var told orders
	if err := json.Unmarshal(first, &told); err != nil {
		return err
	}
	db, err := sql.Open("mysql", told.DSN)
	if err != nil {
		return err
	}
	l := &latencies{due: make(chan time.Time, 1_000_000)}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := l.begin(ctx, db, told.Rate); err != nil {
		return err
	}
	answers := json.NewEncoder(os.Stdout)
	for {
		if _, err := lines.ReadBytes('\n'); err != nil {
			return nil // whoever started it is done
		}
		for len(l.due) > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if err := answers.Encode(l.take()); err != nil {
			return err
		}
	}
}

// latencies are those of transactions that were due at a steady rate: one that waits makes the next ones late, and they count as late.
type latencies struct {
	due chan time.Time // not begun yet
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) take() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := append([]time.Duration{}, l.all...)
	l.all = nil
	return out
}

func (l *latencies) begin(ctx context.Context, db *sql.DB, rate int) error {
	go func() {
		began := time.Now()
		for i := 0; ctx.Err() == nil; i++ {
			at := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
			if pause(ctx, time.Until(at)) != nil {
				return
			}
			l.due <- at
		}
	}()
	for w := range 8 {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		go func() {
			if err := l.write(ctx, conn, w); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "writer:", err)
				os.Exit(1)
			}
		}()
	}
	return nil
}

func (l *latencies) write(ctx context.Context, conn *sql.Conn, w int) error {
	i := w * 1000
	for at := range l.due {
		i += 7919
		statements := []string{"BEGIN", fmt.Sprintf("UPDATE bench.narrow SET a=a+1 WHERE id=%d", 1+i%1_000_000),
			fmt.Sprintf("UPDATE bench.wide SET k=k+1 WHERE id=%d", 1+i%100_000), fmt.Sprintf("INSERT INTO bench.hits (who,at) VALUES (%d,NOW(6))", w), "COMMIT"}
		for _, s := range statements {
			if _, err := conn.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		l.mu.Lock()
		l.all = append(l.all, time.Since(at))
		l.mu.Unlock()
	}
	return nil
}
