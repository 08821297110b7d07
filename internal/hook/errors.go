package hook

import (
	"errors"
	"fmt"
	"time"
)

// TimedOutError says that a hook did not end in its time. A command and all that it started were killed.
type TimedOutError struct {
	// Hook names the hook and what it calls, without what may be secret.
	Hook    string
	Timeout time.Duration
	Output  string
}

func (e *TimedOutError) Error() string {
	return fmt.Sprintf("hook %s did not end within %s%s; make it faster or raise its timeout in the inventory", e.Hook, e.Timeout, said(e.Output))
}

// FailedError says that a hook was called and answered that it failed.
type FailedError struct {
	Hook string
	// Status is the command's end, such as "exit status 3", or the answer's status line.
	Status string
	// Code is the exit status, or the status of HTTP; -1 for a command that a signal ended.
	Code   int
	Output string

	final bool
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("hook %s failed with %s%s; wanted %s", e.Hook, e.Status, said(e.Output), wanted(e.Code))
}

// wanted tells a status of HTTP, which is 300 or more where it is a failure, from an exit status, which is at most 255.
func wanted(code int) string {
	if code >= 300 {
		return "an answer of 2xx"
	}
	return "exit status 0"
}

// NotCalledError says that a hook could not be called at all: no such program, no connection, no token.
type NotCalledError struct {
	Hook string
	Err  error

	final bool
}

func (e *NotCalledError) Error() string {
	return fmt.Sprintf("hook %s could not be called: %v; put that right, or correct the hook in the inventory", e.Hook, e.Err)
}

// Unwrap gives the cause.
func (e *NotCalledError) Unwrap() error { return e.Err }

// Again reports whether calling once more may help. It is false for what only a person can change: a program that is not there, an
// address that is refused, a token that is missing.
func Again(err error) bool {
	var timedOut *TimedOutError
	var failed *FailedError
	var notCalled *NotCalledError
	switch {
	case errors.As(err, &timedOut):
		return true
	case errors.As(err, &failed):
		return !failed.final
	case errors.As(err, &notCalled):
		return !notCalled.final
	}
	return false
}

func said(output string) string {
	if output == "" {
		return ""
	}
	return " and said: " + output
}
