package inventory

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Pin is what a run keeps of the cluster it began with: plain data without secrets, fit for a history.
type Pin struct {
	Cluster string   `json:"cluster"`
	Hash    string   `json:"hash"`
	Primary string   `json:"primary,omitempty"`
	Nodes   []Node   `json:"nodes"`
	MailTo  []string `json:"mailTo,omitempty"`
	// Hooks are the places that have hooks. What is called stays in the inventory.
	Hooks []HookPlace `json:"hooks,omitempty"`
}

// Pin takes what a run keeps.
func (c *Cluster) Pin() Pin {
	return Pin{
		Cluster: c.Name,
		Hash:    c.Hash(),
		Primary: c.Primary,
		Nodes:   slices.Clone(c.Nodes),
		MailTo:  slices.Clone(c.Mail.To),
		Hooks:   c.Hooks.Places(),
	}
}

// hashed is what makes a cluster the same one: everything that decides which servers are touched, as whom, how, and what they are left
// like. Mail recipients and hooks are left out: to correct one while a run goes must not strand an erased node.
//
// It is apart from the types that callers use so that these can grow. Whoever adds a field gives it omitempty and leaves it empty for
// what older files say: a hash that changes with an upgrade of the worker makes every run in flight refuse its own inventory.
type hashed struct {
	Name     string   `json:"name"`
	Primary  string   `json:"primary"`
	Nodes    []Node   `json:"nodes"`
	Accounts Accounts `json:"accounts"`
	TLS      TLS      `json:"tls"`
	PeerTLS  PeerTLS  `json:"peerTLS"`
}

// Hash identifies what the inventory says of the cluster: SHA-256, as 64 hexadecimal digits. The order of nodes, comments, spelling and
// defaults written out do not change it; the place of a password does, the password does not.
func (c *Cluster) Hash() string {
	nodes := slices.Clone(c.Nodes)
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	canonical, err := json.Marshal(hashed{c.Name, c.Primary, nodes, c.Accounts, c.TLS, c.PeerTLS})
	if err != nil {
		// Strings, numbers and booleans always encode. Were it otherwise, the text of the error would still match nothing else.
		canonical = []byte(err.Error())
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// Pinned returns the cluster if it is still the one with that hash. Else the error is a *HashMismatchError, or an *UnknownClusterError
// when it has gone.
func (inv *Inventory) Pinned(name, hash string) (*Cluster, error) {
	c, err := inv.Cluster(name)
	if err != nil {
		return nil, err
	}
	if now := c.Hash(); now != hash {
		return nil, &HashMismatchError{Cluster: name, Pinned: hash, Now: now}
	}
	return c, nil
}

// HashMismatchError says that the inventory has changed since the run began.
type HashMismatchError struct {
	Cluster string
	Pinned  string
	Now     string
}

func (e *HashMismatchError) Error() string {
	return fmt.Sprintf("cluster %s: the inventory has changed since this run began (hash %.12s then, %.12s now), and what was approved for the "+
		"one is not done to the other; put the former entry back for this run to go on, or end it and start a new one", e.Cluster, e.Pinned, e.Now)
}
