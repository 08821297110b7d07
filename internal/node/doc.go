// Package node is one MySQL server seen over SQL: how to reach it, who it is, what its settings and replication are,
// and the one pinned connection (Claim) on which anything that destroys may run.
//
// It knows MySQL's names and numbers and how they differ between 8.0.27 and 9.x. It does not know what a cluster, a
// resync or a plan is: packages fence, erasure, clone and channel say what is done to a recipient, package check judges
// what is read here.
//
// Everything that only asks takes a Reader, so that the same question can be put to a pooled connection (Node) or to the
// claimed one (Claim). Every error names the node and what was being done, and never holds a password.
package node
