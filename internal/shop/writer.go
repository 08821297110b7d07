package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Writer keeps changing the shop, as its customers do, until it is stopped. Each of its connections does one
// transaction after another; each transaction holds one row of shop.ledger, so that CheckLedger can prove on any server
// that no acknowledged transaction is missing.
type Writer struct {
	db  *sql.DB
	o   WriterOptions
	run [16]byte

	stop    chan struct{}
	halt    sync.Once
	workers sync.WaitGroup
	begun   time.Time

	mu    sync.Mutex
	stats Stats
}

// WriterOptions says how much a Writer writes.
type WriterOptions struct {
	Connections int     // at once; 0 means 2
	PerSecond   float64 // transactions of all connections together; 0 means 100
	// Patience is how long one attempt at a transaction may take before its connection is given up; 0 means 10 s.
	Patience time.Duration
}

// Stats is what a Writer has done so far.
type Stats struct {
	Run          string           // marks its rows in shop.ledger, 32 hexadecimal digits
	Transactions int64            // acknowledged by the server
	Deeds        map[string]int64 // the same, by kind
	MaxLatency   time.Duration    // of one transaction, from its first attempt to its acknowledgement
	Retries      int64            // deadlocks and lock waits, tried again
	Failures     int64            // attempts lost to a broken connection or a refusing server, tried again
	LastFailure  string           // the text of the latest; empty when there was none
	Elapsed      time.Duration
	// Acknowledged is the last acknowledged number of each worker; a worker's numbers begin at 1 and have no gap.
	Acknowledged []int64
	// Open tells of each worker whether its next transaction was given up without an answer: it may be there or not.
	Open []bool
}

// String is one line for a person.
func (s Stats) String() string {
	return fmt.Sprintf("%d transactions in %s, the slowest took %s, %d tried again after a lock conflict, %d after a failure",
		s.Transactions, s.Elapsed.Round(100*time.Millisecond), s.MaxLatency.Round(time.Millisecond), s.Retries, s.Failures)
}

// NewWriter returns a Writer on a primary's database. db may belong to AppUser; it needs as many connections as the
// writer has. A Writer is started once.
func NewWriter(db *sql.DB, o WriterOptions) *Writer {
	if o.Connections == 0 {
		o.Connections = 2
	}
	if o.PerSecond == 0 {
		o.PerSecond = 100
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	return &Writer{db: db, o: o, stop: make(chan struct{})}
}

// Start begins to write and returns once the sizes of the shop are known. The writer ends with Stop or with ctx; in
// both cases the transactions under way are finished first. What goes wrong later never ends it: it is counted, and
// tried again.
func (w *Writer) Start(ctx context.Context) error {
	if w.o.Connections < 1 || w.o.Connections > 1000 || w.o.PerSecond < 0 {
		return fmt.Errorf("shop: a writer with %d connections and %g transactions a second: give 1 to 1000 and a rate above 0",
			w.o.Connections, w.o.PerSecond)
	}
	if !w.begun.IsZero() {
		return errors.New("shop: this writer was started already: make a new one")
	}
	limits, err := readLimits(ctx, w.db)
	if err != nil {
		return err
	}
	seed := rand.NewPCG(uint64(time.Now().UnixNano()), rand.Uint64())
	for i := range w.run {
		w.run[i] = byte(seed.Uint64())
	}
	w.begun = time.Now()
	w.stats = Stats{
		Run: fmt.Sprintf("%x", w.run), Deeds: map[string]int64{},
		Acknowledged: make([]int64, w.o.Connections), Open: make([]bool, w.o.Connections),
	}
	context.AfterFunc(ctx, w.quit)
	pause := time.Duration(float64(w.o.Connections) / w.o.PerSecond * float64(time.Second))
	for number := range w.o.Connections {
		one := worker{writer: w, number: number, limits: limits, random: rand.New(rand.NewPCG(seed.Uint64(), uint64(number)))}
		w.workers.Go(func() { one.work(pause) })
	}
	return nil
}

// Stop ends the writer, waits for the transactions under way, and returns what was done. It may be called again.
func (w *Writer) Stop() Stats {
	w.quit()
	w.workers.Wait()
	return w.Stats()
}

// Stats returns what was done so far.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	copied := w.stats
	copied.Acknowledged = append([]int64(nil), w.stats.Acknowledged...)
	copied.Open = append([]bool(nil), w.stats.Open...)
	copied.Deeds = make(map[string]int64, len(w.stats.Deeds))
	for deed, n := range w.stats.Deeds {
		copied.Deeds[deed] = n
	}
	return copied
}

func (w *Writer) quit() { w.halt.Do(func() { close(w.stop) }) }

func (w *Writer) stopping() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// note changes the statistics.
func (w *Writer) note(change func(*Stats)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.stats)
	w.stats.Elapsed = time.Since(w.begun)
}
