package inventory

import (
	"slices"
	"strings"
)

// Role is what an account is for.
type Role string

// The roles, named as in the file.
const (
	RoleAdmin       Role = "admin"
	RoleDonor       Role = "donor"
	RoleReplication Role = "replication"
)

// Roles lists them in the file's order.
func Roles() []Role { return []Role{RoleAdmin, RoleDonor, RoleReplication} }

// Version is a server's version, as far as grants ask for it.
type Version interface {
	// AtLeast reports whether the version is the given one or a later one.
	AtLeast(major, minor, patch int) bool
}

// Privilege is one global privilege that a run needs.
type Privilege struct {
	// Name is as in GRANT and as information_schema.USER_PRIVILEGES shows it.
	Name string
	// Reason is what fails without it, in one line.
	Reason string
}

// Requirements lists what an account of that role must hold on *.* of every node, and so of the primary, whose accounts every clone
// takes over. Each entry was shown to be needed on 9.7: without it a statement of the run fails or sees less.
func Requirements(role Role, v Version) []Privilege {
	switch role {
	case RoleAdmin:
		return slices.Concat(adminPrivileges, definerPrivileges(v))
	case RoleDonor:
		return slices.Clone(donorPrivileges)
	case RoleReplication:
		return slices.Clone(replicationPrivileges)
	}
	return nil
}

// Missing lists the requirements that are not among the names an account holds.
func Missing(role Role, v Version, held []string) []Privilege {
	return slices.DeleteFunc(Requirements(role, v), func(p Privilege) bool {
		return slices.ContainsFunc(held, func(h string) bool { return strings.EqualFold(h, p.Name) })
	})
}

var adminPrivileges = []Privilege{
	{Name: "SELECT", Reason: "read every row, definition, account and setting that is compared or judged, and performance_schema"},
	{Name: "PROCESS", Reason: "see the sessions of others, long transactions and what InnoDB does"},
	{Name: "SHOW VIEW", Reason: "read the definitions of views"},
	{Name: "TRIGGER", Reason: "read the definitions of triggers"},
	{Name: "EVENT", Reason: "read the definitions of events, and disable them on a secondary"},
	{Name: "DROP", Reason: "erase a secondary's schemas"},
	{Name: "RELOAD", Reason: "reset a secondary's GTIDs and its channel"},
	{Name: "REPLICATION CLIENT", Reason: "read the state of channels and of the binary log"},
	{Name: "REPLICATION SLAVE", Reason: "see which servers a node feeds, and receive the transactions that an erase would destroy"},
	{Name: "REPLICATION_SLAVE_ADMIN", Reason: "stop, change and start a secondary's channel"},
	{Name: "SYSTEM_VARIABLES_ADMIN", Reason: "fence a node, name its donor, write past the binary log, put GTIDs back"},
	{Name: "PERSIST_RO_VARIABLES_ADMIN", Reason: "keep channels from starting by themselves after a restart (skip_replica_start)"},
	{Name: "CONNECTION_ADMIN", Reason: "work on a node in offline_mode or read_only, and end the sessions of others"},
	{Name: "SYSTEM_USER", Reason: "end the sessions of accounts that hold it, such as root, and keep them as definers of events"},
	{Name: "CLONE_ADMIN", Reason: "clone into a secondary, its restart included"},
	{Name: "BACKUP_ADMIN", Reason: "prove the path to the donor with a clone that can erase nothing, as it names a directory (DATA DIRECTORY)"},
	{Name: "XA_RECOVER_ADMIN", Reason: "find prepared XA transactions, whose locks would keep an erase waiting, and roll them back"},
}

func definerPrivileges(v Version) []Privilege {
	// MySQL 8.2.0 release notes: SET_USER_ID became these two.
	if !v.AtLeast(8, 2, 0) {
		return []Privilege{{Name: "SET_USER_ID", Reason: "keep the definer of an event that is disabled on a secondary, even one that is gone"}}
	}
	return []Privilege{
		{Name: "SET_ANY_DEFINER", Reason: "keep the definer of an event that is disabled on a secondary"},
		{Name: "ALLOW_NONEXISTENT_DEFINER", Reason: "keep such a definer even when its account is gone"},
	}
}

// PassesFences is what the donor account may hold besides: with it a node feeds others while it is still fenced, which shortens a run of
// many nodes, and the account gets into every fenced node (measured on 9.7; offline_mode asks for it). Runs do without: a node then feeds
// others once it is proven and returned.
const PassesFences = "CONNECTION_ADMIN"

var donorPrivileges = []Privilege{
	{Name: "BACKUP_ADMIN", Reason: "let a recipient clone from the node"},
}

var replicationPrivileges = []Privilege{
	{Name: "REPLICATION SLAVE", Reason: "receive the primary's transactions"},
}
