package activities

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/fence"
)

// InspectInput is the node to look at.
type InspectInput struct {
	Target Target `json:"target"`
}

// InspectResult says in what state the server is now.
type InspectResult struct {
	Fenced bool   `json:"fenced"`
	State  string `json:"state"`
}

// Inspect asks a server in what state it is, when nobody else can tell.
func (a *Activities) Inspect(ctx context.Context, in InspectInput) (InspectResult, error) {
	result, err := a.inspect(ctx, in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) inspect(ctx context.Context, in InspectInput) (InspectResult, error) {
	site, err := a.openSite(in.Target)
	if err != nil {
		return InspectResult{}, err
	}
	defer site.close()
	state, err := fence.State(ctx, site.recipient)
	if err != nil {
		return InspectResult{}, err
	}
	gtids, err := site.recipient.GTIDs(ctx)
	if err != nil {
		return InspectResult{}, err
	}
	result := InspectResult{Fenced: state.Owner == fence.Ours}
	data := "it has executed " + gtids.Executed
	if gtids.Executed == "" {
		data = "it is empty"
	}
	fenced := "not fenced"
	if result.Fenced {
		fenced = "fenced: clients are refused"
	}
	result.State = fmt.Sprintf("%s; %s", fenced, data)
	return result, nil
}
