package proof

import (
	"cmp"
	"database/sql"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Side is one server of a proof.
type Side struct {
	// Name is the node's name in messages and results.
	Name string
	// DB connects as the admin account. Run takes two connections of it at a time.
	DB *sql.DB
	// Rows is how Options.Streams connections for rows are opened, as the same account. It holds the password. TLS is by its field TLS, not
	// by name.
	Rows *mysql.Config
	// Service is the declared state of a secondary; nil compares with none.
	Service *ServiceExpected
}

// Options of a Run. The zero value is good.
type Options struct {
	// Streams is how many tables or ranges are read at the same time, each with one connection per server. Default 2.
	Streams int
	// SkipRows leaves the row layer out: the proof then says nothing about rows, and says so.
	SkipRows bool
	// CatchUp bounds the wait for a secondary to apply what the primary has executed. Default 10 minutes.
	CatchUp time.Duration
	// MaxPause bounds how long the applier may stand still while a moment without a commit in flight is looked for on the primary.
	// Default 2 seconds.
	MaxPause time.Duration
	// PairTries is how many such searches are made before ErrNoPair. Default 5.
	PairTries int
	// LockFallback allows FLUSH TABLES WITH READ LOCK on the primary, for the time that Streams snapshots take, when no search
	// succeeded. It is refused while a statement runs there that it would have to wait for.
	LockFallback bool
	// ServerSide has each server hash its own rows, and sends digests instead of rows: for links on which the rows would take longer than
	// the hashing, which costs the servers about 2.4 times the processor time. Rows travel only where digests differ.
	ServerSide bool
	// SnapshotAge is when a snapshot is given up for a new one, so that the servers may purge old row versions. Default 10 minutes.
	SnapshotAge time.Duration
	// BytesPerSecond limits what is read from the primary, counted in bytes of rows as they travel; with ServerSide, where
	// they stay on the server, in bytes of storage. 0 is no limit.
	BytesPerSecond int64
	// BusyThreads slows the proof down to a block a second and stream while more sessions than this are at work on the primary
	// (Threads_running, without the proof's own). Default 64; negative is no limit.
	BusyThreads int
	// Listed bounds the differences that are listed per layer and secondary; they are counted all the same. Default 100.
	Listed int
	// HideKeys withholds the keys of differing rows: they are data.
	HideKeys bool
	// ShowValues adds the differing columns' values, cut to 64 characters.
	ShowValues bool
	// IgnoreAccounts are names ('user'@'host' as the server writes it: user@host) that are not compared.
	IgnoreAccounts []string
	// Clone is what the record of the secondary's last clone must be, for a secondary that was refilled in this run; nil leaves that
	// layer out. The pool must then have been opened with parseTime.
	Clone *CloneExpected
	// Lost is told of every secondary that drops out, by its place among those given, and why; of all that are left as well when a Run
	// fails because of them alone. It may be told twice; nil tells nobody.
	Lost func(secondary int, why error)
	// Resume is the Progress.Resume of an earlier attempt with the same servers; what it says is done is not read again.
	Resume []byte

	sizes sizes
}

// sizes decide how the reading is cut up. They change no result; tests make them small.
type sizes struct {
	// blockRows bounds a block whose rows are small.
	blockRows int
	// rangeRows is about how many rows a range of a large table has, at most. It is what a proof that was cut off reads again.
	rangeRows int64
	// shareRows is the size from which a table is cut for the sake of the streams' balance; 0 is none.
	shareRows int64
	// resumeRows is the size from which a table's finished units are worth a place in the resume token: smaller ones are read again,
	// and the token stays small with ten thousand tables.
	resumeRows int64
	// history gives a pair up when the primary's history list has grown by more than this, in transactions not yet purged, while its
	// snapshots were held; 0 is historyDefault.
	history int64
	// look is how often the cost to others is looked at, and how long DDL may wait behind one statement of ours; 0 is lookDefault.
	// Blocks are shorter; a table without a key is read in one statement. Behind a reading through it waits for lockHold.
	look time.Duration
	// batch is the number of small tables from which they are batched; 0 is batchDefault.
	batch int
}

const (
	historyDefault = 500_000
	lookDefault    = time.Second
	batchDefault   = 256
)

func (z sizes) historyLimit() int64      { return cmp.Or(z.history, historyDefault) }
func (z sizes) batchFrom() int           { return cmp.Or(z.batch, batchDefault) }
func (z sizes) lookEvery() time.Duration { return cmp.Or(z.look, lookDefault) }

func (o Options) withDefaults() Options {
	if o.Streams <= 0 {
		o.Streams = 2
	}
	if o.CatchUp <= 0 {
		o.CatchUp = 10 * time.Minute
	}
	if o.MaxPause <= 0 {
		o.MaxPause = 2 * time.Second
	}
	if o.PairTries <= 0 {
		o.PairTries = 5
	}
	if o.SnapshotAge <= 0 {
		o.SnapshotAge = 10 * time.Minute
	}
	if o.BusyThreads == 0 {
		o.BusyThreads = 64
	}
	if o.Listed <= 0 {
		o.Listed = 100
	}
	if o.sizes == (sizes{}) {
		o.sizes = sizes{blockRows: 200_000, rangeRows: 8_000_000, shareRows: 500_000, resumeRows: 50_000}
		if o.ServerSide || o.BytesPerSecond > 0 { // a range takes its time
			o.sizes.rangeRows = 500_000
		}
	}
	return o
}

// Progress says how far a Run is.
type Progress struct {
	// Stage is clone, gtids, schema, accounts, settings, rows, confirm or service.
	Stage string `json:"stage"`
	// Rows and Bytes of the primary that were compared so far; RowsEstimate is the server's own, often wrong, count of all.
	Rows         int64 `json:"rows"`
	Bytes        int64 `json:"bytes"`
	RowsEstimate int64 `json:"rowsEstimate"`
	TablesDone   int64 `json:"tablesDone"`
	Tables       int64 `json:"tables"`
	// Table was begun last.
	Table string `json:"table,omitempty"`
	// Suspicions are blocks that differed and have not been looked at again yet.
	Suspicions int64 `json:"suspicions"`
	// Resume goes into Options.Resume of the next attempt.
	Resume []byte `json:"resume,omitempty"`
}
