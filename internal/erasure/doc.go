// Package erasure destroys what a fenced secondary holds: its channels and relay logs, its GTIDs, its user schemas.
//
// The order is the safety (invariant I3): a node whose data are half gone must never claim the full GTID set, so the GTIDs go
// first. It may be cut at any line and run again; an empty GTID set says that the point of no return lies behind.
//
// It knows nothing of plans and approvals: the caller holds a Claim, which is bound to the approved node.
package erasure
