package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/clusterresync/clusterresync/internal/sandbox/netfault"
	"github.com/clusterresync/clusterresync/internal/sandbox/process"
)

// Node is one MySQL server of a sandbox.
type Node struct {
	// Name in the inventory.
	Name string
	// WorkerLink and PeerLink are the breakable links before the node, nil
	// unless NodeOptions.Links asked for them.
	WorkerLink, PeerLink *netfault.Link

	state  nodeState
	dir    string
	root   Account
	keeper process.Keeper

	mu sync.Mutex
	db *sql.DB
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Address is the server's own address, past every link.
func (n *Node) Address() string { return loopback(n.state.Port) }

// WorkerAddress is how the worker reaches the node.
func (n *Node) WorkerAddress() string { return loopback(n.state.WorkerPort) }

// PeerAddress is how other nodes reach the node.
func (n *Node) PeerAddress() string { return loopback(n.state.PeerPort) }

// PeerPort is the port of PeerAddress.
func (n *Node) PeerPort() int { return n.state.PeerPort }

// Supervision says what starts the server again.
func (n *Node) Supervision() Supervision { return n.state.Supervision }

// DataDir is the server's data directory.
func (n *Node) DataDir() string { return filepath.Join(n.dir, "data") }

// ErrorLog is the path of the server's error log.
func (n *Node) ErrorLog() string { return filepath.Join(n.dir, "error.log") }

// OptionFile is the path of the server's option file, read at each start.
func (n *Node) OptionFile() string { return filepath.Join(n.dir, "my.cnf") }

// ReadErrorLog returns the whole error log, "" when there is none yet.
func (n *Node) ReadErrorLog() (string, error) {
	content, err := os.ReadFile(n.ErrorLog())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("node %s: read the error log: %w", n.Name, err)
	}
	return string(content), nil
}

// Config is a driver configuration for account at the node's own address.
func (n *Node) Config(account Account) *mysql.Config {
	config := mysql.NewConfig()
	config.User, config.Passwd = account.User, account.Password.Reveal()
	config.Net, config.Addr = "tcp", n.Address()
	config.Timeout = 5 * time.Second
	config.ParseTime = true
	config.InterpolateParams = true
	config.Logger = &mysql.NopLogger{} // a server that restarts is no news here
	return config
}

// RootConfig is the Config of root.
func (n *Node) RootConfig() *mysql.Config { return n.Config(n.root) }

// Open opens a pool for account. The caller closes it.
func (n *Node) Open(account Account) (*sql.DB, error) {
	connector, err := mysql.NewConnector(n.Config(account))
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", n.Name, err)
	}
	return sql.OpenDB(connector), nil
}

// DB is root's pool, which the sandbox closes.
func (n *Node) DB() (*sql.DB, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.db == nil {
		db, err := n.Open(n.root)
		if err != nil {
			return nil, err
		}
		n.db = db
	}
	return n.db, nil
}

// Exec runs statements as root, one after another on one connection, which is
// then given up with all that was set on it.
func (n *Node) Exec(ctx context.Context, statements ...string) error {
	db, err := n.DB()
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("node %s: connect: %w", n.Name, err)
	}
	defer func() {
		// ErrBadConn makes the pool close the connection instead of keeping it.
		_ = conn.Raw(func(any) error { return errDiscard })
		_ = conn.Close()
	}()
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			verb, _, _ := strings.Cut(statement, " ") // the rest may hold a password
			return fmt.Errorf("node %s: %s: %w", n.Name, verb, err)
		}
	}
	return nil
}

// QueryString asks, as root, for one row of one column.
func (n *Node) QueryString(ctx context.Context, query string, arguments ...any) (string, error) {
	db, err := n.DB()
	if err != nil {
		return "", err
	}
	var value sql.NullString
	if err := db.QueryRowContext(ctx, query, arguments...).Scan(&value); err != nil {
		return "", fmt.Errorf("node %s: %w", n.Name, err)
	}
	return value.String, nil
}

// Start starts a server that does not run, and returns before it is ready.
func (n *Node) Start() error {
	if err := n.keeper.Start(); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// Stop shuts the server down cleanly and keeps it down, whatever its
// supervision, until Start. A server that takes longer than a minute is killed.
func (n *Node) Stop(ctx context.Context) error {
	if err := n.keeper.Stop(ctx, time.Minute); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// Kill9 kills the server as a crash would; its supervision then does what it
// does.
func (n *Node) Kill9() error { return n.signal(syscall.SIGKILL) }

// Kill9AndStayDown kills the server as a crash of the machine would: it stays
// down until Start.
func (n *Node) Kill9AndStayDown(ctx context.Context) error {
	if err := n.keeper.Hold(); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	if err := n.keeper.Stop(ctx, 0); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// Freeze stops the server in its tracks until Thaw: connections stay and get
// no answer.
func (n *Node) Freeze() error {
	if err := n.keeper.Freeze(); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// Thaw lets a frozen server go on.
func (n *Node) Thaw() error { return n.signal(syscall.SIGCONT) }

// Restart stops the server cleanly, starts it, and waits until it is ready.
func (n *Node) Restart(ctx context.Context) error {
	if err := n.Stop(ctx); err != nil {
		return err
	}
	if err := n.Start(); err != nil {
		return err
	}
	return n.WaitReady(ctx)
}

// Running tells whether the server's process runs now.
func (n *Node) Running() bool {
	_, err := n.keeper.Server()
	return err == nil
}

// PID is the server's process ID, 0 when it does not run.
func (n *Node) PID() int {
	server, err := n.keeper.Server()
	if err != nil {
		return 0
	}
	return server.PID
}

// Exits are the exit codes of the server's ends so far: 0 after a clean
// shutdown, 16 when it asked for a restart, 137 after kill -9.
func (n *Node) Exits() ([]int, error) { return n.keeper.Exits() }

// Ping asks the server for an answer in its own protocol.
func (n *Node) Ping(ctx context.Context) error {
	db, err := n.Open(n.root)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// WaitReady waits until the server answers in its own protocol. It gives up
// when ctx ends, or when neither server nor keeper runs, and then says what the
// error log said.
func (n *Node) WaitReady(ctx context.Context) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := n.Ping(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if !n.keeper.Running() {
			return fmt.Errorf("node %s: the server ended%s", n.Name, n.lastErrors())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("node %s: not ready: %w (last: %w)%s", n.Name, ctx.Err(), err, n.lastErrors())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (n *Node) signal(sig syscall.Signal) error {
	if err := n.keeper.Signal(sig); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// lastErrors quotes the end of the error log's errors, or of what the server
// wrote before it had a log.
func (n *Node) lastErrors() string {
	log, err := n.ReadErrorLog()
	if err != nil || log == "" {
		output, _ := os.ReadFile(filepath.Join(n.dir, process.OutputFile))
		log = string(output)
	}
	var found []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "[ERROR]") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "; its log: " + strings.Join(found[max(0, len(found)-3):], " | ")
}

// close closes what this process holds of the node; the server runs on.
func (n *Node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.db != nil {
		_ = n.db.Close()
		n.db = nil
	}
	if n.WorkerLink != nil {
		n.WorkerLink.Close()
	}
	if n.PeerLink != nil {
		n.PeerLink.Close()
	}
}
