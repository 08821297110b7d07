package contract

import "time"

// Loss is what the erase of one node would destroy and nobody else has. Rows that were changed outside the binary log are no part of
// it: only a verification finds them.
type Loss struct {
	// ErrantGTIDs are the transactions that the node executed and the primary did not.
	ErrantGTIDs string `json:"errantGtids,omitempty"`
	// Transactions counts them.
	Transactions int64 `json:"transactions"`
	// Unknown says why the loss cannot be known, for example data under an empty GTID set; empty if it can.
	Unknown string `json:"unknown,omitempty"`
	// Preview is what the errant transactions did; nil when there are none.
	Preview *LossPreview `json:"preview,omitempty"`
	// OnlyHere are objects that the primary does not have, or has otherwise, whatever the GTIDs say: at most MaxOnlyHere, those that hold
	// data first. OnlyHereInAll counts all. More than that many that hold data make the loss Unknown.
	OnlyHere      []OnlyHere `json:"onlyHere,omitempty"`
	OnlyHereInAll int        `json:"onlyHereInAll,omitempty"`
	// SeenAt is when the objects were compared, by the node's own clock in UTC: what was made on the node later was not seen. Zero when
	// they were not compared.
	SeenAt time.Time `json:"seenAt,omitzero"`
}

// MaxOnlyHere is how many objects a Loss names; it goes through the run's history.
const MaxOnlyHere = 200

// None reports that nothing would be lost that anybody has to consent to.
func (l Loss) None() bool { return l.ErrantGTIDs == "" && l.Unknown == "" && len(l.Data()) == 0 }

// Rescuable reports that the binary logs hold everything that would be lost.
func (l Loss) Rescuable() bool {
	return l.Unknown == "" && len(l.Unlogged()) == 0 && (l.ErrantGTIDs == "" || l.Preview != nil && l.Preview.Unreadable == "")
}

// Data are those of OnlyHere that hold data: their erase needs consent. A table that merely differs on a node that is behind is none of
// them: the primary has it, and its rows are what the GTIDs say.
func (l Loss) Data() []OnlyHere {
	return l.which(func(object OnlyHere) bool { return object.Kind.HoldsData() && (object.Differs == "" || !object.Behind) })
}

// Unlogged are those of Data that no errant transaction made: no rescue can keep them.
func (l Loss) Unlogged() []OnlyHere {
	return Loss{OnlyHere: l.Data()}.which(func(object OnlyHere) bool { return !object.Logged })
}

func (l Loss) which(wanted func(OnlyHere) bool) []OnlyHere {
	var some []OnlyHere
	for _, object := range l.OnlyHere {
		if wanted(object) {
			some = append(some, object)
		}
	}
	return some
}

// LossPreview is what the errant transactions of one node did, as decoded from its own binary logs. It is capped; the archive of a
// rescue has everything. It holds no values of rows.
type LossPreview struct {
	// Unreadable says why it cannot be known, for example purged binary logs; then nothing below is set.
	Unreadable string `json:"unreadable,omitempty"`
	// Partial says why there is more than what is said here, for example a limit of time; empty when it is all.
	Partial string `json:"partial,omitempty"`
	// Bytes is the size of the transactions in the binary log, as far as they were read: about what a rescue would keep, twice.
	Bytes int64 `json:"bytes,omitempty"`
	// First and Last are when the transactions were committed, by the node's own clock.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Tables are what became of rows, at most MaxPreviewTables, those with the most changes first; TablesInAll counts all.
	Tables      []TableChanges `json:"tables,omitempty"`
	TablesInAll int            `json:"tablesInAll,omitempty"`
	// Statements are those that are logged as text (DDL), in their order, without passwords, at most MaxPreviewStatements;
	// StatementsInAll counts all.
	Statements      []string `json:"statements,omitempty"`
	StatementsInAll int      `json:"statementsInAll,omitempty"`
	// Began is when each of Statements began, by the node's own clock. It is for whoever makes a plan and no part of it.
	Began []time.Time `json:"-"`
}

// Caps of a LossPreview, which goes through the run's history.
const (
	MaxPreviewTables     = 50
	MaxPreviewStatements = 20
	// MaxPreviewStatement is the length of one statement, in bytes.
	MaxPreviewStatement = 300
)

// TableChanges counts the changed rows of one table.
type TableChanges struct {
	Schema   string `json:"schema"`
	Table    string `json:"table"`
	Inserted int64  `json:"inserted,omitempty"`
	Updated  int64  `json:"updated,omitempty"`
	Deleted  int64  `json:"deleted,omitempty"`
}

// ObjectKind is what kind of thing exists only on one node.
type ObjectKind string

// The kinds of objects.
const (
	ObjectSchema  ObjectKind = "schema"
	ObjectTable   ObjectKind = "table"
	ObjectAccount ObjectKind = "account"
	// An index of a table that the primary has too.
	ObjectIndex ObjectKind = "index"
	ObjectEvent ObjectKind = "event"
	ObjectView  ObjectKind = "view"
	// A procedure and a function may bear the same name; a loadable function has no schema.
	ObjectProcedure ObjectKind = "procedure"
	ObjectFunction  ObjectKind = "function"
	ObjectTrigger   ObjectKind = "trigger"
	ObjectPlugin    ObjectKind = "plugin"
	ObjectComponent ObjectKind = "component"
)

// HoldsData reports whether the kind's erase needs consent.
func (k ObjectKind) HoldsData() bool { return k == ObjectSchema || k == ObjectTable }

// OnlyHere is one object that only one node has, or has otherwise than the primary.
type OnlyHere struct {
	Kind ObjectKind `json:"kind"`
	// Name is schema.table, schema.table.index, schema.event (or .view, .procedure, .function, .trigger), 'user'@'host', or a plain name.
	Name string `json:"name"`
	// Differs says how it differs from the primary's object of that name; empty when the primary has none.
	Differs string `json:"differs,omitempty"`
	// Bytes is the size of a table, or of all tables of a schema.
	Bytes int64 `json:"bytes,omitempty"`
	// Behind says that the node had not caught up: the primary may have dropped or changed the object since.
	Behind bool `json:"behind,omitempty"`
	// Logged says that the node's errant transactions made it: a rescue keeps it with them.
	Logged bool `json:"logged,omitempty"`
}
