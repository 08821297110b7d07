// Package workflows orchestrates a resync and nothing else: it decides what comes next, remembers what was decided and tells what
// became of it. It is deterministic: it has no clock, no driver and no mailer of its own; whatever touches a server, a file or a mail
// is an activity.
//
// ResyncCluster is a run. It holds ClusterLock while it may change anything and begins one ResyncNode per secondary,
// or one VerifyNodes for several that are proven as they are.
package workflows
