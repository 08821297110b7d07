package rescue

import (
	"fmt"
	"slices"
	"time"

	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// The files of an entry; there is an events file for each format in which the node wrote its binary logs, usually one.
const (
	manifestFile = "manifest.json"
	textFile     = "changes.jsonl"
	eventsFile   = "events.%06d"
)

// Manifest says what an entry holds.
type Manifest struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	Run     string `json:"run"`
	Node    Server `json:"node"`
	Primary Server `json:"primary"`

	GTIDs        string `json:"gtids"`
	Transactions int64  `json:"transactions"`
	// First and Last are when they were committed, by the node's own clock.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Tables are what became of rows. Statements is how many statements were logged as text: DDL, mostly.
	Tables     []contract.TableChanges `json:"tables"`
	Statements int                     `json:"statements"`
	// OnlyInEvents says what the text and the counts leave out; the events have it.
	OnlyInEvents string `json:"onlyInEvents,omitempty"`

	Files  []File    `json:"files"`
	Look   []string  `json:"look"`
	Replay Replay    `json:"replay"`
	Kept   time.Time `json:"kept"`
}

// Server is one end of the comparison that made the transactions errant.
type Server struct {
	Name       string `json:"name"`
	ServerUUID string `json:"serverUuid"`
	Version    string `json:"version,omitempty"`
}

// File is one file beside the manifest.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Replay is how to apply the transactions to a primary.
type Replay struct {
	Notes []string `json:"notes"`
	// Commands are for a POSIX shell in the entry's folder.
	Commands []string `json:"commands"`
}

const manifestVersion = 1

// instructions fills in how to look at the events and how to replay them.
//
// They are replayed under new GTIDs of the primary (--skip-gtids). The old ones would make a second replay harmless, but could also make
// the first one do nothing, silently: a node that was refilled forgets its own GTIDs and gives the same numbers again to its next errant
// writes, and a primary that has executed those skips whatever else bears their names. A replay that fails loudly is the better one.
//
// undecided is how many XA transactions are among them that were prepared and neither committed nor rolled back, loads how many statements
// load a file, which mysqlbinlog writes beside its output.
func (m *Manifest) instructions(undecided int, loads int64) {
	var events string
	for _, f := range m.Files {
		if f.Name != textFile {
			events += " " + f.Name
		}
	}
	m.Look = []string{"mysqlbinlog --verify-binlog-checksum --base64-output=DECODE-ROWS --verbose" + events}
	fromEvents, toPrimary := "", ""
	if loads > 0 {
		fromEvents, toPrimary = ` --local-load="$LOAD_DIR"`, ` --load-data-local-dir="$LOAD_DIR"`
	}
	m.Replay = Replay{
		Notes: []string{
			"Read changes.jsonl first, or the output of the command under look: what was changed on the primary since may contradict these changes.",
			"The changes become new transactions of the primary, under new GTIDs. Replay them once: a second time they fail, or are there twice.",
			"The replay stops at the first change that does not fit, such as a row that is there already or is gone; what came before it stays.",
			"CLIENT_CNF names an option file with a [client] group: host, port, user and password for the primary. The account needs " +
				"REPLICATION_APPLIER, SESSION_VARIABLES_ADMIN and the privileges for the changes themselves; to define routines, views, triggers " +
				"and events as others, SET_ANY_DEFINER (before 8.2: SET_USER_ID), and SYSTEM_USER if those others hold it.",
			"REPLAY_SQL names a file to be made. It will hold rows: remove it afterwards.",
		},
		Commands: []string{
			"umask 077",
			"mysqlbinlog --verify-binlog-checksum --skip-gtids" + fromEvents + events + ` > "$REPLAY_SQL"`,
			`mysql --defaults-extra-file="$CLIENT_CNF" --binary-mode` + toPrimary + ` < "$REPLAY_SQL"`,
		},
	}
	if loads > 0 {
		m.Replay.Notes = append(m.Replay.Notes, fmt.Sprintf("%d of the statements load a file (LOAD DATA), which the events hold. LOAD_DIR names an empty folder for such files, "+
			"to be removed afterwards; the primary has to have local_infile = ON meanwhile, and the program mysql to be of 8.0.21 or later.", loads))
	}
	if undecided > 0 {
		m.Replay.Notes = append(m.Replay.Notes, fmt.Sprintf("Prepared (XA) and never decided: %d of the transactions. After the replay XA RECOVER shows them on the "+
			"primary, where they hold locks until XA COMMIT or XA ROLLBACK decides each.", undecided))
	}
}

// sameTransactions reports whether both sets have the same transactions; one that cannot be read has not.
func sameTransactions(a, b string) bool {
	left, errLeft := binlog.ParseSet(a)
	right, errRight := binlog.ParseSet(b)
	return errLeft == nil && errRight == nil && left.Equal(right)
}

// of reports whether the entry is the job's.
func (m Manifest) of(job Job) bool {
	return m.Version == manifestVersion && m.Cluster == job.Cluster && m.Run == job.Run && m.Node.Name == job.Node &&
		m.Node.ServerUUID == job.NodeUUID && m.Primary.ServerUUID == job.PrimaryUUID && sameTransactions(m.GTIDs, job.Errant)
}

func (m Manifest) names() []string {
	names := []string{manifestFile}
	for _, f := range m.Files {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}
