package clone

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// The stages of a clone, in their order (performance_schema.clone_progress).
const (
	StageDropData = "DROP DATA"
	StageFileCopy = "FILE COPY"
	StagePageCopy = "PAGE COPY"
	StageRedoCopy = "REDO COPY"
	StageFileSync = "FILE SYNC"
	StageRestart  = "RESTART"
	StageRecovery = "RECOVERY"
)

// States of a clone or of a stage.
const (
	NotStarted = "Not Started"
	InProgress = "In Progress"
	Completed  = "Completed"
	Failed     = "Failed"
)

// ErrNoPlugin: the recipient has not loaded the clone plugin.
var ErrNoPlugin = errors.New("the clone plugin is not loaded: start the server with plugin-load-add=mysql_clone.so")

// Status is what a recipient records of its last clone; it survives restarts.
type Status struct {
	// Recorded is false on a server that was never a recipient; the rest is then empty.
	Recorded bool
	State    string
	// PID is the connection that runs the CLONE; 0 after a restart.
	PID uint64
	// Alive reports whether the server still lists that connection. In Progress without it is a clone that died.
	Alive bool
	// Begin and End are UTC by the recipient's clock; End is zero while it runs.
	Begin, End time.Time
	// Source is the donor as host:port, as the statement named it.
	Source string
	Errno  uint16
	Error  string
	// GTIDExecuted is the donor's set at the point of the copy; empty until the copy is complete.
	GTIDExecuted string
	Stages       []Stage
}

// Stage is one line of clone_progress.
type Stage struct {
	Name, State string
	// Estimate, Data and Network are bytes: expected, copied, and moved over the network.
	Estimate, Data, Network int64
}

// Running reports whether a clone really runs: it says so, and its session lives.
func (s Status) Running() bool { return s.Recorded && s.State == InProgress && s.PID != 0 && s.Alive }

// StageState is the state of the named stage, NotStarted when there is no such line.
func (s Status) StageState(name string) string {
	for _, stage := range s.Stages {
		if stage.Name == name {
			return stage.State
		}
	}
	return NotStarted
}

// Data says what a clone did to the recipient's data.
type Data string

const (
	// Untouched: nothing was dropped.
	Untouched Data = "untouched"
	// Partial: cut while it dropped; some tables are gone and the GTID set lies unless it was reset before.
	Partial Data = "partial"
	// Empty: everything was dropped and nothing complete came in its place.
	Empty Data = "empty"
	// Whole: the copy is complete.
	Whole Data = "whole"
)

// Data judges by the stages, for a clone that no longer runs.
func (s Status) Data() Data {
	switch {
	case !s.Recorded:
		return Untouched
	case s.State == Completed:
		return Whole
	case s.Errno == node.ErrnoReadOnly:
		return Untouched // DROP DATA shows Failed although super_read_only stopped it before the first drop (measured on 9.7)
	}
	switch s.StageState(StageDropData) {
	case NotStarted:
		return Untouched
	case Completed:
		return Empty
	default:
		return Partial
	}
}

// ReadStatus reads clone_status and clone_progress.
func ReadStatus(ctx context.Context, r node.Reader) (Status, error) {
	const doing = "read the clone's status"
	// The threads are read in the same statement as the PID they are to prove.
	const query = `SELECT c.PID, c.STATE, c.BEGIN_TIME, c.END_TIME, COALESCE(c.SOURCE, ''), COALESCE(c.ERROR_NO, 0), COALESCE(c.ERROR_MESSAGE, ''),
  COALESCE(c.GTID_EXECUTED, ''), EXISTS (SELECT 1 FROM performance_schema.threads t WHERE t.PROCESSLIST_ID = c.PID)
FROM performance_schema.clone_status c ORDER BY c.BEGIN_TIME DESC LIMIT 1`
	var s Status
	err := node.Each(ctx, r, doing, query, nil, func(scan func(...any) error) error {
		s.Recorded = true
		var pid sql.NullInt64
		var begin, end sql.NullTime
		err := scan(&pid, &s.State, &begin, &end, &s.Source, &s.Errno, &s.Error, &s.GTIDExecuted, &s.Alive)
		s.PID, s.Begin, s.End = uint64(pid.Int64), begin.Time, end.Time
		return err
	})
	if node.Number(err) == node.ErrnoNoSuchTable {
		return s, &node.Error{Node: r.Name(), Doing: doing, Number: node.ErrnoNoSuchTable, Err: fmt.Errorf("%w (%w)", ErrNoPlugin, err)}
	}
	if err != nil {
		return s, err
	}
	s.GTIDExecuted = node.CleanGTIDSet(s.GTIDExecuted)
	s.Stages, err = readStages(ctx, r)
	return s, err
}

func readStages(ctx context.Context, r node.Reader) ([]Stage, error) {
	const query = `SELECT STAGE, COALESCE(STATE, ''), COALESCE(ESTIMATE, 0), COALESCE(DATA, 0), COALESCE(NETWORK, 0)
FROM performance_schema.clone_progress ORDER BY ID, BEGIN_TIME IS NULL, BEGIN_TIME`
	var stages []Stage
	err := node.Each(ctx, r, "read the clone's progress", query, nil, func(scan func(...any) error) error {
		var s Stage
		err := scan(&s.Name, &s.State, &s.Estimate, &s.Data, &s.Network)
		stages = append(stages, s)
		return err
	})
	return stages, err
}

// UTCNow is the server's own clock, in UTC: what a later clone's begin is compared with.
func UTCNow(ctx context.Context, r node.Reader) (time.Time, error) {
	var now time.Time
	err := node.One(ctx, r, "read the server's clock", "SELECT UTC_TIMESTAMP(6)", nil, &now)
	return now.UTC(), err
}

// Belongs is nil when the record is that of a completed clone from the donor (host:port as given to the statement) that
// began at or after notBefore, the recipient's own clock as recorded before its erase. Else the error says what does not fit: a
// Completed row alone may be years old, and its ID says nothing (measured on 9.7: always 1).
func Belongs(s Status, donor string, notBefore time.Time) error {
	switch {
	case !s.Recorded:
		return errors.New("the recipient records no clone")
	case s.State != Completed:
		return fmt.Errorf("the recipient's last clone is %s, wanted %s", s.State, Completed)
	case s.Source != donor:
		return fmt.Errorf("the recipient's last clone came from %s, wanted %s", s.Source, donor)
	case s.Begin.Before(notBefore.Truncate(time.Millisecond)): // the record keeps milliseconds
		return fmt.Errorf("the recipient's last clone began at %s, before this run's at %s", s.Begin.Format(time.RFC3339Nano), notBefore.Format(time.RFC3339Nano))
	case s.GTIDExecuted == "":
		return errors.New("the recipient's last clone brought no GTID set")
	}
	return nil
}
