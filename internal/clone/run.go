package clone

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
)

// Options for Run and Rehearse; the zero value is usable.
type Options struct {
	// ThrottleMiBps limits the copy, in MiB/s; 0 is no limit. SetThrottle changes it while the copy runs.
	ThrottleMiBps int
	// Adapt, if not nil, is asked once before the copy begins and then at every look for the limit that is to hold from now on, in
	// MiB/s, 0 for none. More than the progress's CeilingMiBps is not given.
	Adapt func(ctx context.Context, p Progress) int
	// RequireSSL refuses a copy in clear text; without it the plugin falls back to one.
	RequireSSL bool
	// LockWaitSeconds bounds the wait for a metadata lock in DROP DATA; 0 means 30. The server's default is a year.
	LockWaitSeconds int
	// PollEvery is how often progress is looked at; 0 means 1 s.
	PollEvery time.Duration
	// StallAfter is how long no byte may move while the donor does not answer; 0 means 60 s. With an answering donor it is
	// StallPatience times as long: the network between the two may be the fault. The plugin itself would wait 300 to 360 s.
	StallAfter time.Duration
	// DonorAnswers asks the donor, as the caller reaches it; nil means that it is not asked and counts as not answering.
	DonorAnswers func(ctx context.Context) error
}

// StallPatience multiplies Options.StallAfter while the donor answers.
const StallPatience = 3

func (o Options) lockWaitSeconds() int {
	if o.LockWaitSeconds > 0 {
		return o.LockWaitSeconds
	}
	return 30
}

func (o Options) pollEvery() time.Duration {
	if o.PollEvery > 0 {
		return o.PollEvery
	}
	return time.Second
}

func (o Options) stallAfter() time.Duration {
	if o.StallAfter > 0 {
		return o.StallAfter
	}
	return time.Minute
}

// Outcome is how a clone ended that did not fail.
type Outcome string

const (
	// Copied: the statement returned OK. The copy is durable; the server restarts by itself.
	Copied Outcome = "copied"
	// CopiedNeedsStart: error 3707. The copy is durable; the server shuts down and somebody has to start it.
	CopiedNeedsStart Outcome = "copied, needs a start"
	// Gone: a joined clone's server went away. Only its record after the start tells whether the copy was complete.
	Gone Outcome = "gone"
)

// Result of a clone that did not fail. In every case WaitOutRestart comes next.
type Result struct {
	Outcome Outcome
	// Bytes copied, as last seen before the restart.
	Bytes int64
}

// DetachedError: the clone may go on at the server without us, because the context ended or the connection broke. It is to be
// joined; nothing was killed.
type DetachedError struct {
	Node  string
	PID   uint64
	Cause error
}

func (e *DetachedError) Error() string {
	return fmt.Sprintf("node %s: left the clone of connection %d, which goes on at the server; join it: %v", e.Node, e.PID, e.Cause)
}

func (e *DetachedError) Unwrap() error { return e.Cause }

// Run clones the donor (host:port as the recipient reaches it) into the claimed node and watches until the statement ends.
// n is the same node, for the looks from a second connection.
//
// It returns a Result and the claim is used up; or a *Failure, and the claim stands if its connection does, with super_read_only ON
// again; or a *DetachedError: the context ended, or the connection broke, and the clone goes on at the server. The node must stand
// behind our fence, and the claim must have read the primary.
func Run(ctx context.Context, c *node.Claim, n *node.Node, donor string, account Account, o Options, onProgress func(Progress)) (Result, error) {
	statement, args, err := statement(donor, account, o)
	if err != nil {
		return Result{}, node.Wrap(c.Name(), "clone", err)
	}
	if err := fence.Hold(ctx, c); err != nil {
		return Result{}, err
	}
	if err := setKnobs(ctx, c, donor, o); err != nil {
		return Result{}, err
	}
	if err := c.Confirm(ctx); err != nil {
		return Result{}, err
	}
	unpin, err := pinThread(ctx, c, o)
	if err != nil {
		return Result{}, err
	}
	if err := c.Exec(ctx, "allow the clone to drop", "SET GLOBAL super_read_only = OFF"); err != nil {
		return Result{}, err
	}
	w := watch{claim: c, unpin: unpin, donor: donor, looks: newLooks(n, o, onProgress, time.Now())}

	// The statement must not end with ctx by the driver's hand: that would drop the connection in silence and leave the
	// clone running. Leaving is a decision, made below.
	execCtx, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	ended := make(chan error, 1)
	go func() { ended <- c.ExecSecret(execCtx, "clone", []string{account.Password}, statement, args...) }()

	tick := time.NewTicker(o.pollEvery())
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return w.judge(ctx, err)
		case <-ctx.Done():
			select { // it may have ended just now
			case err := <-ended:
				return w.judge(context.WithoutCancel(ctx), err)
			default:
			}
			leave()
			<-ended
			return Result{}, &DetachedError{Node: c.Name(), PID: c.ConnectionID(), Cause: ctx.Err()}
		case <-tick.C:
			w.look(ctx)
		}
	}
}

func statement(donor string, account Account, o Options) (string, []any, error) {
	host, port, err := donorOf(donor)
	if err != nil {
		return "", nil, err
	}
	if account.User == "" {
		return "", nil, errors.New("the donor account has no user")
	}
	s := "CLONE INSTANCE FROM ?@?:" + strconv.Itoa(int(port)) + " IDENTIFIED BY ?"
	if o.RequireSSL {
		s += " REQUIRE SSL"
	}
	return s, []any{account.User, host, account.Password}, nil
}

// judge turns the end of the statement into a result.
func (w *watch) judge(ctx context.Context, err error) (Result, error) {
	var my *mysql.MySQLError
	switch {
	case err == nil:
		w.claim.Abandon()
		return Result{Outcome: Copied, Bytes: w.looks.meter.last.Bytes}, nil
	case node.Number(err) == errnoNotManaged:
		w.claim.Abandon()
		return Result{Outcome: CopiedNeedsStart, Bytes: w.looks.meter.last.Bytes}, nil
	case w.claim.Lost() != nil:
		return Result{}, w.lost(ctx, err)
	case !errors.As(err, &my):
		return Result{}, err
	}
	// Only SET GLOBAL moved it; its persisted value is ON all the time. The failure is worth more than this error.
	_ = w.claim.Exec(ctx, "refuse writes again", "SET GLOBAL super_read_only = ON")
	w.unpin(ctx)
	status, statusErr := ReadStatus(ctx, w.claim)
	if statusErr != nil && !errors.Is(statusErr, ErrNoPlugin) {
		return Result{}, errors.Join(err, statusErr)
	}
	if status.PID != w.claim.ConnectionID() {
		status = Status{} // refused before it left a record; the old row is of another clone
	}
	failure := newFailure(w.claim.Name(), w.donor, my.Number, my.Message, status)
	failure.Stalled = w.looks.stalled()
	return Result{}, failure
}

// settleLost is how long a clone whose connection was killed may take to record its failure (measured on 9.7: 0.3 s).
const settleLost = 3 * time.Second

// lost tells a clone that was ended together with its connection (an operator's Kill) from one that goes on without it.
func (w *watch) lost(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLost)
	defer cancel()
	for {
		status, err := ReadStatus(ctx, w.looks.node)
		if err == nil && status.State == Failed && status.PID == w.claim.ConnectionID() {
			return newFailure(w.claim.Name(), w.donor, status.Errno, status.Error, status)
		}
		if err != nil || node.Sleep(ctx, 200*time.Millisecond) != nil {
			return &DetachedError{Node: w.claim.Name(), PID: w.claim.ConnectionID(), Cause: cause}
		}
	}
}
