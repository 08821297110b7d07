package runs

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Closing is how a run closed.
type Closing struct {
	Ref
	// Report is nil when the run closed without one, for example because it was terminated.
	Report *contract.Report
	// Failure says why there is no report.
	Failure string
	// Terminated is true when an administrator ended the run, or Temporal timed it out: nothing could be cleaned up.
	Terminated bool
	// Cancelled is true when the run closed as cancelled.
	Cancelled bool
}

// ExitCode is the exit code of the run's outcome; a run without a report has none and counts as failed, or cancelled if it was.
func (c Closing) ExitCode() int {
	switch {
	case c.Report != nil:
		return c.Report.Outcome.ExitCode()
	case c.Cancelled:
		return contract.OutcomeCancelled.ExitCode()
	default:
		return contract.OutcomeFailed.ExitCode()
	}
}

// Close waits for the run to close and reads its report, whatever way it closed: as the result of a good one, in the typed details
// of the error of any other.
func Close(ctx context.Context, c client.Client, ref Ref) (Closing, error) {
	closing := Closing{Ref: ref}
	var report contract.Report
	err := c.GetWorkflow(ctx, ref.WorkflowID, ref.RunID).Get(ctx, &report)
	var execution *temporal.WorkflowExecutionError
	switch {
	case err == nil:
		closing.Report = &report
	case !errors.As(err, &execution):
		// Not the run's end but a failure to learn of it.
		return Closing{}, err
	default:
		closing.Report, closing.Failure = reportOf(err)
		var cancelled *temporal.CanceledError
		var terminated *temporal.TerminatedError
		var timedOut *temporal.TimeoutError
		closing.Cancelled = errors.As(err, &cancelled)
		closing.Terminated = errors.As(err, &terminated) || errors.As(err, &timedOut)
	}
	if closing.Report != nil && closing.Report.Outcome == "" {
		closing.Report, closing.Failure = nil, "the result is not a report; is the worker of another version?"
	}
	return closing, nil
}

// reportOf reads the report from the details of the error that closed a run. The error's type names the reason, which may be any of
// the contract's, so the details themselves decide: a report has an outcome.
func reportOf(err error) (*contract.Report, string) {
	var application *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var details interface {
		HasDetails() bool
		Details(...any) error
	}
	switch {
	case errors.As(err, &application):
		details = application
	case errors.As(err, &cancelled):
		details = cancelled
	}
	var report contract.Report
	if details == nil || !details.HasDetails() || details.Details(&report) != nil || report.Outcome == "" {
		return nil, err.Error()
	}
	return &report, ""
}
