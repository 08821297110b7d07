package inventory

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// HookPlace is a point of a run at which an operator's hooks are called.
type HookPlace string

// The places, in the order of a run.
const (
	// HookRunStart: the plan is approved and nothing has been touched.
	HookRunStart HookPlace = "runStart"
	// HookBeforeFence: a node is about to be taken out of service. Once for each node.
	HookBeforeFence HookPlace = "beforeFence"
	// HookAfterReturn: a node is back in service, proven or as it was. Once for each node whose HookBeforeFence was called.
	HookAfterReturn HookPlace = "afterReturn"
	// HookRunEnd: the outcome of a run whose HookRunStart was called is known.
	HookRunEnd HookPlace = "runEnd"
)

// HookPlaces lists the places in the order of a run.
func HookPlaces() []HookPlace {
	return []HookPlace{HookRunStart, HookBeforeFence, HookAfterReturn, HookRunEnd}
}

// MayStop reports whether a hook's failure at this place may stop what follows. At the other two the work is done: there is nothing
// left to stop.
func (p HookPlace) MayStop() bool { return p == HookRunStart || p == HookBeforeFence }

// OnHookFailure is what a hook's failure means, once its attempts are used up.
type OnHookFailure string

// The meanings of a hook's failure.
const (
	// HookStop: the run, or at HookBeforeFence the node, is not begun.
	HookStop OnHookFailure = "stop"
	// HookContinue: the failure is noted in the report and the run goes on.
	HookContinue OnHookFailure = "continue"
)

// Defaults and limits of a Hook.
const (
	DefaultHookTimeout  = 30 * time.Second
	DefaultHookAttempts = 3
	leastHookTimeout    = time.Second
	mostHookTimeout     = time.Hour
	mostHookAttempts    = 20
)

// Hook is one call to a program or an address of the operator's. Exactly one of Command and URL is set.
//
// It has no JSON form: a command line and an address may hold what opens something, and neither goes into a history.
type Hook struct {
	// Command is an absolute path on the worker's machine and its arguments. No shell reads it.
	Command []string `json:"-"`
	// URL is called with POST. Its path and query may be secrets, as those of incoming webhooks are; Target leaves them out.
	URL string `json:"-"`
	// Secret is where the bearer token for URL is found; empty for none.
	Secret Source `json:"-"`
	// Timeout bounds each attempt.
	Timeout time.Duration `json:"-"`
	// Attempts is how often it is tried in all, at least 1.
	Attempts  int           `json:"-"`
	OnFailure OnHookFailure `json:"-"`

	// path is where the hook was declared, for errors.
	path string
}

// Hooks are the hooks of a cluster by place; each is called in the order of its list.
type Hooks map[HookPlace][]Hook

// Places are those that have a hook, in the order of a run. They are no secret.
func (h Hooks) Places() []HookPlace {
	var some []HookPlace
	for _, place := range HookPlaces() {
		if len(h[place]) > 0 {
			some = append(some, place)
		}
	}
	return some
}

// Name is where the hook stands in the inventory, for example clusters.shop.hooks.runStart[0].
func (h Hook) Name() string { return h.path }

// Target is what is called, as far as it may be shown: the program without its arguments, or the address without path and query.
func (h Hook) Target() string {
	if len(h.Command) > 0 {
		return h.Command[0]
	}
	address, err := url.Parse(h.URL)
	if err != nil {
		return "its address"
	}
	return address.Scheme + "://" + address.Host
}

// String is safe to print.
func (h Hook) String() string { return h.Name() + " (" + h.Target() + ")" }

// GoString is safe to print.
func (h Hook) GoString() string { return h.String() }

// Token fetches the bearer token now; it is empty if none is declared. When it is missing or cannot be sent, the error is a
// *HookSecretError, which never holds it.
func (h Hook) Token() (Secret, error) {
	if h.Secret == "" {
		return Secret{}, nil
	}
	value, err := h.Secret.read()
	if err == nil && (value == "" || strings.ContainsFunc(value, notInToken)) {
		err = errors.New("wanted one line of printable ASCII characters without blanks")
	}
	if err != nil {
		return Secret{}, &HookSecretError{Hook: h.Name(), Source: h.Secret, Err: err}
	}
	return NewSecret(value), nil
}

// notInToken bounds what may stand in a header (RFC 9110, field values); the tokens of RFC 6750 are among what is left.
func notInToken(r rune) bool { return r <= ' ' || r > '~' }

// HookSecretError says that the bearer token of a hook could not be had.
type HookSecretError struct {
	// Hook is where the hook stands in the inventory.
	Hook   string
	Source Source
	Err    error
}

func (e *HookSecretError) Error() string {
	return fmt.Sprintf("%s: the bearer token, declared as %s, cannot be used: %v", e.Hook, e.Source, e.Err)
}

// Unwrap gives the reason, fs.ErrNotExist among them.
func (e *HookSecretError) Unwrap() error { return e.Err }
