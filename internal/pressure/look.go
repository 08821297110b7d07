package pressure

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Counters are one look at a server. All but Running have grown since its start; what happened in a while is the difference of two.
type Counters struct {
	At time.Time
	// Running are the sessions at work (Threads_running), less the one that looks and those that feed clones.
	Running int
	// Statements are how many statements ended within the time that the bucket stands for, in picoseconds: its upper end.
	Statements map[uint64]uint64
	// Syncs are writes of binary and redo log that waited for the disk: what a commit waits for.
	Syncs Waits
	// Acks are commits that waited for a semi-synchronous secondary.
	Acks Waits
	// Unacknowledged are commits that no secondary acknowledged in time.
	Unacknowledged uint64
}

// Waits are how often and how long together.
type Waits struct {
	Count uint64
	Time  time.Duration
}

// Reading is what happened on a server between two looks.
type Reading struct {
	// Unseen says that the server could not be looked at; the rest is then empty.
	Unseen bool
	// Running are the sessions at work at the end.
	Running float64
	// Statement is the time within which 99 of 100 statements ended; 0 when there were too few to say.
	Statement time.Duration
	// Sync is the mean wait for the disk by the logs, Ack that for a semi-synchronous secondary; 0 when there was none.
	Sync, Ack time.Duration
	// Unacknowledged are commits that no secondary acknowledged in time.
	Unacknowledged uint64
}

// A reading takes so many statements or waits for a figure: one slow statement of a monitor is no load, nor is the log that an idle server
// writes once a second.
const (
	fewestStatements = 50
	fewestWaits      = 10
)

// Look reads the counters: the status, two summaries of waits and one of statements from performance_schema (MySQL manual: Statement
// Histogram Summary Tables, File I/O Summary Tables). What the server does not measure stays empty. Time is the server's own except At.
func Look(ctx context.Context, r node.Reader) (Counters, error) {
	c := Counters{Statements: map[uint64]uint64{}}
	// Sessions that feed a clone have the command Clone (measured on 9.7): they are what is steered, not what it disturbs.
	const status = `SELECT VARIABLE_NAME, CAST(VARIABLE_VALUE AS UNSIGNED) FROM performance_schema.global_status WHERE VARIABLE_NAME IN
  ('Threads_running', 'Rpl_semi_sync_source_tx_waits', 'Rpl_semi_sync_source_tx_wait_time', 'Rpl_semi_sync_source_no_tx')
UNION ALL SELECT 'clones', COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_COMMAND = 'Clone'
UNION ALL SELECT 'syncs', COALESCE(SUM(COUNT_MISC), 0) FROM performance_schema.file_summary_by_event_name
  WHERE EVENT_NAME IN ('wait/io/file/sql/binlog', 'wait/io/file/innodb/innodb_log_file')
UNION ALL SELECT 'sync time', COALESCE(SUM(SUM_TIMER_MISC), 0) FROM performance_schema.file_summary_by_event_name
  WHERE EVENT_NAME IN ('wait/io/file/sql/binlog', 'wait/io/file/innodb/innodb_log_file')`
	values := map[string]uint64{}
	err := node.Each(ctx, r, "look how hard it works", status, nil, func(scan func(...any) error) error {
		var name string
		var value uint64
		err := scan(&name, &value)
		values[name] = value
		return err
	})
	if err != nil {
		return c, err
	}
	if _, ok := values["Threads_running"]; !ok {
		return c, &node.Error{Node: r.Name(), Doing: "look how hard it works", Err: fmt.Errorf("performance_schema.global_status names no Threads_running")}
	}
	c.Running = max(int(values["Threads_running"])-int(values["clones"])-1, 0)
	c.Syncs = Waits{values["syncs"], picoseconds(values["sync time"])}
	c.Acks = Waits{values["Rpl_semi_sync_source_tx_waits"], time.Duration(values["Rpl_semi_sync_source_tx_wait_time"]) * time.Microsecond}
	c.Unacknowledged = values["Rpl_semi_sync_source_no_tx"]
	const statements = "SELECT BUCKET_TIMER_HIGH, COUNT_BUCKET FROM performance_schema.events_statements_histogram_global WHERE COUNT_BUCKET > 0"
	err = node.Each(ctx, r, "look how long statements take", statements, nil, func(scan func(...any) error) error {
		var high, count uint64
		err := scan(&high, &count)
		c.Statements[high] = count
		return err
	})
	c.At = time.Now()
	return c, err
}

func picoseconds(n uint64) time.Duration { return time.Duration(n / 1000) }

// Since is what happened between an earlier look and this one. A server that was started anew meanwhile, or whose counters somebody
// set to zero, says nothing of what falls behind.
func (c Counters) Since(before Counters) Reading {
	r := Reading{Running: float64(c.Running)}
	r.Statement = percentile(before.Statements, c.Statements, 99)
	r.Sync = mean(before.Syncs, c.Syncs)
	r.Ack = mean(before.Acks, c.Acks)
	if c.Unacknowledged > before.Unacknowledged {
		r.Unacknowledged = c.Unacknowledged - before.Unacknowledged
	}
	return r
}

func mean(before, after Waits) time.Duration {
	if after.Count < before.Count+fewestWaits || after.Time < before.Time {
		return 0
	}
	return (after.Time - before.Time) / time.Duration(after.Count-before.Count)
}
