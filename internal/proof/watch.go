package proof

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// What the proof costs others is looked at while the streams read: the age of the snapshots and what they keep from being purged, DDL
// that waits behind a lock of ours, how busy the primary is, and how long its transactions take.

// busyPause is the rest after each block while the primary is busy.
const busyPause = time.Second

// watched is what the streams are told, and how they answer.
type watched struct {
	busy  atomic.Bool
	eased atomic.Int64
	stops []chan stopRequest // to whoever watches the server of a session of that number
}

// stopRequest is of a stream that cannot end its statement by itself. Done is closed when it has been killed.
type stopRequest struct {
	lane *stream
	at   *table // only while it reads this
	done chan struct{}
}

// stop ends what the stream's servers are sending, and returns when nothing will be killed any more.
func (w *rowWork) stop(ctx context.Context, lane *stream) {
	lane.yield()
	var all sync.WaitGroup
	for i, session := range lane.sessions {
		if session != nil {
			all.Go(func() { w.ask(lane, i, lane.at.Load(), ctx.Done()) }) // a cancel ends it as well
		}
	}
	all.Wait()
}

// ask has the watcher of one of the stream's servers kill what reads the table there, unless it is over before.
func (w *rowWork) ask(lane *stream, i int, at *table, over <-chan struct{}) {
	request := stopRequest{lane: lane, at: at, done: make(chan struct{})}
	select {
	case w.stops[i] <- request:
		<-request.done
	case <-over:
	}
}

// ease gives how long to rest.
func (w *watched) ease() time.Duration {
	if !w.busy.Load() {
		return 0
	}
	w.eased.Add(1)
	return busyPause
}

// watch returns when the streams have ended. It alone uses the control sessions meanwhile. Each server is watched by itself: one that hangs must
// not keep another from being looked at.
func (w *rowWork) watch(ctx context.Context, p *pair, lanes []*stream, finished <-chan struct{}) {
	var all sync.WaitGroup
	for i, session := range lanes[0].sessions {
		if session != nil {
			all.Go(func() { w.watchServer(ctx, i, p, lanes, finished) })
		}
	}
	all.Wait()
}

func (w *rowWork) watchServer(ctx context.Context, i int, p *pair, lanes []*stream, finished <-chan struct{}) {
	looked, failed := time.Now(), false
	for {
		every := w.engine.options.sizes.lookEvery()
		if i == 0 && w.manners.manner == trying {
			every = min(every, tryLook)
		}
		next := time.After(min(every, lockHold))
		if failed {
			next = nil
		}
		select {
		case <-finished:
			return
		case request := <-w.stops[i]:
			if request.lane.at.Load() == request.at {
				w.kill(ctx, i, request.lane)
			}
			close(request.done)
		case <-next:
			var err error
			if i == 0 && time.Since(looked) >= every {
				err = w.look(ctx, p)
				looked = time.Now()
			}
			if err = errors.Join(err, w.lookForDDL(ctx, i, lanes, finished)); err != nil {
				w.fail(err)
				failed = true // the streams end, and nothing is looked at again
			}
		}
	}
}

// lookForTraffic decides by judge, which is manners.next or manners.resume, whether to be courteous.
func (w *rowWork) lookForTraffic(ctx context.Context, judge func(manners, traffic) manners) error {
	t, err := readTraffic(ctx, w.engine.primary.control)
	if err == nil {
		w.manners = judge(w.manners, t)
		w.courtesy.on.Store(w.manners.manner == courteous)
	}
	return err
}

func (w *rowWork) look(ctx context.Context, p *pair) error {
	why, err := w.engine.worn(ctx, p)
	if err != nil {
		return err
	}
	if why != "" {
		w.giveUp.Store(true)
	}
	return errors.Join(w.lookForLoad(ctx), w.lookForTraffic(ctx, manners.next))
}

// lookForDDL stops what DDL on the server has waited behind for too long.
func (w *rowWork) lookForDDL(ctx context.Context, i int, lanes []*stream, finished <-chan struct{}) error {
	var waiting map[tableName]bool
	for _, lane := range lanes {
		at, through, bound := lane.at.Load(), lane.passage.Load() != nil, w.engine.options.sizes.lookEvery()
		if through {
			bound = min(bound, lockHold)
		}
		if at == nil || lane.sessions[i].held() <= bound {
			continue
		}
		if waiting == nil {
			var err error
			if waiting, err = w.server(i).waitingDDL(ctx); err != nil {
				return lane.blame(i, err)
			}
		}
		if !waiting[at.id()] && !(through && waiting[anyTable]) || lane.at.Load() != at {
			continue
		}
		lane.yield()
		w.kill(ctx, i, lane)
		if through { // which stops the others by itself
			continue
		}
		for k, session := range lane.sessions {
			if k != i && session != nil {
				go w.ask(lane, k, at, finished) // as soon as whoever watches that one can
			}
		}
	}
	return nil
}

// server is the one that a stream's session of that number is connected to.
func (w *rowWork) server(i int) *server {
	if i == 0 {
		return &w.engine.primary
	}
	return &w.engine.replicas[i-1].server
}

// kill ends the statement of a stream that was told to yield: the server would go on sending to nobody.
func (w *rowWork) kill(ctx context.Context, i int, lane *stream) {
	session := lane.sessions[i]
	err := w.server(i).control.exec(ctx, "KILL QUERY "+session.id) // one that has just ended is not there to be killed: no harm
	if err != nil && node.Number(err) != errNoSuchThread {
		w.fail(lane.blame(i, nodeError(ctx, session.Node, "KILL QUERY", err)))
	}
}

// lookForLoad counts the sessions at work on the primary that are not ours.
func (w *rowWork) lookForLoad(ctx context.Context) error {
	e := w.engine
	if e.options.BusyThreads < 0 {
		return nil
	}
	v, err := e.primary.control.value(ctx, "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME='Threads_running'")
	if err != nil {
		return err
	}
	w.busy.Store(number([]byte(v))-int64(len(e.primary.streams))-1 > int64(e.options.BusyThreads))
	return nil
}

// anyTable stands for all of them: a flush waits for the statements that read any, and whoever comes later for the flush.
var anyTable = tableName{}

// waitingDDL are the tables for whose metadata lock somebody waits (performance_schema.metadata_locks, on by default since 8.0). Of a flush
// (FLUSH TABLES, also WITH READ LOCK, as backups take it) no lock shows whom it waits for, its state does (measured on 9.7).
func (s *server) waitingDDL(ctx context.Context) (map[tableName]bool, error) {
	out := map[tableName]bool{}
	err := eachText(ctx, s.control, `SELECT OBJECT_SCHEMA, OBJECT_NAME FROM performance_schema.metadata_locks
		WHERE LOCK_STATUS='PENDING' AND OBJECT_TYPE='TABLE' AND OBJECT_SCHEMA `+node.UserSchemas+`
		UNION ALL SELECT '', '' FROM performance_schema.threads WHERE PROCESSLIST_STATE='Waiting for table flush' `, func(row []sql.RawBytes) error {
		out[tableName{string(row[0]), string(row[1])}] = true
		return nil
	})
	return out, err
}
