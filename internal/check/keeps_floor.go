package check

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// FloorError says that a node has to stay in service, because too few others are.
type FloorError struct {
	Node string
	// Floor is how many others have to serve, Serving how many do.
	Floor, Serving int
	// Why says of each other one that does not serve what keeps it from serving.
	Why []string
}

func (e *FloorError) Error() string {
	return fmt.Sprintf("node %s: secondaries that serve beside it: %d, wanted while it is out of service: %d (%s); bring them into service, then start again",
		e.Node, e.Serving, e.Floor, strings.Join(e.Why, "; "))
}

// KeepsFloor judges, right before a node is taken out of service, whether enough others serve now; what the plan saw may be hours old. look
// opens one of the others. It stops at the first so many that serve. The error is a *FloorError, or that of ctx.
func KeepsFloor(ctx context.Context, name, primaryUUID string, floor int, others []string, look func(name string) (*node.Node, error)) error {
	serving := 0
	var why []string
	for _, other := range others {
		if serving >= floor {
			return nil
		}
		keeps, err := keepsFromServing(ctx, other, primaryUUID, look)
		if err != nil {
			return err
		}
		if keeps == "" {
			serving++
			continue
		}
		why = append(why, other+": "+keeps)
	}
	if serving >= floor {
		return nil
	}
	return &FloorError{Node: name, Floor: floor, Serving: serving, Why: why}
}

// ServesNow reports whether a secondary can be seen to serve. One that cannot be looked at does not; the error is that of ctx or look.
func ServesNow(ctx context.Context, name, primaryUUID string, look func(name string) (*node.Node, error)) (bool, error) {
	keeps, err := keepsFromServing(ctx, name, primaryUUID, look)
	return err == nil && keeps == "", err
}

// keepsFromServing says what keeps a secondary from serving, as Observations.Serving judges it; empty if nothing does.
func keepsFromServing(ctx context.Context, name, primaryUUID string, look func(name string) (*node.Node, error)) (string, error) {
	n, err := look(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = n.Close() }()
	status, err := fence.State(ctx, n)
	if err == nil && status.Owner != fence.None {
		return "it is in offline mode", nil
	}
	var channels []node.Channel
	if err == nil {
		channels, err = node.ReadReplication(ctx, n)
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return err.Error(), nil
	}
	channels = (&Observation{Channels: channels}).ReplicationChannels()
	switch {
	case len(channels) != 1 || !strings.EqualFold(channels[0].SourceUUID, primaryUUID):
		return "it does not follow the primary", nil
	case channels[0].DelaySeconds > contract.ServingLag: // whether it runs or not
		return fmt.Sprintf("it is kept %d s behind on purpose", channels[0].DelaySeconds), nil
	case !channels[0].Running():
		return cmp.Or(channels[0].Trouble(), "its receiver is not connected"), nil
	case channels[0].LagSeconds == nil || *channels[0].LagSeconds > contract.ServingLag:
		return fmt.Sprintf("it is more than %d s behind", contract.ServingLag), nil
	}
	return "", nil
}
