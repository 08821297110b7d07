package channel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// ErrNoChannel: the server has no default channel.
var ErrNoChannel = errors.New("the server replicates from nobody")

// ErrStopped: a thread of the channel is stopped without an error: by somebody, or by an UNTIL that was reached.
var ErrStopped = errors.New("a replication thread is stopped without an error")

// ApplierError: the applier stopped at a transaction it could not apply.
type ApplierError struct {
	Node  string
	Errno int
	Text  string
	GTID  string // empty when the server does not say
}

func (e *ApplierError) Error() string {
	return fmt.Sprintf("node %s: the applier stopped with error %d at %q: %s", e.Node, e.Errno, e.GTID, e.Text)
}

// ReceiverProblem sorts what makes a receiver fail for good.
type ReceiverProblem string

const (
	// SourcePurged: the source no longer has the binary logs that are needed; only another clone helps.
	SourcePurged ReceiverProblem = "the source purged what is needed"
	// SourceBehind: the replica has transactions of the source's UUID that the source has not: the source went back.
	SourceBehind ReceiverProblem = "the source has less than the replica"
	// Refused: account, password or TLS.
	Refused ReceiverProblem = "the source refuses the account"
	// OtherProblem: look at the number.
	OtherProblem ReceiverProblem = "the receiver stopped"
)

// ReceiverError: the receiver cannot get transactions from the source.
type ReceiverError struct {
	Node    string
	Problem ReceiverProblem
	Errno   int
	Text    string
}

func (e *ReceiverError) Error() string {
	return fmt.Sprintf("node %s: %s: error %d: %s", e.Node, e.Problem, e.Errno, e.Text)
}

// CatchUpProgress is one look at a channel that catches up.
type CatchUpProgress struct {
	// Missing transactions of the target, and how many.
	Missing      string
	MissingCount int64
	// LagSeconds is nil when the server does not know.
	LagSeconds *int64
	// Waiting is what the receiver retries for; empty while all is well.
	Waiting string
}

// waitSlice keeps each wait short, so that a stopped thread is seen soon.
const waitSlice = "1" // seconds

// CatchUp waits until the node has executed every transaction of target. onProgress, if not nil, hears each look, about
// once a second. Errors: *ApplierError, *ReceiverError, ErrStopped, ErrNoChannel. A source that cannot be reached is waited for.
func CatchUp(ctx context.Context, r node.Reader, target string, onProgress func(CatchUpProgress)) error {
	const doing = "catch up"
	target = node.CleanGTIDSet(target)
	for {
		var timedOut bool
		if err := node.One(ctx, r, doing, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, "+waitSlice+")", []any{target}, &timedOut); err != nil {
			return err
		}
		if !timedOut {
			return nil
		}
		channels, err := node.ReadReplication(ctx, r)
		if err != nil {
			return err
		}
		channel, err := defaultChannel(channels)
		if err != nil {
			return node.Wrap(r.Name(), doing, err)
		}
		if err := judge(r.Name(), channel); err != nil {
			// The last transactions may have come between the wait and the look.
			if done, subsetErr := node.Subset(ctx, r, target, channel.Executed); subsetErr == nil && done {
				return nil
			}
			return err
		}
		if onProgress == nil {
			continue
		}
		p := CatchUpProgress{LagSeconds: channel.LagSeconds}
		if !channel.IORunning() {
			p.Waiting = fmt.Sprintf("error %d: %s", channel.IOErrno, channel.IOError)
		}
		if p.Missing, err = node.Subtract(ctx, r, target, channel.Executed); err != nil {
			return err
		}
		if p.MissingCount, err = node.CountGTIDs(p.Missing); err != nil {
			return node.Wrap(r.Name(), doing, err)
		}
		onProgress(p)
	}
}

func defaultChannel(channels []node.Channel) (node.Channel, error) {
	for _, ch := range channels {
		if ch.Name == "" {
			return ch, nil
		}
	}
	return node.Channel{}, ErrNoChannel
}

// judge finds what will not mend itself by waiting.
func judge(nodeName string, ch node.Channel) error {
	if failure, failed := ch.ApplierFailure(); failed && !ch.SQL {
		return &ApplierError{Node: nodeName, Errno: failure.Errno, Text: failure.Text, GTID: failure.GTID}
	}
	if problem, final := receiverProblem(ch); final {
		return &ReceiverError{Node: nodeName, Problem: problem, Errno: ch.IOErrno, Text: ch.IOError}
	}
	if !ch.SQL || ch.IO == "No" {
		return node.Wrap(nodeName, "catch up", fmt.Errorf("%w (receiver %s, applier running: %t, until %q)", ErrStopped, ch.IO, ch.SQL, ch.Until))
	}
	return nil
}

// receiverProblem reads the text where the number is not enough: 13114 (1236 on older servers) stands for both a purged source
// and one that went back (measured on 9.7).
func receiverProblem(ch node.Channel) (ReceiverProblem, bool) {
	switch ch.IOErrno {
	case 0:
		return "", false
	case node.ErrnoAccessDenied, 1044, 1130, 2061, 3118, 3159, 1862, 1820:
		return Refused, true
	}
	if ch.IO != "No" {
		return "", false // it retries by itself
	}
	switch text := strings.ToLower(ch.IOError); {
	case strings.Contains(text, "purged required binary logs"), strings.Contains(text, "purged binary logs"):
		return SourcePurged, true
	case strings.Contains(text, "more gtids than"):
		return SourceBehind, true
	}
	return OtherProblem, true
}
