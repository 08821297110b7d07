package proof

import (
	"context"
	"errors"

	"github.com/clusterresync/clusterresync/internal/node"
)

// What can keep a proof from being had. None of them means that the nodes differ. Errors returned by this package wrap one of
// these where the caller can act on the kind; all others are faults of the connection or of the server.
var (
	// ErrNoPair: no moment without a commit in flight was caught on the primary within the bound. Try again at a quieter time.
	// The lock that needs no such moment holds up every write on the primary; it is taken for nobody who did not ask for it
	// (Options.LockFallback), and a resync does not.
	ErrNoPair = errors.New("no pair of snapshots could be had")
	// ErrNotReplicating: no channel from this primary, or its threads do not run. Somebody must set it up or start it.
	ErrNotReplicating = errors.New("not replicating from the primary")
	// ErrBehind: the secondary did not catch up within the bound. Try again later.
	ErrBehind = errors.New("secondary is behind")
	// ErrUnfit: a server's setting or an account's privilege makes a proof impossible. Trying again does not help.
	ErrUnfit = errors.New("not fit for a proof")
)

// Error numbers of the server, beside node's, on which a table is put off to the next pair (MySQL manual: Server Error Message
// Reference). All of them come from DDL that runs beside the proof.
const (
	errTableDefChanged   = 1412
	errBadDatabase       = 1049
	errBadField          = 1054
	errKeyDoesNotExist   = 1176
	errUnknownPartition  = 1735
	errPartitionNotKnown = 1747 // PARTITION () clause on a table that has no partitions any more
	errTablespaceMissing = 1812
	errTablespaceDiscard = 1814

	errNoSuchThread = 1094
)

// movedByDDL says that a table cannot be read in this snapshot because its definition changed or is changing.
func movedByDDL(err error) bool {
	if errors.Is(err, errYielded) {
		return true
	}
	switch node.Number(err) {
	case node.ErrnoLockWaitTimeout, node.ErrnoQueryInterrupted, errTableDefChanged, node.ErrnoNoSuchTable, errBadDatabase, errBadField, errKeyDoesNotExist,
		errUnknownPartition, errPartitionNotKnown, errTablespaceMissing, errTablespaceDiscard:
		return true
	}
	return false
}

// nodeError says which node an error comes from; a cancel keeps the caller's cause, which says more than the driver does.
func nodeError(ctx context.Context, name, doing string, err error) error {
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return node.Wrap(name, doing, err)
}
