package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Approved is what the approval of one node's erase was given for.
type Approved struct {
	NodeUUID    string
	PrimaryUUID string
	// Errant are the transactions that may be destroyed; empty if none.
	Errant string
	// LossUnknown says that data under an empty GTID set may be destroyed.
	LossUnknown bool
	// Data are the schemas and tables that may be destroyed although the primary lacks them, or has them otherwise (contract.Loss.Data).
	Data []contract.OnlyHere
	// SeenAt is when the node's objects were last judged, by its own clock in UTC, read before they were: contract.Loss.SeenAt of the plan,
	// and behind the fence the clock of the recheck before it. While it is zero objects are not judged: nobody was shown any.
	SeenAt time.Time
	// Wreck says that the node was found fenced by an earlier run: as long as it still is, an empty GTID set is that run's doing, and
	// what is still there was consented to before.
	Wreck bool
}

// IdentityError says that a server is not the one that was approved, or no longer in the role in which it was.
type IdentityError struct {
	Node   string
	Reason string
}

func (e *IdentityError) Error() string { return "node " + e.Node + ": " + e.Reason }

// LossGrewError says that the erase would destroy more than was approved.
type LossGrewError struct {
	Node string
	// Errant are the transactions beyond the approved ones, Transactions their number.
	Errant       string
	Transactions int64
	// Unknown says why the loss cannot be known; empty if it can.
	Unknown string
	// Objects are schemas and tables that the primary lacks, beyond the approved ones.
	Objects []contract.OnlyHere
}

func (e *LossGrewError) Error() string {
	if e.Unknown != "" {
		return fmt.Sprintf("node %s: %s, which was not approved; make a new plan", e.Node, e.Unknown)
	}
	if len(e.Objects) > 0 {
		return fmt.Sprintf("node %s: it has what the primary lacks and nobody approved to destroy: %s; make a new plan", e.Node, objectNames(e.Objects))
	}
	return fmt.Sprintf("node %s: %s that the primary does not have and that nobody approved to destroy: %s; make a new plan",
		e.Node, plural(e.Transactions, "transaction"), shortened(e.Errant))
}

// Recheck judges one node again, right before its fence and once more behind it, where nothing can write any more: both
// servers are the approved ones, the primary still is the primary, the secondary feeds nobody, and nothing would be lost
// that was not approved. It changes nothing. The error is an *IdentityError, a *LossGrewError, or that of a server.
func Recheck(ctx context.Context, secondary, primary node.Reader, approved Approved) error {
	if err := sameServer(ctx, secondary, approved.NodeUUID, "the node"); err != nil {
		return err
	}
	if err := sameServer(ctx, primary, approved.PrimaryUUID, "the primary"); err != nil {
		return err
	}
	if strings.EqualFold(approved.NodeUUID, approved.PrimaryUUID) {
		return &IdentityError{secondary.Name(), "it is the primary, which is never erased"}
	}
	if err := StillPrimary(ctx, primary); err != nil {
		return err
	}
	replicas, sessions, err := readersOf(ctx, secondary)
	if err != nil {
		return err
	}
	if observed := feeds(replicas, sessions, len(replicas)); observed != "" {
		return &IdentityError{secondary.Name(), observed + ", which an erase would break; make a new plan"}
	}
	return judgeLoss(ctx, secondary, primary, approved)
}

func sameServer(ctx context.Context, r node.Reader, approved, role string) error {
	now, err := node.ReadIdentity(ctx, r)
	if err != nil {
		return err
	}
	if approved == "" || !strings.EqualFold(now.UUID, approved) {
		return &IdentityError{r.Name(), fmt.Sprintf("it is server %s now, while %s that was approved is server %s; make a new plan",
			now.UUID, role, orUnknown(approved))}
	}
	return nil
}

// StillPrimary finds a primary that has stepped down since the plan: it would follow its successor, or at least no longer
// take writes. The error is then an *IdentityError.
func StillPrimary(ctx context.Context, primary node.Reader) error {
	channels, err := node.ReadReplication(ctx, primary)
	if err != nil {
		return err
	}
	for _, c := range (&Observation{Channels: channels}).ReplicationChannels() {
		return &IdentityError{primary.Name(), fmt.Sprintf("it replicates from %s:%d now and is not the primary any more; make a new plan",
			c.SourceHost, c.SourcePort)}
	}
	settings, err := node.ReadSettings(ctx, primary, "read_only", "offline_mode")
	if err != nil {
		return err
	}
	for _, name := range []string{"read_only", "offline_mode"} {
		if settings[name].On() {
			return &IdentityError{primary.Name(), fmt.Sprintf("%s is ON now: it does not serve as the primary any more; make a new plan", name)}
		}
	}
	return nil
}

func judgeLoss(ctx context.Context, secondary, primary node.Reader, approved Approved) error {
	executed, errant, err := errantOf(ctx, secondary, primary)
	if err != nil {
		return err
	}
	more, err := node.Subtract(ctx, primary, errant, approved.Errant)
	if err != nil {
		return err
	}
	if more != "" {
		count, err := node.CountGTIDs(more)
		if err != nil {
			return node.Wrap(secondary.Name(), "count the errant transactions", err)
		}
		return &LossGrewError{Node: secondary.Name(), Errant: more, Transactions: count}
	}
	switch {
	case approved.LossUnknown:
		return nil
	case executed != "":
		return judgeObjects(ctx, secondary, primary, approved)
	}
	return judgeUnknown(ctx, secondary, approved)
}

// judgeUnknown judges a node with an empty GTID set. A wreck has to be one still: whoever took its fence away may have filled it since.
func judgeUnknown(ctx context.Context, secondary node.Reader, approved Approved) error {
	if approved.Wreck {
		status, err := fence.State(ctx, secondary)
		if err != nil {
			return err
		}
		if status.Owner == fence.Ours {
			return nil
		}
	}
	held := Observation{Node: secondary.Name()}
	if err := held.readSchemas(ctx, secondary); err != nil {
		return err
	}
	if unknown := heldWithoutGTIDs(len(held.Schemas), held.Tables()); unknown != "" {
		return &LossGrewError{Node: secondary.Name(), Unknown: unknown}
	}
	return nil
}

// Errant are the transactions that the secondary has executed and the primary has not, and their number. The secondary is
// read first: whatever the primary commits meanwhile is then no part of it.
func Errant(ctx context.Context, secondary, primary node.Reader) (errant string, transactions int64, err error) {
	if _, errant, err = errantOf(ctx, secondary, primary); err != nil {
		return "", 0, err
	}
	transactions, err = node.CountGTIDs(errant)
	return errant, transactions, node.Wrap(secondary.Name(), "count the errant transactions", err)
}

func errantOf(ctx context.Context, secondary, primary node.Reader) (executed, errant string, err error) {
	theirs, err := node.ReadGTIDs(ctx, secondary)
	if err != nil {
		return "", "", err
	}
	ours, err := settledGTIDs(ctx, primary, []string{theirs.Executed})
	if err != nil {
		return "", "", err
	}
	errant, err = node.Subtract(ctx, primary, theirs.Executed, ours.Executed)
	return theirs.Executed, errant, err
}
