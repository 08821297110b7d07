package contract

import "time"

// ProofVerdict is what one layer of a proof, or the whole of it, says.
type ProofVerdict string

const (
	// ProofEqual: everything the layer looks at was compared and agrees.
	ProofEqual ProofVerdict = "equal"
	// ProofDifferent: at least one difference was found and held up when it was looked at again.
	ProofDifferent ProofVerdict = "different"
	// ProofIncomplete: no difference was found, but not everything could be compared; Notes say what and why.
	ProofIncomplete ProofVerdict = "incomplete"
	// ProofSkipped: the caller asked to leave the layer out.
	ProofSkipped ProofVerdict = "skipped"
	// ProofWarning: the data are not in question, but a person should put something right: a setting that would hurt after a failover,
	// a state of service that is not the declared one. A layer with this verdict does not speak against equality.
	ProofWarning ProofVerdict = "warning"
)

// ProofLayerName names one layer of a proof.
type ProofLayerName string

// The layers in the order in which they are examined and reported.
const (
	// ProofClone: the secondary's record of its last clone is that of this run. Only of a secondary that this run has refilled.
	ProofClone ProofLayerName = "clone"
	// ProofGTIDs: the secondary executed nothing that the primary did not, and misses nothing after it caught up.
	ProofGTIDs ProofLayerName = "gtids"
	// ProofSchema: canonical definitions of all schema objects.
	ProofSchema ProofLayerName = "schema"
	// ProofAccounts: accounts, roles and grants.
	ProofAccounts ProofLayerName = "accounts"
	// ProofSettings: the variables that matter for equality, failover and durability.
	ProofSettings ProofLayerName = "settings"
	// ProofRows: every row of every base table, compared at one GTID set.
	ProofRows ProofLayerName = "rows"
	// ProofService: threads, lag, read-only, events off.
	ProofService ProofLayerName = "service"
)

// Proof is the evidence that one secondary equals its primary.
type Proof struct {
	// Node and Primary are names from the inventory.
	Node    string `json:"node,omitempty"`
	Primary string `json:"primary,omitempty"`
	// Equal is true only when every layer was compared and agrees, warnings aside.
	Equal bool `json:"equal"`
	// Verdict tells a difference from a proof that has gaps.
	Verdict ProofVerdict `json:"verdict,omitempty"`
	// Layers are in a fixed order, each judged by itself.
	Layers []ProofLayer `json:"layers,omitempty"`
	// Spans are the points in the primary's history at which rows were compared. One is usual; there are more when a snapshot was
	// given up early (age, DDL, resume) or a suspicion was looked at again.
	Spans []ProofSpan `json:"spans,omitempty"`
	// Started and Ended are the worker's clock.
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

// ProofLayer is one layer of a proof.
type ProofLayer struct {
	Name    ProofLayerName `json:"name"`
	Verdict ProofVerdict   `json:"verdict"`
	// Examined counts what was compared: schema objects, accounts, tables.
	Examined int64 `json:"examined,omitempty"`
	// Rows and Bytes are those of the primary that were compared (rows layer only). Bytes are those of rows as they travel, not storage.
	Rows  int64 `json:"rows,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
	// Differences is the exact count; Listed holds the first of them, and of Warnings.
	Differences int64             `json:"differences,omitempty"`
	Listed      []ProofDifference `json:"listed,omitempty"`
	// Warnings counts what differs without speaking against equality (layers settings and service).
	Warnings int64 `json:"warnings,omitempty"`
	// Notes say what a reader must know to judge the layer: what was left out, what could not be compared and why.
	Notes []string `json:"notes,omitempty"`
	// Milliseconds is how long the layer took.
	Milliseconds int64 `json:"milliseconds,omitempty"`
}

// ProofDifferenceKind says what is wrong with the secondary, seen from the primary.
type ProofDifferenceKind string

const (
	// ProofMissing: the primary has it, the secondary has not.
	ProofMissing ProofDifferenceKind = "missing"
	// ProofExtra: the secondary has it, the primary has not.
	ProofExtra ProofDifferenceKind = "extra"
	// ProofChanged: both have it, and they differ.
	ProofChanged ProofDifferenceKind = "changed"
)

// ProofDifference is one difference.
type ProofDifference struct {
	Kind ProofDifferenceKind `json:"kind"`
	// Object is what differs: row, table, view, column, index, constraint, partition, trigger, event, function, procedure, schema,
	// account, grant, role, transactions, clone, setting.
	Object string `json:"object"`
	// Schema and Name place the object; for a row they are those of its table. An account's name is 'user'@'host'.
	Schema string `json:"schema,omitempty"`
	Name   string `json:"name,omitempty"`
	// Member is the part that differs: the column, the index, the privilege.
	Member string `json:"member,omitempty"`
	// Key is the row's key as SQL, withheld on request. A row of a table that has no key is named by a digest, or told whole where values
	// were asked for.
	Key string `json:"key,omitempty"`
	// Columns are those that differ: columns of the row, or attributes of the definition.
	Columns []string `json:"columns,omitempty"`
	// Primary and Secondary are the two values. Of a row they are given only on request, of a password never.
	Primary   string `json:"primary,omitempty"`
	Secondary string `json:"secondary,omitempty"`
	// Detail is one sentence, when the above does not say it all.
	Detail string `json:"detail,omitempty"`
}

// ProofSpan is one pair of snapshots: the state of the primary and of the secondary after exactly the same transactions.
type ProofSpan struct {
	// GTIDs is the set of transactions that both snapshots show.
	GTIDs string `json:"gtids"`
	// Taken is the worker's clock.
	Taken time.Time `json:"taken"`
	// PauseMilliseconds is how long the secondary's applier stood still for it.
	PauseMilliseconds int64 `json:"pauseMilliseconds"`
	// Attempts is how often the primary had to be looked at until a moment without a commit in flight was caught.
	Attempts int `json:"attempts"`
	// Locked says that the opt-in fallback was used: FLUSH TABLES WITH READ LOCK on the primary for a moment.
	Locked bool `json:"locked,omitempty"`
	// Tables and Rows that were compared in this span.
	Tables int64 `json:"tables,omitempty"`
	Rows   int64 `json:"rows,omitempty"`
}

// Layer gives the layer of that name, or a skipped one.
func (p Proof) Layer(name ProofLayerName) ProofLayer {
	for _, l := range p.Layers {
		if l.Name == name {
			return l
		}
	}
	return ProofLayer{Name: name, Verdict: ProofSkipped}
}

// Differences is the exact count over all layers, without warnings.
func (p Proof) Differences() int64 {
	var n int64
	for _, l := range p.Layers {
		n += l.Differences
	}
	return n
}
