package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// requestTimeout is how long a run may take to judge a request. A worker that lives answers within moments.
const requestTimeout = 20 * time.Second

// RefusedError says that the run judged a request and refused it; nothing was changed by it.
type RefusedError struct {
	Request, WorkflowID, Why string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refused %s: %s", e.WorkflowID, e.Request, e.Why)
}

// ClosedError says that the run has closed and answers no requests.
type ClosedError struct {
	WorkflowID string
}

func (e *ClosedError) Error() string { return e.WorkflowID + " has closed already" }

// NoAnswerError says that a request was sent and nobody answered: whether it will be accepted is not known.
type NoAnswerError struct {
	Request, WorkflowID string
}

func (e *NoAnswerError) Error() string {
	return fmt.Sprintf("%s did not answer %s within %s; it is not known whether it will be accepted", e.WorkflowID, e.Request, requestTimeout)
}

// Send puts a request to a run as an Update and returns once the run has accepted and carried it out.
func Send(ctx context.Context, c client.Client, ref Ref, request string, payload any) error {
	sending, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	handle, err := c.UpdateWorkflow(sending, client.UpdateWorkflowOptions{
		WorkflowID: ref.WorkflowID, RunID: ref.RunID, UpdateName: request, Args: []any{payload},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(sending, nil)
	}
	var application *temporal.ApplicationError
	var timeout *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var deadline *serviceerror.DeadlineExceeded
	switch {
	case err == nil:
		return nil
	case errors.As(err, &application):
		return &RefusedError{Request: request, WorkflowID: ref.WorkflowID, Why: application.Message()}
	case missing(err):
		return &ClosedError{WorkflowID: ref.WorkflowID}
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &timeout), errors.As(err, &deadline), errors.Is(err, context.DeadlineExceeded):
		return &NoAnswerError{Request: request, WorkflowID: ref.WorkflowID}
	default:
		return err
	}
}

// Cancel asks a run to stop at its next safe point. A run that has closed is looked for first: Temporal accepts a second cancel of a
// cancelled run without a word.
func Cancel(ctx context.Context, c client.Client, ref Ref) error {
	described, err := c.DescribeWorkflowExecution(ctx, ref.WorkflowID, ref.RunID)
	if err != nil {
		return err
	}
	if described.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return &ClosedError{WorkflowID: ref.WorkflowID}
	}
	err = c.CancelWorkflow(ctx, ref.WorkflowID, ref.RunID)
	if missing(err) {
		return &ClosedError{WorkflowID: ref.WorkflowID}
	}
	return err
}
