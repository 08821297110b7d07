package shop

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Server errors that a worker understands.
const (
	errDuplicate = 1062
	errLockWait  = 1205
	errDeadlock  = 1213
)

// lastAttempts is how often a worker that is told to stop tries a failing transaction before it leaves it open.
const lastAttempts = 3

// worker is one connection of a Writer.
type worker struct {
	writer *Writer
	number int
	limits limits
	random *rand.Rand
	seq    int64 // of the transaction under way
}

// work does a transaction each pause. It does not make up for lost time: after an outage the rate is the old one.
func (k *worker) work(pause time.Duration) {
	tick := time.NewTicker(max(pause, time.Microsecond))
	defer tick.Stop()
	for k.seq = 1; !k.writer.stopping(); k.seq++ {
		if !k.transact() {
			return
		}
		select {
		case <-tick.C:
		case <-k.writer.stop:
		}
	}
}

// errBooked means that the ledger holds this number already: an earlier attempt, whose answer was lost, was committed.
var errBooked = errors.New("shop: the ledger has this transaction already")

// transact brings one transaction to its acknowledgement, whatever it takes, and reports whether it did. Only a writer
// that is stopping gives up.
//
// The same number is tried until the server has it. Every transaction writes its row of the ledger first, so an attempt
// that repeats a commit changes nothing and ends in errBooked.
func (k *worker) transact() bool {
	deed := deeds[k.random.IntN(len(deeds))]
	begun := time.Now()
	open := false
	for refused := 0; ; {
		committing, err := k.attempt(deed)
		if err == nil || errors.Is(err, errBooked) {
			k.writer.note(func(s *Stats) {
				s.Transactions++
				s.Deeds[deed.name]++
				s.MaxLatency = max(s.MaxLatency, time.Since(begun))
				s.Acknowledged[k.number] = k.seq
				s.Open[k.number] = false
			})
			return true
		}
		if number := serverError(err); !committing && (number == errDeadlock || number == errLockWait) {
			k.writer.note(func(s *Stats) { s.Retries++ })
			continue
		}
		// What the server says to a commit, for example that it shuts down, does not tell whether it was done.
		open = open || committing
		refused++
		k.writer.note(func(s *Stats) {
			s.Failures++
			s.LastFailure = deed.name + ": " + err.Error()
			s.Open[k.number] = open
		})
		if k.writer.stopping() && refused >= lastAttempts {
			return false
		}
		time.Sleep(min(time.Duration(refused)*20*time.Millisecond, 250*time.Millisecond))
	}
}

// attempt runs the transaction once; committing tells that an error fell in the commit. Its time is limited by itself
// and not by the writer's context, so that stopping does not cut a commit.
func (k *worker) attempt(d deed) (committing bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), k.writer.o.Patience)
	defer cancel()
	tx, err := k.writer.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO shop.ledger (run, worker, seq, deed, at) VALUES (?, ?, ?, ?, NOW(6))",
		k.writer.run[:], k.number, k.seq, d.name)
	if serverError(err) == errDuplicate {
		err = errBooked
	} else if err == nil {
		err = d.do(ctx, &trade{tx: tx, limits: k.limits, random: k.random})
	}
	if err != nil {
		// A rollback that fails ends the connection, and the server rolls back by itself.
		_ = tx.Rollback()
		return false, err
	}
	return true, tx.Commit()
}

// serverError is the number of the server's error, 0 when err is none.
func serverError(err error) uint16 {
	var answer *mysql.MySQLError
	if errors.As(err, &answer) {
		return answer.Number
	}
	return 0
}
