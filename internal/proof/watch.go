package proof

import (
	"context"
	"database/sql"
	"errors"
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
	stops chan stopRequest
}

// stopRequest is a stream's that cannot end its statements by itself. Done is closed when they have been killed.
type stopRequest struct {
	lane *stream
	done chan struct{}
}

// stop ends what the stream's servers are sending, and returns when nothing will be killed any more.
func (w *rowWork) stop(ctx context.Context, lane *stream) {
	lane.yield()
	request := stopRequest{lane: lane, done: make(chan struct{})}
	select {
	case w.stops <- request:
		<-request.done
	case <-ctx.Done(): // which ends them as well
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

// watch returns when the streams have ended. It alone uses the control sessions meanwhile.
func (w *rowWork) watch(ctx context.Context, p *pair, lanes []*stream, finished <-chan struct{}) {
	looked := time.Now()
	for {
		every := w.engine.options.sizes.lookEvery()
		if w.manners.manner == trying {
			every = min(every, tryLook)
		}
		select {
		case <-finished:
			return
		case request := <-w.stops:
			w.kill(ctx, request.lane)
			close(request.done)
		case <-time.After(min(every-time.Since(looked), lockHold)):
			var err error
			if time.Since(looked) >= every {
				err = w.look(ctx, p)
				looked = time.Now()
			}
			if err := errors.Join(err, w.lookForDDL(ctx, lanes)); err != nil {
				w.fail(err)
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

// lookForDDL stops what DDL has waited behind for too long.
func (w *rowWork) lookForDDL(ctx context.Context, lanes []*stream) error {
	patience := w.engine.options.sizes.lookEvery()
	waiting := map[int]map[tableName]bool{} // by session number
	for _, lane := range lanes {
		at, bound := lane.at.Load(), patience
		if at == nil {
			continue
		}
		if lane.through.Load() {
			bound = min(bound, lockHold)
		}
		for i, session := range lane.sessions {
			if session == nil || session.held() <= bound {
				continue
			}
			if waiting[i] == nil {
				var err error
				if waiting[i], err = w.server(i).waitingDDL(ctx); err != nil {
					return lane.blame(i, err)
				}
			}
			if waiting[i][at.id()] {
				lane.yield()
				w.kill(ctx, lane)
				break
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

// kill ends the statements of a stream that was told to yield: the server would go on sending to nobody.
func (w *rowWork) kill(ctx context.Context, lane *stream) {
	for i, session := range lane.sessions {
		if session != nil {
			_ = w.server(i).control.exec(ctx, "KILL QUERY "+session.id) // one that has just ended is not there to be killed: no harm
		}
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

// waitingDDL are the tables for whose metadata lock somebody waits (performance_schema.metadata_locks, on by default since 8.0).
func (s *server) waitingDDL(ctx context.Context) (map[tableName]bool, error) {
	out := map[tableName]bool{}
	err := eachText(ctx, s.control, `SELECT OBJECT_SCHEMA, OBJECT_NAME FROM performance_schema.metadata_locks
		WHERE LOCK_STATUS='PENDING' AND OBJECT_TYPE='TABLE' AND OBJECT_SCHEMA `+node.UserSchemas, func(row []sql.RawBytes) error {
		out[tableName{string(row[0]), string(row[1])}] = true
		return nil
	})
	return out, err
}
