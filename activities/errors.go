package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/clusterresync/clusterresync/internal/archive"
	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/mail"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/rescue"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// FailureFacts travel with every error as its details.
type FailureFacts struct {
	// Attempt is which try failed, from 1.
	Attempt int `json:"attempt"`
	// Donor says that the donor was at fault: another one may do.
	Donor bool `json:"donor,omitempty"`
}

// stepError is an error whose type an activity already knows.
type stepError struct {
	typ   contract.ErrorType
	final bool
	err   error
}

func (e *stepError) Error() string { return e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// failed is an error that another attempt may mend.
func failed(typ contract.ErrorType, format string, args ...any) error {
	return &stepError{typ: typ, err: fmt.Errorf(format, args...)}
}

// final is an error that no other attempt can mend.
func final(typ contract.ErrorType, format string, args ...any) error {
	return &stepError{typ: typ, final: true, err: fmt.Errorf(format, args...)}
}

// overtakenError says that the Temporal server no longer knows this attempt as the current one.
type overtakenError struct{ cause error }

func (e *overtakenError) Error() string {
	return "this attempt is no longer the current one and has stopped: " + e.cause.Error()
}
func (e *overtakenError) Unwrap() error { return e.cause }

// asTemporal is the one place where errors become Temporal errors. It is called as the last thing an activity does: the SDK looks only
// at the outermost type, so that anything wrapped around its result would be retried whatever it says.
func asTemporal(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cancelled(ctx, err) {
		return temporal.NewCanceledError()
	}
	typ, lasting := classify(ctx, err)
	facts := FailureFacts{Attempt: attempt(ctx)}
	var fault *donorFault
	if errors.As(err, &fault) && typ != contract.ErrorWorkerStopped {
		facts.Donor = true
		lasting = lasting || fault.others
	}
	options := temporal.ApplicationErrorOptions{NonRetryable: lasting, Details: []any{facts}}
	var soon *mail.TemporaryError
	if errors.As(err, &soon) {
		options.NextRetryDelay = soon.RetryAfter
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(typ), options)
}

// cancelled reports that the workflow asked this activity to stop. A worker that shuts down cancels the context as well, with another
// cause; then the error stays retryable and another worker goes on.
func cancelled(ctx context.Context, err error) bool {
	return temporal.IsCanceledError(context.Cause(ctx)) || temporal.IsCanceledError(err)
}

// classify names an error's type and says whether another attempt is pointless. What a person can mend meanwhile (an inventory, a
// password) is not pointless here: whether it is worth waiting for depends on the step, and the workflow's options say that.
func classify(ctx context.Context, err error) (typ contract.ErrorType, final bool) {
	var (
		step      *stepError
		overtaken *overtakenError
		unknown   *inventory.UnknownClusterError
		mismatch  *inventory.HashMismatchError
		invalid   *inventory.InvalidError
		secret    *inventory.SecretError
		wrong     *node.WrongServerError
		identity  *check.IdentityError
		grew      *check.LossGrewError
		floor     *check.FloorError
		applier   *channel.ApplierError
		receiver  *channel.ReceiverError
		changed   *node.PrimaryChangedError
		other     *node.HeldByOtherError
		gone      *serviceerror.NotFound
		permanent *mail.PermanentError
		offline   *fence.OfflineByOtherError
		purged    *binlog.PurgedError
		noLog     *binlog.NoBinaryLogError
		opaque    *binlog.UnreadableError
		damaged   *rescue.DamagedError
		cut       *binlog.IncompleteError
		full      *archive.RoomError
		closed    *archive.AccessError
	)
	switch {
	case errors.Is(context.Cause(ctx), worker.ErrWorkerShutdown):
		return contract.ErrorWorkerStopped, false
	case errors.As(err, &step):
		return step.typ, step.final
	case errors.As(err, &overtaken) && errors.As(err, &gone):
		return contract.ErrorOvertaken, true
	case errors.As(err, &overtaken):
		return contract.ErrorOvertaken, false
	case errors.As(err, &unknown):
		return contract.ErrorUnknownCluster, true
	case errors.As(err, &mismatch):
		return contract.ErrorInventoryChanged, false
	case errors.As(err, &invalid), errors.As(err, &secret):
		return contract.ErrorInventory, false
	case errors.As(err, &wrong), errors.As(err, &changed), errors.As(err, &identity):
		return contract.ErrorIdentity, true
	case errors.As(err, &grew):
		return contract.ErrorLossGrew, true
	case errors.As(err, &floor):
		return contract.ErrorFloor, false
	case errors.As(err, &receiver):
		// What the source no longer has, no wait brings back: only another clone helps.
		return contract.ErrorReplication, receiver.Problem == channel.SourcePurged || receiver.Problem == channel.SourceBehind
	case errors.As(err, &applier):
		return contract.ErrorReplication, false
	case errors.As(err, &other):
		return contract.ErrorHeldByOther, true
	case errors.Is(err, fence.ErrNotFenced), errors.Is(err, fence.ErrNotPersistent), errors.As(err, &offline):
		return contract.ErrorNotFenced, true
	case errors.As(err, &purged), errors.As(err, &noLog), errors.As(err, &opaque), errors.As(err, &damaged),
		errors.Is(err, archive.ErrNotFound):
		return contract.ErrorRescue, true
	case errors.As(err, &cut), errors.As(err, &full), errors.As(err, &closed):
		return contract.ErrorRescue, false
	case errors.As(err, &permanent):
		return contract.ErrorMail, true
	}
	switch node.Classify(err) {
	case node.ClassUnreachable, node.ClassConnectionLost:
		return contract.ErrorUnreachable, false
	case node.ClassAccessDenied:
		return contract.ErrorAccessDenied, false
	default:
		return contract.ErrorMySQL, false
	}
}
