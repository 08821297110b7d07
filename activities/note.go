package activities

import (
	"context"
	"errors"

	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// NoteInput is the node whose settings are noted.
type NoteInput struct {
	Target Target `json:"target"`
}

// NoteResult is how the node was before anything was done to it; it lives in the history, so that any worker can put it back.
type NoteResult struct {
	Done
	// Wreck nodes were fenced already: their settings say nothing, and they are never released.
	Wreck bool `json:"wreck,omitempty"`
	// Fence is nil for a wreck.
	Fence *fence.Note `json:"fence,omitempty"`
	// Channel is the channel it had, if any.
	Channel channel.Note `json:"channel"`
}

// Note writes down the service state and every option of the channel. A node that is fenced already is a wreck of an earlier run.
func (a *Activities) Note(ctx context.Context, in NoteInput) (NoteResult, error) {
	result, err := a.note(ctx, in)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) note(ctx context.Context, in NoteInput) (NoteResult, error) {
	pulse := startPulse(ctx, contract.StepNote)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return NoteResult{}, err
	}
	defer site.close()
	var result NoteResult
	before, err := fence.Take(ctx, site.recipient)
	switch {
	case errors.Is(err, fence.ErrFenced):
		result.Wreck = true
	case err != nil:
		return NoteResult{}, err
	default:
		result.Fence = &before
	}
	result.Channel, err = channel.Take(ctx, site.recipient)
	return result, err
}
