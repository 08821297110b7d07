// Package proof shows that a secondary equals its primary, or says exactly where it does not, while the primary goes on taking
// writes and without a lock that a user would notice.
//
// It knows MySQL's transaction sets, snapshots, definitions, rows, and the variables that matter. It does not know how a secondary is
// resynced, what state of service was declared for it (it is told), or who is told; it starts no workflow and keeps no state: what a later attempt needs is handed out as a resume
// token with every Progress.
//
// How rows are compared. A pair is one snapshot on the primary and one on each secondary, all showing exactly the same transactions
// (pair.go). Within it both sides are read in blocks along the same key, hashed value by value with SHA-256 (block.go), and a block
// that differs is a suspicion. A suspicion counts only if it holds on a second pair, on which it is merged down to keys (locate.go).
// Blocks, not tables, are the unit of reading: no metadata lock is held for longer than one block needs, no statement runs for
// longer, memory does not depend on the size of a table, and a snapshot that became too old is given up between two blocks.
//
// How everything else is compared. Definitions and accounts are not part of a snapshot. An object that differs is looked at on the
// primary, on the secondary once that has caught up, and again on the primary; it counts only if the primary's did not move
// meanwhile (definitions.go). Settings and the state of service never speak against equality, for no resync mends them: they are
// warnings (settings_list.go, service.go).
package proof
