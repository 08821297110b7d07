package node

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// LockName is the server's named lock that a claim holds. It is bound to the server, not to a name in an inventory, so that
// two names for one server meet. GET_LOCK allows 64 characters; this has 50.
func LockName(serverUUID string) string { return "clusterresync/" + serverUUID }

const (
	defaultLockWait = 60 * time.Second
	lockPoll        = 50 * time.Millisecond
	releaseTimeout  = 3 * time.Second
)

// ClaimOptions says for whom and under which conditions a server is claimed.
type ClaimOptions struct {
	// ExpectUUID is the approved node's server_uuid.
	ExpectUUID string
	// Primary reads the primary's server_uuid anew from the primary itself. Without it a claim cannot be used to destroy:
	// Confirm refuses.
	Primary func(ctx context.Context) (string, error)
	// ExpectPrimaryUUID is the approved primary's server_uuid.
	ExpectPrimaryUUID string
	// StillCurrent fails when the caller has been replaced by a later attempt. It must ask whoever starts attempts, not a
	// local clock or flag: it is what stops a process that was frozen and woken. Required.
	StillCurrent func(ctx context.Context) error
	// Cluster and Run are shown to others in the connection's attributes. Cluster is required: a holder that bears another
	// one is never killed.
	Cluster, Run string
	// OnStatement, if not nil, hears every statement that Exec is about to send, without its arguments: an audit trail.
	OnStatement func(doing, statement string)
	// LockWait bounds the wait for an earlier holder to be gone; 0 means 60 s.
	LockWait time.Duration
}

// Claim is the one connection on which statements that destroy run (invariant I5).
//
// It holds the server's named lock. Whoever claims next kills this connection's session and waits until the server has let
// go of the lock, which the server does only when the session has ended and with it the statement it ran. So from the moment
// another claim stands, nothing that this one still sends can take effect: not after a pause of the process, not after a
// partition, not from a buffer on the way. For that to hold the connection is never opened again: the first failure of the
// connection is final, and every later call returns ErrClaimLost.
//
// A Claim is safe for concurrent use; statements run one after another.
type Claim struct {
	name    string
	options ClaimOptions
	lock    string
	id      uint64
	version Version
	pool    *sql.DB
	conn    *sql.Conn

	mu   sync.Mutex
	lost error // the first failure of the connection
}

// ErrClaimLost: the claimed connection is gone, or was taken by a later attempt. Nothing more may be done under it.
var ErrClaimLost = errors.New("the claimed connection is lost; it is never opened again within an attempt")

// Claim takes the server for this attempt; see Claim. Errors to tell apart: *CloneRunningError (join it),
// *HeldByOtherError, *WrongServerError, *PrimaryChangedError, *LockHeldError, and whatever StillCurrent returned.
func (n *Node) Claim(ctx context.Context, o ClaimOptions) (*Claim, error) {
	if o.ExpectUUID == "" || o.StillCurrent == nil || o.Cluster == "" {
		return nil, &Error{Node: n.Name(), Doing: "claim the server", Err: errors.New("a claim needs ExpectUUID, StillCurrent and Cluster")}
	}
	if o.LockWait <= 0 {
		o.LockWait = defaultLockWait
	}
	// A pool of its own with one connection: nobody else's statement can end up on it, and its attributes say whose it is.
	config, err := n.endpoint.config(map[string]string{AttributeCluster: o.Cluster, AttributeRun: o.Run})
	if err != nil {
		return nil, err
	}
	pool, err := openPool(n.endpoint, config)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		_ = pool.Close()
		return nil, Wrap(n.Name(), "connect to claim the server", err)
	}
	c := &Claim{name: n.Name(), options: o, lock: LockName(o.ExpectUUID), pool: pool, conn: conn}
	if err := c.take(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Claim) take(ctx context.Context) error {
	// A claim may be idle while its holder waits for another server; this one must not end it for that.
	if err := c.Exec(ctx, "keep the session", "SET SESSION wait_timeout = 604800"); err != nil {
		return err
	}
	if err := c.identify(ctx); err != nil {
		return err
	}
	if err := c.takeLock(ctx); err != nil {
		return err
	}
	return c.prove(ctx)
}

// identify is asked before the lock and before any KILL: even a KILL must not hit the wrong server.
func (c *Claim) identify(ctx context.Context) error {
	id, err := ReadIdentity(ctx, c)
	if err != nil {
		return err
	}
	c.version = id.Version
	if err := One(ctx, c, "read the connection's ID", "SELECT CONNECTION_ID()", nil, &c.id); err != nil {
		return err
	}
	return c.compareIdentity(id.UUID)
}

func (c *Claim) compareIdentity(uuid string) error {
	if uuid != c.options.ExpectUUID {
		return &WrongServerError{Node: c.name, Saw: uuid, Want: c.options.ExpectUUID}
	}
	if uuid == c.options.ExpectPrimaryUUID {
		return &WrongServerError{Node: c.name, Saw: uuid, Want: c.options.ExpectUUID, IsPrimary: true}
	}
	return nil
}

// prove is what stands between the lock and the first statement: is the attempt still the current one, is this the server,
// and is the primary, read from itself, still the one that was approved.
func (c *Claim) prove(ctx context.Context) error {
	if err := c.options.StillCurrent(ctx); err != nil {
		return err
	}
	var holder sql.NullInt64
	var uuid string
	if err := One(ctx, c, "verify the claim", "SELECT IS_USED_LOCK(?), @@server_uuid", []any{c.lock}, &holder, &uuid); err != nil {
		return err
	}
	if !holder.Valid || uint64(holder.Int64) != c.id {
		return c.markLost("verify the claim", fmt.Errorf("the named lock %s is held by connection %d, not by this one (%d)", c.lock, holder.Int64, c.id))
	}
	if err := c.compareIdentity(uuid); err != nil {
		return err
	}
	if c.options.Primary == nil {
		return nil
	}
	primary, err := c.options.Primary(ctx)
	if err != nil {
		return fmt.Errorf("read the primary's identity beside node %s: %w", c.name, err)
	}
	if primary == uuid {
		return &WrongServerError{Node: c.name, Saw: uuid, Want: c.options.ExpectUUID, IsPrimary: true}
	}
	if primary != c.options.ExpectPrimaryUUID {
		return &PrimaryChangedError{Node: c.name, Saw: primary, Want: c.options.ExpectPrimaryUUID}
	}
	return nil
}

// Confirm repeats, just before something is destroyed, everything that the claim was taken under. It refuses a claim that
// was taken without reading the primary.
func (c *Claim) Confirm(ctx context.Context) error {
	if c.options.Primary == nil || c.options.ExpectPrimaryUUID == "" {
		return &Error{Node: c.name, Doing: "confirm the claim", Err: errors.New("the claim was taken without reading the primary; nothing may be destroyed under it")}
	}
	return c.prove(ctx)
}

// Name is the node's name.
func (c *Claim) Name() string { return c.name }

// ConnectionID is the server's number for the claimed connection; good until the server restarts.
func (c *Claim) ConnectionID() uint64 { return c.id }

// Version is the server's version.
func (c *Claim) Version() Version { return c.version }

// Exec runs one statement on the claimed connection. The outcome of a statement during which ctx ends is unknown, and the
// claim is lost with it: the driver can only drop the connection.
func (c *Claim) Exec(ctx context.Context, doing, query string, args ...any) error {
	return c.judge(doing, c.exec(ctx, doing, query, args))
}

// ExecSecret is Exec for a statement that holds secrets: what the server quotes of it is scrubbed. Secrets go into args, so
// that OnStatement does not hear them.
func (c *Claim) ExecSecret(ctx context.Context, doing string, secrets []string, query string, args ...any) error {
	return c.judge(doing, scrub(c.exec(ctx, doing, query, args), secrets...))
}

func (c *Claim) exec(ctx context.Context, doing, query string, args []any) error {
	if err := c.Lost(); err != nil {
		return err
	}
	if c.options.OnStatement != nil {
		c.options.OnStatement(doing, query)
	}
	_, err := c.conn.ExecContext(ctx, query, args...)
	return err
}

// Query implements Reader on the claimed connection.
func (c *Claim) Query(ctx context.Context, doing, query string, args ...any) (*sql.Rows, error) {
	if err := c.Lost(); err != nil {
		return nil, err
	}
	rows, err := c.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, c.judge(doing, err)
	}
	return rows, nil
}

// Lost is nil while the claim stands, else an error that is ErrClaimLost.
func (c *Claim) Lost() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

func (c *Claim) judge(doing string, err error) error {
	if err == nil || errors.Is(err, ErrClaimLost) {
		return err
	}
	if class := Classify(err); class == ClassConnectionLost || class == ClassCancelled {
		return c.markLost(doing, err)
	}
	return Wrap(c.name, doing, err)
}

func (c *Claim) markLost(doing string, cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	class := Classify(cause)
	if class != ClassCancelled {
		class = ClassConnectionLost
	}
	err := &Error{Node: c.name, Doing: doing, Number: Number(cause), Class: class, Err: fmt.Errorf("%w: %w", ErrClaimLost, cause)}
	if c.lost == nil {
		c.lost = err
	}
	return err
}

// Abandon drops the connection without a word to the server. A CLONE that runs on it goes on to its end and keeps the lock
// until then (measured on 9.7); any other statement is ended by the server when it notices.
func (c *Claim) Abandon() {
	_ = c.markLost("abandon the claim", mysql.ErrInvalidConn)
	_ = c.conn.Raw(func(driverConn any) error {
		if closer, ok := driverConn.(interface{ Close() error }); ok {
			_ = closer.Close()
		}
		return nil
	})
	_ = c.conn.Close()
	_ = c.pool.Close()
}

// Close releases the lock and the connection. It may be called more than once.
func (c *Claim) Close() {
	if c.Lost() == nil {
		ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
		_ = c.Exec(ctx, "release the claim", "DO RELEASE_ALL_LOCKS()")
		cancel()
	}
	_ = c.markLost("use a closed claim", sql.ErrConnDone)
	_ = c.conn.Close()
	_ = c.pool.Close()
}
