package sandbox

import (
	"fmt"
	"regexp"
	"time"

	"github.com/clusterresync/clusterresync/internal/sandbox/process"
)

// Supervision says what starts a node's mysqld again after it ended.
type Supervision string

// The ways a server is kept in the field.
const (
	// Supervised is as mysqld_safe and systemd do it: mysqld may use RESTART,
	// and is started again after it, and after a crash.
	Supervised Supervision = "supervised"
	// Container is as the official image does it under "restart:
	// unless-stopped": mysqld has no supervisor to ask, so that a clone ends in
	// error 3707, but is started again whenever it ended.
	Container Supervision = "container"
	// Bare is nobody: Node.Start starts it again.
	Bare Supervision = "bare"
)

func (s Supervision) mode() (process.Mode, error) {
	switch s {
	case Supervised:
		return process.Supervised, nil
	case Container:
		return process.Container, nil
	case Bare:
		return process.Bare, nil
	}
	return "", fmt.Errorf("supervision %q: want %s, %s or %s", s, Supervised, Container, Bare)
}

// Options describe a sandbox.
type Options struct {
	// Folder is where everything goes. It is made; it may exist if empty.
	Folder string
	// Name of the cluster in the inventory; empty is "shop".
	Name string
	// Nodes are the servers, the primary first; see Nodes. None is allowed: a
	// sandbox of Temporal alone.
	Nodes []NodeOptions
	// Temporal, when set, asks for a Temporal server.
	Temporal *TemporalOptions
	// Tied ends all servers when this process ends, however it ends. The
	// default is that they outlive it.
	Tied bool
	// Say is told, in short sentences, what takes time. It may be nil.
	Say func(format string, arguments ...any)
}

// NodeOptions describe one MySQL server.
type NodeOptions struct {
	// Name of the node in the inventory; empty is db1, db2 and so on.
	Name string
	// Supervision of the server; empty is Supervised.
	Supervision Supervision
	// RestartPause is waited before a server is started again, except after
	// it asked for it; zero is one second.
	RestartPause time.Duration
	// BufferPoolMiB is InnoDB's buffer pool in MiB; zero is 128.
	BufferPoolMiB int
	// Settings are further lines of the server's option file, "name=value".
	Settings []string
	// InitialSettings are such lines that a server can be given only when its
	// data directory is made: innodb_page_size, lower_case_table_names.
	InitialSettings []string
	// Standalone leaves the node out of the replication from the primary, and
	// without the cluster's accounts: a server that merely exists.
	Standalone bool
	// Links puts a breakable link before the node for the worker and another
	// for its peers. Links live in this process and end with it.
	Links bool
}

// Nodes are n nodes with every option at its default.
func Nodes(n int) []NodeOptions { return make([]NodeOptions, n) }

var namePattern = regexp.MustCompile(`^[a-z0-9-]+$`)

// completed fills the defaults in and judges what was given.
func (o Options) completed() (Options, error) {
	if o.Name == "" {
		o.Name = "shop"
	}
	if !namePattern.MatchString(o.Name) {
		return o, fmt.Errorf("cluster name %q: want a-z, 0-9 and - alone", o.Name)
	}
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	seen := map[string]bool{}
	nodes := make([]NodeOptions, len(o.Nodes))
	for i, n := range o.Nodes {
		if n.Name == "" {
			n.Name = fmt.Sprintf("db%d", i+1)
		}
		if !namePattern.MatchString(n.Name) {
			return o, fmt.Errorf("node name %q: want a-z, 0-9 and - alone", n.Name)
		}
		if seen[n.Name] {
			return o, fmt.Errorf("node name %q is given twice", n.Name)
		}
		seen[n.Name] = true
		if n.Supervision == "" {
			n.Supervision = Supervised
		}
		if _, err := n.Supervision.mode(); err != nil {
			return o, fmt.Errorf("node %s: %w", n.Name, err)
		}
		if n.RestartPause == 0 {
			n.RestartPause = time.Second
		}
		if n.BufferPoolMiB == 0 {
			n.BufferPoolMiB = 128
		}
		if i == 0 && n.Standalone {
			return o, fmt.Errorf("node %s: the first node is the primary and cannot stand alone", n.Name)
		}
		nodes[i] = n
	}
	o.Nodes = nodes
	return o, nil
}
