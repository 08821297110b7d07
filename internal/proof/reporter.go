package proof

import (
	"sync"
	"sync/atomic"
	"time"
)

// reporter gathers progress from the streams and hands it out once a second, so that a heartbeat shows life while a single large block
// is on its way.
type reporter struct {
	rows, bytes, tablesDone, suspicions atomic.Int64

	mu           sync.Mutex
	stageName    string
	table        string
	tables       int64
	rowsEstimate int64
	resume       func() []byte

	call   sync.Mutex // one report at a time
	report func(Progress)
	done   chan struct{}
	ended  sync.WaitGroup
}

const reportEvery = time.Second

func newReporter(report func(Progress)) *reporter {
	p := &reporter{report: report, done: make(chan struct{})}
	if report == nil {
		return p
	}
	p.ended.Go(func() {
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-tick.C:
				p.tell()
			}
		}
	})
	return p
}

func (p *reporter) tell() {
	if p.report == nil {
		return
	}
	p.call.Lock()
	defer p.call.Unlock()
	p.mu.Lock()
	now := Progress{Stage: p.stageName, Table: p.table, Tables: p.tables, RowsEstimate: p.rowsEstimate, Rows: p.rows.Load(),
		Bytes: p.bytes.Load(), TablesDone: min(p.tablesDone.Load(), p.tables), Suspicions: p.suspicions.Load()}
	resume := p.resume
	p.mu.Unlock()
	if resume != nil {
		now.Resume = resume()
	}
	p.report(now)
}

func (p *reporter) stage(name string) {
	p.mu.Lock()
	p.stageName = name
	p.mu.Unlock()
	p.tell()
}

func (p *reporter) begin(table string) {
	p.mu.Lock()
	p.table = table
	p.mu.Unlock()
}

// expect sets the totals; resume gives the token.
func (p *reporter) expect(tables, rows int64, resume func() []byte) {
	p.mu.Lock()
	p.tables, p.rowsEstimate, p.resume = tables, rows, resume
	p.mu.Unlock()
}

func (p *reporter) stop() {
	close(p.done)
	p.ended.Wait()
	p.tell()
}
