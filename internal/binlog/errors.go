package binlog

import "fmt"

// maxShown bounds GTID sets and a server's words in errors.
const maxShown = 300

func shorten(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return text[:maxShown] + "..."
}

// PurgedError: the node no longer has the binary logs of some of the transactions.
type PurgedError struct {
	Node string
	// GTIDs are those that are gone, of Wanted in all.
	GTIDs  string
	Gone   int64
	Wanted int64
}

func (e *PurgedError) Error() string {
	return fmt.Sprintf("node %s: the binary logs of %d of its %d errant transactions were purged (%s); what these did cannot be read any more: "+
		"look for a copy of the logs, or consent to lose them", e.Node, e.Gone, e.Wanted, shorten(e.GTIDs))
}

// NoBinaryLogError: the node runs without a binary log.
type NoBinaryLogError struct {
	Node   string
	Wanted int64
}

func (e *NoBinaryLogError) Error() string {
	return fmt.Sprintf("node %s: log_bin is OFF, so its %d errant transactions are recorded nowhere; what they did cannot be read: "+
		"consent to lose them", e.Node, e.Wanted)
}

// UnreadableError: the logs are there, and the server or this program cannot read them.
type UnreadableError struct {
	Node string
	// Why is a sentence without any value of a row.
	Why string
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("node %s: its binary logs cannot be read: %s; look at them with mysqlbinlog, or consent to lose what they hold", e.Node, shorten(e.Why))
}

// IncompleteError: what came is not exactly what was asked for.
type IncompleteError struct {
	// Where is the node, or the file that was read.
	Where        string
	Seen, Wanted int64
	// Missing are the GTIDs that did not come; empty when the fault is another, which Why then says.
	Missing string
	Why     string
}

func (e *IncompleteError) Error() string {
	why := e.Why
	if why == "" {
		why = "missing are " + shorten(e.Missing)
	}
	return fmt.Sprintf("%s: %d of %d errant transactions were read whole: %s; try again, and if it stays so, look at the binary logs with mysqlbinlog",
		e.Where, e.Seen, e.Wanted, why)
}
