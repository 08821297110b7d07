package check

import (
	"slices"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Observations is everything the checks judge and the plan is built from: what was asked for, what was declared, and what
// each node was seen to be. It holds no secret.
type Observations struct {
	Request contract.Request
	Cluster inventory.Cluster
	// Nodes are in the inventory's order, those that could not be observed included.
	Nodes []Observation
	Roles Roles
	// Against compares each observed secondary with the primary; empty when there is no primary.
	Against map[string]Comparison
	// NotCompared says why there is no comparison to trust: the primary went away, or became another server, between
	// its observation and the comparison. Empty if all is well.
	NotCompared string
	// Paths are what the probes saw of the paths from the chosen secondaries to the primary; nil when nobody probed (ProbeAll).
	Paths map[string]clone.Path
	// Previews are what the errant transactions of the chosen secondaries did; nil when nobody looked (PreviewAll).
	Previews map[string]contract.LossPreview
	// Belongings are what the chosen secondaries have that the primary lacks or has otherwise; nil when nobody compared (CompareAll).
	Belongings map[string]Belongings
	// Alignments are what would bring the settings of the chosen secondaries in line; nil when nobody asked for it.
	Alignments map[string][]contract.SettingChange
	// Archive is the worker's, in which rescues are kept.
	Archive Archive
	// Look is what the primary alone was asked, once it was known; nil when there is no primary, or it could not be asked again.
	Look *Look
	// Secrets are the passwords that the worker cannot have or use, each with the reason, which never holds the password.
	Secrets []SecretProblem
	// Limits are what the checks of load and age judge by.
	Limits Limits
}

// SecretProblem is a password of the run that the worker cannot have or use.
type SecretProblem struct {
	Role inventory.Role
	Text string
}

// Observation is one node as it was seen.
type Observation struct {
	Node        string
	Address     string
	PeerAddress string
	Supervised  inventory.Supervision
	// Adopt and DiskBytes are the operator's word: the node belongs to the cluster whatever its history says; the size of the disk that
	// holds its data directory, 0 when it is not declared.
	Adopt     bool
	DiskBytes int64
	// Problem says why the node could not be observed; then nothing below is set.
	Problem *Problem
	// Gaps are the parts that could not be read.
	Gaps []Gap

	Identity node.Identity
	// Account is the account the server took the worker for, as user@host.
	Account string
	Grants  Grants
	// ClientHost is where the server sees the worker, a name or an address; Encrypted says whether their connection is.
	ClientHost string
	Encrypted  bool
	// Uptime is how long the server ran when it was asked at SeenAt.
	Uptime time.Duration
	SeenAt time.Time
	// Accounts are the rows of mysql.user whose user is one of the cluster's accounts; read on every node, judged on the
	// primary.
	Accounts []Account
	// Settings are the global variables that the checks judge, by name; those that the version lacks are absent.
	Settings map[string]node.Setting
	Plugins  []Plugin
	Fence    fence.Status

	Channels []node.Channel
	// GlobalFilters are the replication filters that hold for every channel, as "NAME=rule".
	GlobalFilters []string
	// BinlogFilters are the filters of the node's own binary log, as "binlog-do-db=..."; they are options, not variables.
	BinlogFilters []string
	Downstreams   []node.Downstream
	// DumpThreads are the sessions that read the node's binary log, as user@host.
	DumpThreads []string
	// Group is the node's own state in Group Replication; empty when it is not running there.
	Group string

	GTIDs   node.GTIDs
	Schemas []Schema
	// DataBytes is the size of the InnoDB files of user schemas, in bytes: what a clone copies of them.
	DataBytes int64
	// OtherEngines are the user tables that are not InnoDB, at most maxTables of OtherEngineCount.
	OtherEngines     []Table
	OtherEngineCount int
	// Cloning is the process ID of a clone that runs into the node now; 0 if none does.
	Cloning uint64
	// LastCopy is how fast the last clone into the node copied its files; nil when none is on record, or it was too small to tell.
	LastCopy *Copy
}

// Copy is what a clone copied and how long that took.
type Copy struct {
	Bytes int64
	Took  time.Duration
}

// Problem says why a node could not be observed.
type Problem struct {
	Class node.Class
	Text  string
}

// Gap is one part of an observation that could not be read.
type Gap struct {
	Part string
	Text string
}

// Account is one row of mysql.user with what it holds, its default roles included.
type Account struct {
	User, Host      string
	Locked, Expired bool
	// TLS is what the account demands of a connection, as mysql.user.ssl_type says it: nothing, ANY, X509 or SPECIFIED.
	TLS    string
	Grants Grants
}

// Plugin is one plugin of a server that was loaded from a library.
type Plugin struct {
	Name    string
	Type    string
	Library string
	Active  bool
	// Installed plugins stand in mysql.plugin, which a clone replaces with the donor's.
	Installed bool
}

// Schema is one user schema.
type Schema struct {
	Name   string
	Tables int
}

// Table is one user table.
type Table struct {
	Schema, Name, Engine string
}

// Comparison is a secondary's executed GTIDs against the primary's, which were read after it.
type Comparison struct {
	// Errant are the transactions that the secondary executed and the primary did not, as the server subtracts them.
	Errant string
	// Transactions counts them.
	Transactions int64
	// Missing counts the transactions that the secondary has not executed yet.
	Missing int64
	// Shared reports that the two have at least one transaction in common.
	Shared bool
	// Purged reports that the primary no longer has the binary logs the secondary needs to catch up.
	Purged bool
}

// Seen reports whether the node was observed.
func (o *Observation) Seen() bool { return o.Problem == nil }

// Unread reports that the part could not be read: nothing may be concluded from its emptiness.
func (o *Observation) Unread(part string) bool {
	return slices.ContainsFunc(o.Gaps, func(g Gap) bool { return g.Part == part })
}

// Value is the global value of a setting; empty if the server has no such variable.
func (o *Observation) Value(name string) string { return o.Settings[name].Value }

// Has reports whether the server has such a variable.
func (o *Observation) Has(name string) bool { _, ok := o.Settings[name]; return ok }

// On reports whether a switch is on.
func (o *Observation) On(name string) bool { return o.Settings[name].On() }

// Plugin returns the plugin of that name.
func (o *Observation) Plugin(name string) (Plugin, bool) {
	i := slices.IndexFunc(o.Plugins, func(p Plugin) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return Plugin{}, false
	}
	return o.Plugins[i], true
}

// ReplicationChannels are the channels by which the node follows another server; Group Replication's own are not among them.
func (o *Observation) ReplicationChannels() []node.Channel {
	return slices.DeleteFunc(slices.Clone(o.Channels), func(c node.Channel) bool {
		return strings.HasPrefix(c.Name, "group_replication_")
	})
}

// Tables counts the user tables.
func (o *Observation) Tables() int {
	total := 0
	for _, s := range o.Schemas {
		total += s.Tables
	}
	return total
}

// Wreck reports whether the node was left fenced by an earlier run of ours.
func (o *Observation) Wreck() bool { return o.Seen() && o.Fence.Owner == fence.Ours }

// node returns the observation of that name, or nil.
func (o *Observations) node(name string) *Observation {
	for i := range o.Nodes {
		if o.Nodes[i].Node == name {
			return &o.Nodes[i]
		}
	}
	return nil
}

// Seen are the nodes that were observed.
func (o *Observations) Seen() []*Observation {
	var seen []*Observation
	for i := range o.Nodes {
		if o.Nodes[i].Seen() {
			seen = append(seen, &o.Nodes[i])
		}
	}
	return seen
}

// Primary is the observed primary, or nil when there is not exactly one.
func (o *Observations) Primary() *Observation { return o.node(o.Roles.Primary) }

// Chosen are the observed secondaries that the run would work on.
func (o *Observations) Chosen() []*Observation {
	var chosen []*Observation
	for _, n := range o.Seen() {
		if o.Chooses(n.Node) {
			chosen = append(chosen, n)
		}
	}
	return chosen
}

// Chooses reports whether the run would work on the node: a secondary that was observed, and asked for by name or among all.
func (o *Observations) Chooses(name string) bool {
	n := o.node(name)
	if n == nil || !n.Seen() || o.Roles.Primary == "" || name == o.Roles.Primary {
		return false
	}
	return len(o.Request.Nodes) == 0 || slices.Contains(o.Request.Nodes, name)
}

// Participants are the primary and the chosen secondaries, whose part of the observation could be read: what a check of
// servers that are to work together judges. As long as the primary is unknown they are all observed nodes.
func (o *Observations) Participants(part string) []*Observation {
	var some []*Observation
	for _, n := range o.Seen() {
		if !n.Unread(part) && (o.Roles.Primary == "" || n.Node == o.Roles.Primary || o.Chooses(n.Node)) {
			some = append(some, n)
		}
	}
	return some
}

// Recipients are the chosen secondaries whose part of the observation could be read.
func (o *Observations) Recipients(part string) []*Observation {
	return slices.DeleteFunc(o.Chosen(), func(n *Observation) bool { return n.Unread(part) })
}

// PrimaryWith is the primary if that part of it could be read, else nil.
func (o *Observations) PrimaryWith(part string) *Observation {
	if p := o.Primary(); p != nil && !p.Unread(part) {
		return p
	}
	return nil
}

// Erases reports whether the run may erase a node; a verification does not.
func (o *Observations) Erases() bool { return o.Request.Mode != contract.ModeVerify }
