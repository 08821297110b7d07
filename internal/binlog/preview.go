package binlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Limits bound what a preview may cost. What lies beyond them is said in LossPreview.Partial.
type Limits struct {
	// Time is how long it may read; 0 is DefaultTime.
	Time time.Duration
	// Bytes is how much it may read; 0 is DefaultBytes.
	Bytes int64
	// Event is the largest event, in bytes, that it looks into, and so bounds its memory; 0 is DefaultEvent.
	Event int
}

// The defaults of Limits.
const (
	DefaultTime  = 30 * time.Second
	DefaultBytes = 512 << 20
	DefaultEvent = 32 << 20
)

func (l Limits) completed() Limits {
	return Limits{Time: cmp.Or(l.Time, DefaultTime), Bytes: cmp.Or(l.Bytes, DefaultBytes), Event: cmp.Or(l.Event, DefaultEvent)}
}

// Preview says what the errant transactions of a node did. That it cannot be known is no error but LossPreview.Unreadable. An error is
// about the connection, or the end of ctx.
func Preview(ctx context.Context, n *node.Node, errant string, limits Limits) (contract.LossPreview, error) {
	limits = limits.completed()
	s := NewSummary(NewDecoder(false, limits.Event), nil)
	var visited int64
	why := ""
	limited, cancel := context.WithTimeoutCause(ctx, limits.Time, errEnough)
	defer cancel()
	err := read(limited, n, errant, limits.Event, func(e Event) error {
		if e.Format {
			return s.Add(e)
		}
		if visited += int64(e.Size); visited > limits.Bytes {
			why = fmt.Sprintf("reading stopped after %d MiB", limits.Bytes>>20)
			return errEnough
		}
		return s.Add(e)
	})
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(limited), errEnough) {
		why, err = fmt.Sprintf("reading stopped after %s", limits.Time), nil
	}
	var purged *PurgedError
	var off *NoBinaryLogError
	var unreadable *UnreadableError
	var incomplete *IncompleteError
	switch {
	case errors.As(err, &purged), errors.As(err, &off), errors.As(err, &unreadable), errors.As(err, &incomplete):
		return contract.LossPreview{Unreadable: err.Error()}, nil
	case err != nil && !errors.Is(err, errEnough):
		return contract.LossPreview{}, err
	}
	preview := s.Preview()
	if why != "" {
		wanted, err := node.CountGTIDs(errant)
		if err != nil {
			return contract.LossPreview{}, err
		}
		preview.Partial = strings.Join(slices.DeleteFunc([]string{
			fmt.Sprintf("%s, with %d of %d transactions read", why, s.Transactions(), wanted), preview.Partial,
		}, func(s string) bool { return s == "" }), "; ")
	}
	return preview, nil
}
