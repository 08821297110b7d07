package check

import (
	"fmt"
	"strconv"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// binaryLogsLast: a copy can follow only while the primary still has what was written since it began. When a log file goes is known by the
// settings alone; how old the oldest is, no server tells over SQL.
var binaryLogsLast = Check{
	Code:         "binary-logs-last",
	Wanted:       "the primary keeps its binary logs for longer than a copy takes",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p, estimate := o.PrimaryWith(partSettings), Estimate(o, 1)
		if p == nil || estimate == nil {
			return nil
		}
		var all []contract.Finding
		kept, purges := p.logsKept()
		copyTime := estimate.Copy.Std()
		if purges && kept < 2*copyTime {
			all = append(all, found(severity(kept < copyTime), p.Node,
				fmt.Sprintf("binary logs are kept for %s, and a copy takes about %s: %s", lasting(kept), copyTime, estimate.Basis),
				"at least "+(2*copyTime).String(), fmt.Sprintf("SET PERSIST binlog_expire_logs_seconds = %d;", int64(max(24*time.Hour, 4*copyTime)/time.Second))))
		}
		if space, err := strconv.ParseInt(p.Value("binlog_space_limit"), 10, 64); err == nil && space > 0 {
			all = append(all, warns(p.Node, "binlog_space_limit = "+bytesText(space)+": binary logs go as soon as they take more, whatever their age", "binlog_space_limit = 0",
				"make sure that the writes of "+copyTime.String()+" fit"))
		}
		return all
	},
}

// logsKept is how long the server keeps a binary log file after its last write; purges is false when it removes none by itself (MySQL
// manual: binlog_expire_logs_seconds, binlog_expire_logs_auto_purge; before 8.4 also expire_logs_days).
func (o *Observation) logsKept() (kept time.Duration, purges bool) {
	if o.Has("binlog_expire_logs_auto_purge") && !o.On("binlog_expire_logs_auto_purge") {
		return 0, false
	}
	seconds, _ := strconv.ParseInt(o.Value("binlog_expire_logs_seconds"), 10, 64)
	if days, _ := strconv.ParseInt(o.Value("expire_logs_days"), 10, 64); days > 0 {
		seconds = days * 24 * 60 * 60
	}
	return time.Duration(seconds) * time.Second, seconds > 0
}
