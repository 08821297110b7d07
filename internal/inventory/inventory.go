// Package inventory is the operator's file of clusters: which nodes each has, how the worker and the nodes reach one another, which
// accounts a run uses and where their passwords lie, and the state that a node is to be in when it serves.
//
// It knows what the operator declared, and nothing of what the servers say: whether a node exists, answers, or is a primary is for
// others to observe. It never holds a password: it knows where one is, and fetches it when asked (Account.Resolve).
//
// The file is read anew at each Load, so that a new cluster needs no restart. A run pins the part it began with by a hash
// (Cluster.Hash, Inventory.Pinned): what was approved for one set of addresses is never done to another.
package inventory

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Inventory is one reading of the file. It is safe for concurrent use as long as nobody changes what it hands out.
type Inventory struct {
	// Mail is who gets the mail of a run whose cluster is unknown, and of each cluster that names nobody itself. May be empty.
	Mail Mail

	clusters map[string]*Cluster
}

// Cluster is one primary and its secondaries as the operator declared them, with every default filled in.
type Cluster struct {
	// Name is the cluster's name in the inventory: [a-z0-9-]+, at most 63 characters.
	Name string `json:"name"`
	// Primary is the name of the node that must be the primary, or empty: then the servers alone tell. Observation must not
	// contradict it.
	Primary string `json:"primary,omitempty"`
	// Nodes are in the file's order. There is at least one; whether there are enough for a run is a precondition, not a matter of form.
	Nodes    []Node   `json:"nodes"`
	Accounts Accounts `json:"accounts"`
	// TLS is for the worker's own connections to every node.
	TLS TLS `json:"tls"`
	// PeerTLS is for connections between nodes.
	PeerTLS PeerTLS `json:"peerTLS"`
	// Hooks are what the operator wants called at certain points of a run; empty for none.
	Hooks Hooks `json:"-"`
	Mail  Mail  `json:"mail"`
}

// Node is one MySQL server.
type Node struct {
	// Name is the node's name in its cluster: [a-z0-9-]+, at most 63 characters.
	Name string `json:"name"`
	// Address is how the worker reaches the node.
	Address Endpoint `json:"address"`
	// PeerAddress is how the other nodes reach it: the donor of a clone and the source of a channel. Equal to Address unless declared;
	// never an IPv6 address.
	PeerAddress Endpoint `json:"peerAddress"`
	// Supervised says whether something starts mysqld again after it exits.
	Supervised Supervision `json:"supervised"`
	// Service is the state in which the node serves as a secondary.
	Service Service `json:"service"`
	// DiskBytes is the size of the disk that holds the data directory, in bytes, because no server tells it over SQL; 0 when it is not
	// declared.
	DiskBytes int64 `json:"diskBytes,omitempty"`
	// Adopt accepts the node as a member of the cluster although no history that it shares with the primary proves it to be one.
	Adopt bool `json:"adopt,omitempty"`
}

// Mail is who is told how a run ended.
type Mail struct {
	// To are addresses as in a mail's To header, each once.
	To []string `json:"to,omitempty"`
}

// Load reads and checks the file at path. A file that cannot be read gives an error that wraps the cause; one with mistakes gives an
// *InvalidError that names all of them. A password that is missing is not looked for here: it concerns one cluster, and must not keep
// the others from their runs.
func Load(path string) (*Inventory, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the inventory cannot be read: %w; name the file of clusters in the worker's configuration and let the worker's user read it", err)
	}
	inv, problems := parse(text)
	if len(problems) > 0 {
		return nil, &InvalidError{Path: path, Problems: problems}
	}
	return inv, nil
}

// Names lists the clusters' names in alphabetical order.
func (inv *Inventory) Names() []string {
	return slices.Sorted(maps.Keys(inv.clusters))
}

// Cluster returns the cluster of that name, or an *UnknownClusterError.
func (inv *Inventory) Cluster(name string) (*Cluster, error) {
	c, ok := inv.clusters[name]
	if !ok {
		return nil, &UnknownClusterError{Name: name, Known: inv.Names()}
	}
	return c, nil
}

// Node returns the node of that name, or an *UnknownNodeError.
func (c *Cluster) Node(name string) (Node, error) {
	known := make([]string, 0, len(c.Nodes))
	for _, n := range c.Nodes {
		if n.Name == name {
			return n, nil
		}
		known = append(known, n.Name)
	}
	return Node{}, &UnknownNodeError{Cluster: c.Name, Name: name, Known: known}
}

// CheckSecrets looks for every password of the cluster and every token of its hooks, and returns one *SecretError or *HookSecretError
// for each that is missing or unusable, joined; nil when a run would find all of them.
func (c *Cluster) CheckSecrets() error {
	var missing []error
	for _, a := range []Account{c.Accounts.Admin, c.Accounts.Donor, c.Accounts.Replication} {
		if _, err := a.Resolve(); err != nil {
			missing = append(missing, err)
		}
	}
	for _, place := range HookPlaces() {
		for _, hook := range c.Hooks[place] {
			if _, err := hook.Token(); err != nil {
				missing = append(missing, err)
			}
		}
	}
	return errors.Join(missing...)
}

// UnknownClusterError says that no cluster has that name.
type UnknownClusterError struct {
	Name  string
	Known []string
}

func (e *UnknownClusterError) Error() string {
	return fmt.Sprintf("cluster %q is not in the inventory, which has %s; correct the name or add the cluster (no restart is needed)", e.Name, list(e.Known))
}

// UnknownNodeError says that the cluster has no node of that name.
type UnknownNodeError struct {
	Cluster string
	Name    string
	Known   []string
}

func (e *UnknownNodeError) Error() string {
	return fmt.Sprintf("cluster %s has no node %q in the inventory, only %s; correct the name or add the node", e.Cluster, e.Name, list(e.Known))
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
