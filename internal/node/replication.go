package node

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Channel is the state of one replication channel of a replica, from SHOW REPLICA STATUS read by column name and, for
// what the workers said, from performance_schema.
type Channel struct {
	Name       string // "" is the default channel
	SourceHost string
	SourcePort int
	SourceUUID string // empty until the first connection
	SourceUser string

	// IO is "Yes", "No" or "Connecting", as the server says it.
	IO      string
	SQL     bool // the applier's coordinator runs
	IOState string
	IOErrno int
	IOError string
	// SQLErrno and SQLError are the coordinator's; Workers has what it only points at.
	SQLErrno int
	SQLError string
	Workers  []WorkerError // in the order in which they stopped: the later ones are often the first one's consequence

	AutoPosition bool
	// LagSeconds is nil when the server does not know (a thread is stopped).
	LagSeconds   *int64
	DelaySeconds int
	Retrieved    string // GTIDs received into the relay log
	Executed     string // GTIDs executed by the server, all channels
	Until        string // the UNTIL condition the applier runs under, "None" or empty without one
	TLS          bool

	// Filters by their name as SHOW REPLICA STATUS has it (Replicate_Do_DB ...), only those that are set.
	Filters map[string]string
}

// IORunning reports whether the receiver is connected to its source.
func (c Channel) IORunning() bool { return c.IO == "Yes" }

// Running reports whether both threads do their work.
func (c Channel) Running() bool { return c.IORunning() && c.SQL }

// ApplierFailure is the error by which the applier stopped, if there is one. A worker's is more exact than the coordinator's, who only
// points at it. It stands in the status until a started applier has got going.
func (c Channel) ApplierFailure() (WorkerError, bool) {
	if len(c.Workers) > 0 {
		return c.Workers[0], true
	}
	return WorkerError{Errno: c.SQLErrno, Text: c.SQLError}, c.SQLErrno != 0
}

// Trouble says what keeps the channel from going on, errors before threads that merely stand still; empty if nothing does. A receiver
// that is connecting and has not failed yet is no trouble.
func (c Channel) Trouble() string {
	if failure, failed := c.ApplierFailure(); failed {
		return fmt.Sprintf("applier stopped by error %d: %s", failure.Errno, failure.Text)
	}
	switch {
	case c.IOErrno != 0 && c.IO == "No":
		return fmt.Sprintf("receiver stopped by error %d: %s", c.IOErrno, c.IOError)
	case c.IOErrno != 0 && !c.IORunning():
		return fmt.Sprintf("receiver cannot connect, error %d: %s", c.IOErrno, c.IOError)
	case !c.SQL && c.IO == "No":
		return "replication stopped"
	case !c.SQL:
		return "applier stopped"
	case c.IO == "No":
		return "receiver stopped"
	}
	return ""
}

// WorkerError is what made an applier worker stop.
type WorkerError struct {
	Worker int
	Errno  int
	Text   string
	GTID   string
}

// Replication reads every channel of the server; none means it replicates from nobody.
func (n *Node) Replication(ctx context.Context) ([]Channel, error) { return ReadReplication(ctx, n) }

// ReadReplication is Node.Replication for any Reader. A channel without a source is none: RESET REPLICA ALL can leave such an empty
// shell of the default channel.
func ReadReplication(ctx context.Context, r Reader) ([]Channel, error) {
	rows, err := Table(ctx, r, "read the replication status", "SHOW REPLICA STATUS")
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	channels := make([]Channel, 0, len(rows))
	for _, row := range rows {
		if c := channelOf(row); c.SourceHost != "" {
			channels = append(channels, c)
		}
	}
	return channels, addWorkerErrors(ctx, r, channels)
}

func channelOf(row Row) Channel {
	number := func(name string) int { n, _ := strconv.Atoi(row[name]); return n }
	c := Channel{
		Name:       row["Channel_Name"],
		SourceHost: row["Source_Host"], SourcePort: number("Source_Port"),
		SourceUUID: row["Source_UUID"], SourceUser: row["Source_User"],
		IO: row["Replica_IO_Running"], SQL: row["Replica_SQL_Running"] == "Yes", IOState: row["Replica_IO_State"],
		IOErrno: number("Last_IO_Errno"), IOError: row["Last_IO_Error"],
		SQLErrno: number("Last_SQL_Errno"), SQLError: row["Last_SQL_Error"],
		AutoPosition: row["Auto_Position"] == "1", DelaySeconds: number("SQL_Delay"),
		Retrieved: CleanGTIDSet(row["Retrieved_Gtid_Set"]), Executed: CleanGTIDSet(row["Executed_Gtid_Set"]),
		Until: row["Until_Condition"], TLS: row["Source_SSL_Allowed"] == "Yes",
		Filters: map[string]string{},
	}
	if lag, err := strconv.ParseInt(row["Seconds_Behind_Source"], 10, 64); err == nil {
		c.LagSeconds = &lag
	}
	for name, value := range row {
		if strings.HasPrefix(name, "Replicate_") && name != "Replicate_Ignore_Server_Ids" && value != "" {
			c.Filters[name] = value
		}
	}
	return c
}

func addWorkerErrors(ctx context.Context, r Reader, channels []Channel) error {
	const query = `SELECT CHANNEL_NAME, WORKER_ID, LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE, APPLYING_TRANSACTION
FROM performance_schema.replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER <> 0
ORDER BY LAST_ERROR_TIMESTAMP, WORKER_ID`
	return Each(ctx, r, "read the appliers' errors", query, nil, func(scan func(...any) error) error {
		var name string
		var w WorkerError
		if err := scan(&name, &w.Worker, &w.Errno, &w.Text, &w.GTID); err != nil {
			return err
		}
		for i := range channels {
			if channels[i].Name == name {
				channels[i].Workers = append(channels[i].Workers, w)
			}
		}
		return nil
	})
}

// Downstream is a server that registered itself as a replica of this one.
type Downstream struct {
	ServerID uint32
	UUID     string
	Host     string // as the replica reports it (report_host); often empty
	Port     int
}

func (d Downstream) String() string {
	return fmt.Sprintf("server %d (uuid %s, host %q)", d.ServerID, d.UUID, d.Host)
}

// ReadDownstreams lists the servers that registered with this one as its replicas. Needs REPLICATION SLAVE.
func ReadDownstreams(ctx context.Context, r Reader) ([]Downstream, error) {
	rows, err := Table(ctx, r, "list the servers that replicate from it", "SHOW REPLICAS")
	if err != nil {
		return nil, err
	}
	var all []Downstream
	for _, row := range rows {
		// What is no number is 0, a server_id that no replica can have.
		id, _ := strconv.ParseUint(row["Server_Id"], 10, 32)
		port, _ := strconv.Atoi(row["Port"])
		all = append(all, Downstream{ServerID: uint32(id), UUID: row["Replica_UUID"], Host: row["Host"], Port: port})
	}
	return all, nil
}
