package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"
	"go.temporal.io/api/serviceerror"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Exit codes besides those of the outcomes (contract.Outcome.ExitCode), taken from sysexits.h so that they are not mistaken for them.
const (
	exitDone        = 0
	exitRefused     = 2
	exitUsage       = 64
	exitUnavailable = 69
	exitSoftware    = 70
	exitInterrupted = 130
)

// failure is why a command did not do what it was asked to, and what to do about it.
type failure struct {
	Message string
	Hint    string
	Code    int
}

func (f *failure) Error() string { return f.Message }

// refused is a failure that changed nothing.
func refused(hint, format string, args ...any) *failure {
	return &failure{Message: fmt.Sprintf(format, args...), Hint: hint, Code: exitRefused}
}

func usage(err error) *failure {
	hint := "starter --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if selected := parse.Context.Selected(); selected != nil {
			hint = "starter " + selected.Path() + " --help"
		}
	}
	return &failure{Message: err.Error(), Hint: hint, Code: exitUsage}
}

// fail tells an error: for people on stderr, and with --json as the one document on stdout as well. It returns the exit code.
func (a *app) fail(err error) int {
	told := a.explain(err)
	fmt.Fprintf(a.terminal.Err, "%s %s\n", a.terminal.Err.Paint(terminal.Red, "error:"), terminal.CleanLines(told.Message))
	if told.Hint != "" {
		fmt.Fprintf(a.terminal.Err, "%s\n", terminal.CleanLines("hint:  "+told.Hint))
	}
	if a.json {
		_ = json.NewEncoder(a.terminal.Out).Encode(struct {
			Error    string `json:"error"`
			Hint     string `json:"hint,omitempty"`
			ExitCode int    `json:"exitCode"`
		}{told.Message, told.Hint, told.Code})
	}
	return told.Code
}

// explain is the one place where errors become exit codes and hints.
func (a *app) explain(err error) *failure {
	var own *failure
	var notFound *runs.NotFoundError
	var other *runs.NotARunError
	var no *runs.RefusedError
	var closed *runs.ClosedError
	var silent *runs.NoAnswerError
	var namespace *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &notFound):
		return refused("a run is named by its cluster or by its workflow ID; the Temporal UI lists them under type "+
			contract.WorkflowResyncCluster, "%s", notFound)
	case errors.As(err, &other):
		hint := ""
		if other.Parent != "" {
			hint = "starter status " + report.Quoted(other.Parent)
		}
		return refused(hint, "%s", other)
	case errors.As(err, &no):
		return refused("starter status "+report.Quoted(no.WorkflowID), "%s", no)
	case errors.As(err, &closed):
		return refused("starter status "+report.Quoted(closed.WorkflowID), "%s", closed)
	case errors.As(err, &silent):
		return &failure{Message: silent.Error(), Code: exitUnavailable,
			Hint: "is a worker running? See: starter status " + report.Quoted(silent.WorkflowID)}
	case errors.As(err, &namespace):
		return &failure{Message: fmt.Sprintf("Temporal has no namespace %q", namespace.Namespace), Code: exitUnavailable,
			Hint: "--namespace, TEMPORAL_NAMESPACE or the profile names it"}
	case errors.As(err, &denied):
		return &failure{Message: "Temporal refused access: " + denied.Error(), Code: exitUnavailable,
			Hint: "the profile, TEMPORAL_API_KEY or the TLS certificate decides who you are"}
	case transient(err):
		return &failure{Message: "Temporal does not answer: " + err.Error(), Hint: reachHint, Code: exitUnavailable}
	default:
		return &failure{Message: err.Error(), Code: exitSoftware}
	}
}

// transient errors say that Temporal cannot be asked now, not that the question was wrong.
func transient(err error) bool {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	var busy *serviceerror.ResourceExhausted
	return errors.As(err, &unavailable) || errors.As(err, &deadline) || errors.As(err, &busy) || errors.Is(err, context.DeadlineExceeded)
}
