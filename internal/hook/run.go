package hook

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

// Run calls a hook once. Its errors are a *TimedOutError, a *FailedError, a *NotCalledError, or that of a context that ended; Again says
// whether another attempt may help.
func Run(ctx context.Context, hook inventory.Hook, event Event) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	message, err := event.message()
	if err != nil {
		return Answer{}, &NotCalledError{Hook: hook.String(), Err: err, final: true}
	}
	limited, cancel := context.WithTimeout(ctx, hook.Timeout)
	defer cancel()
	call := request
	if len(hook.Command) > 0 {
		call = command
	}
	output, err := call(limited, hook, event, message)
	switch {
	case err == nil:
		return Answer{Output: output, Attempts: 1}, nil
	case ctx.Err() != nil:
		return Answer{}, fmt.Errorf("hook %s was given up: %w", hook, ctx.Err())
	case limited.Err() != nil:
		return Answer{}, &TimedOutError{Hook: hook.String(), Timeout: hook.Timeout, Output: output}
	default:
		return Answer{}, err
	}
}

// All calls hooks in their order, each as often as it has attempts and another may help. The first one that fails for good and whose
// failure means stop ends it, with its error; those after it are not called. Any other failure becomes a note, as do outputs: the notes
// are for the report, also where there is an error. watch, if not nil, hears before each attempt what is called.
func All(ctx context.Context, hooks []inventory.Hook, event Event, watch func(doing string)) (notes []string, err error) {
	for _, hook := range hooks {
		answer, err := insist(ctx, hook, event, watch)
		switch {
		case err == nil && answer.Output != "":
			notes = append(notes, fmt.Sprintf("hook %s said: %s", hook, answer.Output))
		case err == nil:
		case ctx.Err() != nil || hook.OnFailure != inventory.HookContinue:
			return notes, err
		default:
			notes = append(notes, err.Error())
		}
	}
	return notes, nil
}

func insist(ctx context.Context, hook inventory.Hook, event Event, watch func(doing string)) (Answer, error) {
	for attempt := 1; ; attempt++ {
		if watch != nil {
			watch(fmt.Sprintf("%s, attempt %d of %d", hook, attempt, hook.Attempts))
		}
		answer, err := Run(ctx, hook, event)
		answer.Attempts = attempt
		if err == nil || attempt >= hook.Attempts || !Again(err) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, fmt.Errorf("hook %s was given up: %w", hook, ctx.Err())
		case <-time.After(pause(attempt)):
		}
	}
}

// pause doubles from half a second up to half a minute: long enough for a proxy's restart within the default attempts' time limits.
func pause(attempt int) time.Duration {
	return min(500*time.Millisecond<<min(attempt-1, 10), 30*time.Second)
}
