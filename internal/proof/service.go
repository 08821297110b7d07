package proof

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// CloneExpected binds the record of a secondary's last clone to a run.
type CloneExpected struct {
	// Donor is host:port as the clone statement named it.
	Donor string
	// NotBefore is the secondary's own UTC clock, as it was recorded before the erase.
	NotBefore time.Time
}

// ServiceExpected is the declared state in which a secondary serves.
type ServiceExpected struct {
	ReadOnly      bool
	SuperReadOnly bool
	// EventScheduler is ON, OFF or DISABLED.
	EventScheduler string
}

// proveClone wants the record of the last clone to be this run's, and what it brought to be the primary's history. A Completed record
// alone proves nothing: it survives restarts, and may be years old.
func (e *engine) proveClone(ctx context.Context) error {
	for _, r := range e.alive() {
		if err := e.judgeClone(ctx, r); err != nil {
			return e.blame(r, err)
		}
	}
	return nil
}

func (e *engine) judgeClone(ctx context.Context, r *replica) error {
	expected := e.options.Clone
	status, err := clone.ReadStatus(ctx, r.control)
	if err != nil {
		return nodeError(ctx, r.name, "read the clone's status", err)
	}
	r.layer(contract.ProofClone).Examined = 1
	d := contract.ProofDifference{Kind: contract.ProofChanged, Object: "clone"}
	if why := clone.Belongs(status, expected.Donor, expected.NotBefore); why != nil {
		d.Detail = why.Error()
		r.differ(contract.ProofClone, e.options.Listed, d)
		return nil
	}
	foreign, err := e.primary.control.value(ctx, "SELECT GTID_SUBTRACT(?, @@global.gtid_executed)", status.GTIDExecuted)
	if err != nil {
		return err
	}
	lost, err := r.subtractExecuted(ctx, status.GTIDExecuted)
	if err != nil {
		return err
	}
	if foreign != "" || lost != "" {
		d.Detail = fmt.Sprintf("the clone brought %s that %s has not executed, and %s is not executed here", orNone(foreign), e.primary.name, orNone(lost))
		r.differ(contract.ProofClone, e.options.Listed, d)
		return nil
	}
	r.note(contract.ProofClone, fmt.Sprintf("from %s, %s to %s", status.Source, status.Begin.Format(time.RFC3339), status.End.Format(time.RFC3339)))
	return nil
}

func orNone(set string) string {
	if set == "" {
		return "nothing"
	}
	return cut(node.CleanGTIDSet(set), 200)
}

// proveService looks at how a secondary serves, once everything else is done: both threads run without a limit, it keeps up, nothing
// but them can write. Threads that stand still are an error, as everywhere; the rest are warnings, for a resync mends none of it.
func (e *engine) proveService(ctx context.Context) error {
	for _, r := range e.alive() {
		began := time.Now()
		if _, err := e.catchUp(ctx, r); err != nil {
			return err
		}
		caughtUp := time.Since(began)
		c, err := r.status(ctx)
		if err == nil && (c.Trouble() != "" || !c.Running() || heldByProof(c)) {
			err = notReplicating(r.name, c)
		}
		if err == nil {
			err = e.judgeService(ctx, r, c, caughtUp)
		}
		if err != nil {
			return e.blame(r, err)
		}
	}
	return nil
}

func (e *engine) judgeService(ctx context.Context, r *replica, c node.Channel, caughtUp time.Duration) error {
	l := r.layer(contract.ProofService)
	warn := func(name, wanted, saw, why string) {
		r.warn(contract.ProofService, e.options.Listed, contract.ProofDifference{Kind: contract.ProofChanged, Object: "setting", Name: name,
			Secondary: saw, Detail: "want " + wanted + ": " + why})
	}
	lag := "unknown"
	if c.LagSeconds != nil {
		lag = strconv.FormatInt(*c.LagSeconds, 10) + " s"
	}
	r.note(contract.ProofService, fmt.Sprintf("both threads run; lag %s, caught up with %s in %d ms", lag, e.primary.name, caughtUp.Milliseconds()))
	if c.DelaySeconds > 0 {
		warn("SOURCE_DELAY", "0", strconv.Itoa(c.DelaySeconds), "the secondary is behind on purpose")
	}
	row, err := r.control.value(ctx, `SELECT CONCAT_WS(' ', @@global.read_only, @@global.super_read_only, @@global.offline_mode, @@global.event_scheduler)`)
	if err != nil {
		return err
	}
	now := strings.Fields(row)
	if len(now) != 4 {
		return fmt.Errorf("%s: read the service state: saw %q, want four values", r.name, row)
	}
	l.Examined = 6 // two threads and four settings
	readOnly, superReadOnly, offline, scheduler := node.IsOn(now[0]), node.IsOn(now[1]), node.IsOn(now[2]), now[3]
	if offline {
		r.note(contract.ProofService, "offline_mode is ON: clients are kept away, and the declared state is set when that ends")
		return nil
	}
	want := r.service
	if want == nil {
		r.note(contract.ProofService, "no state was declared to compare with")
		return nil
	}
	if readOnly != want.ReadOnly {
		warn("read_only", onOff(want.ReadOnly), onOff(readOnly), "declared in the inventory")
	}
	if superReadOnly != want.SuperReadOnly {
		warn("super_read_only", onOff(want.SuperReadOnly), onOff(superReadOnly), "declared in the inventory")
	}
	if want.EventScheduler != "" && !strings.EqualFold(want.EventScheduler, scheduler) {
		warn("event_scheduler", strings.ToUpper(want.EventScheduler), scheduler, "declared in the inventory")
	}
	return nil
}

func onOff(on bool) string {
	if on {
		return "ON"
	}
	return "OFF"
}
