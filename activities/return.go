package activities

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// ReturnInput is a proven node, and how it was before.
type ReturnInput struct {
	Target Target     `json:"target"`
	Noted  NoteResult `json:"noted"`
}

// ReturnResult says what was seen when the node was looked at as an ordinary client.
type ReturnResult struct {
	Done
	Notes []string `json:"notes,omitempty"`
}

// Return puts a proven node into service: its channel running, with the former delay, the declared service state, and the fence lifted
// last. The state comes from the inventory, never from what was found, which may have been fenced or accidental. Then it is looked at
// once more as a client without privileges.
func (a *Activities) Return(ctx context.Context, in ReturnInput) (ReturnResult, error) {
	result, err := a.takeBack(ctx, in)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) takeBack(ctx context.Context, in ReturnInput) (ReturnResult, error) {
	pulse := startPulse(ctx, contract.StepReturn)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return ReturnResult{}, err
	}
	defer site.close()
	if err := site.waitForRecipient(ctx, pulse); err != nil {
		return ReturnResult{}, err
	}
	declared, err := site.declared()
	if err != nil {
		return ReturnResult{}, err
	}
	claim, err := site.claim(ctx, a.stillCurrent(ctx, pulse))
	if err != nil {
		return ReturnResult{}, err
	}
	defer claim.Close()
	if err := channel.Resume(ctx, claim); err != nil {
		return ReturnResult{}, err
	}
	if err := channel.SetDelay(ctx, claim, in.Noted.Channel); err != nil {
		return ReturnResult{}, err
	}
	if err := fence.Lift(ctx, claim, serviceState(declared.Service), in.Noted.Fence); err != nil {
		return ReturnResult{}, err
	}
	note, err := site.lookAsClient(ctx)
	if err != nil {
		return ReturnResult{}, err
	}
	return ReturnResult{Notes: note}, nil
}

func serviceState(declared inventory.Service) fence.ServiceState {
	return fence.ServiceState{
		ReadOnly: declared.ReadOnly, SuperReadOnly: declared.SuperReadOnly, EventScheduler: string(declared.EventScheduler),
	}
}

// lookAsClient connects as the replication account, which passes no fence: what it sees, clients see.
func (s *site) lookAsClient(ctx context.Context) ([]string, error) {
	client, err := openNode(s.cluster, s.target.Node, s.cluster.Accounts.Replication, s.target.Run)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	identity, err := client.Identity(ctx)
	switch {
	case node.Classify(err) == node.ClassAccessDenied:
		return []string{fmt.Sprintf("not looked at as an ordinary client: the replication account may not connect from the worker (%v)", err)}, nil
	case err != nil:
		return nil, fmt.Errorf("looked at as an ordinary client after its return: %w", err)
	case identity.UUID != s.target.NodeUUID:
		return nil, &node.WrongServerError{Node: s.target.Node, Saw: identity.UUID, Want: s.target.NodeUUID}
	}
	return nil, nil
}
