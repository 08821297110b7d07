package channel

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Note is the default channel as it is configured, without its password. RESET REPLICA ALL forgets every bit of it.
type Note struct {
	// Configured is false when the server has no default channel; the rest is then empty.
	Configured bool   `json:"configured"`
	Host       string `json:"host,omitempty"`
	Port       int    `json:"port,omitempty"`
	User       string `json:"user,omitempty"`
	// AutoPosition is always set by Follow, whatever it was.
	AutoPosition bool `json:"autoPosition"`
	// Options by their name in CHANGE REPLICATION SOURCE, values as the server shows them (switches as 0 or 1).
	Options map[string]string `json:"options,omitempty"`
	Filters []Filter          `json:"filters,omitempty"`
	// IO and SQL say which threads had been started; one that was only trying to connect counts.
	IO  bool `json:"io"`
	SQL bool `json:"sql"`
	// AssignGTIDs is ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS when it was not OFF. It excludes auto position, so Follow does not put
	// it back: see Unkept.
	AssignGTIDs string `json:"assignGtids,omitempty"`
	// IgnoreServerIDs is IGNORE_SERVER_IDS from a time before GTIDs. With gtid_mode=ON it is refused (3139, measured on 9.7), so Follow
	// does not put it back.
	IgnoreServerIDs string `json:"ignoreServerIds,omitempty"`
}

// DelaySeconds is the noted SOURCE_DELAY.
func (n Note) DelaySeconds() string {
	if d := n.Options[optionDelay]; d != "" {
		return d
	}
	return "0"
}

// Unkept names, for the plan, what Follow will not put back.
func (n Note) Unkept() []string {
	var unkept []string
	if n.Configured && !n.AutoPosition {
		unkept = append(unkept, "SOURCE_AUTO_POSITION was 0 and becomes 1")
	}
	if n.AssignGTIDs != "" {
		unkept = append(unkept, "ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS was "+n.AssignGTIDs+" and becomes OFF")
	}
	if n.IgnoreServerIDs != "" {
		unkept = append(unkept, "IGNORE_SERVER_IDS was ("+n.IgnoreServerIDs+") and becomes ()")
	}
	return unkept
}

// Take notes the default channel. It reads performance_schema only: mysql.slave_master_info holds the password in clear text.
func Take(ctx context.Context, r node.Reader) (Note, error) {
	const doing = "note the replication channel"
	note := Note{Options: map[string]string{}}
	connection, err := node.Table(ctx, r, doing, "SELECT * FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''")
	if err != nil || len(connection) == 0 {
		return Note{}, err
	}
	applier, err := node.Table(ctx, r, doing, "SELECT * FROM performance_schema.replication_applier_configuration WHERE CHANNEL_NAME = ''")
	if err != nil {
		return Note{}, err
	}
	if len(applier) == 0 {
		return Note{}, node.Wrap(r.Name(), doing, fmt.Errorf("the default channel has no applier configuration"))
	}
	status, err := node.Table(ctx, r, doing, "SHOW REPLICA STATUS FOR CHANNEL ''")
	if err != nil {
		return Note{}, err
	}
	if len(status) == 0 || status[0]["Source_Host"] == "" && connection[0]["HOST"] == "" {
		return Note{}, nil // RESET REPLICA ALL can leave an empty shell of the default channel
	}
	note.Configured = true
	note.Host, note.User = connection[0]["HOST"], connection[0]["USER"]
	if _, err := fmt.Sscan(connection[0]["PORT"], &note.Port); err != nil {
		return Note{}, node.Wrap(r.Name(), doing, fmt.Errorf("port %q: %w", connection[0]["PORT"], err))
	}
	note.AutoPosition = node.IsOn(connection[0]["AUTO_POSITION"])
	collect(note.Options, connection[0], connectionOptions)
	collect(note.Options, applier[0], applierOptions)
	note.IgnoreServerIDs = status[0]["Replicate_Ignore_Server_Ids"]
	if kind := applier[0]["ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS_TYPE"]; kind != "" && kind != "OFF" {
		note.AssignGTIDs = kind
		if value := applier[0]["ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS_VALUE"]; value != "" {
			note.AssignGTIDs += " " + value
		}
	}
	note.IO, note.SQL = status[0]["Replica_IO_Running"] != "No", status[0]["Replica_SQL_Running"] == "Yes"
	note.Filters, err = readFilters(ctx, r)
	return note, err
}
