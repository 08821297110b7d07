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

// watched is what the streams are told.
type watched struct {
	busy  atomic.Bool
	eased atomic.Int64
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
	for {
		wait := w.engine.options.sizes.lookEvery()
		if w.manners.manner == trying {
			wait = min(wait, tryLook)
		}
		select {
		case <-finished:
			return
		case <-time.After(wait):
			w.look(ctx, p, lanes)
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

func (w *rowWork) look(ctx context.Context, p *pair, lanes []*stream) {
	why, err := w.engine.worn(ctx, p)
	if err != nil {
		w.fail(err)
		return
	}
	if why != "" {
		w.giveUp.Store(true)
	}
	if err := errors.Join(w.lookForLoad(ctx), w.lookForTraffic(ctx, manners.next)); err != nil {
		w.fail(err)
		return
	}
	yielding := map[*stream]bool{}
	servers, names := []*server{&w.engine.primary}, []int{0}
	for _, r := range w.engine.alive() {
		servers, names = append(servers, &r.server), append(names, r.index+1)
	}
	for k, s := range servers {
		waiting, err := s.waitingDDL(ctx)
		if err != nil {
			if names[k] > 0 {
				err = w.engine.blame(w.engine.replicas[names[k]-1], err)
			}
			w.fail(err)
			return
		}
		for _, lane := range lanes {
			at := lane.at.Load()
			if at != nil && waiting[at.id()] && lane.sessions[names[k]].held() > w.engine.options.sizes.lookEvery() {
				yielding[lane] = true
			}
		}
	}
	for lane := range yielding {
		for k, s := range servers {
			session := lane.sessions[names[k]]
			session.yield.Store(true)
			// The server would go on sending to nobody. A statement that has just ended is not there to be killed: no harm.
			_ = s.control.exec(ctx, "KILL QUERY "+session.id)
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
