package fence

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// ServiceState is the declared state in which a node serves as a secondary.
type ServiceState struct {
	ReadOnly      bool `json:"readOnly"`
	SuperReadOnly bool `json:"superReadOnly"`
	// EventScheduler is OFF, ON or DISABLED, in any case of letters. DISABLED can only come from an option file.
	EventScheduler string `json:"eventScheduler"`
}

// Lift gives a proven node back to its clients: the declared state first, offline_mode last. It may be run again.
//
// The declared values are persisted, so that a restart brings the same; where note shows that the server's own options
// bring it, the fence's persisted value is taken away instead. note may be nil (a node that was found fenced); then
// skip_replica_start and offline_mode are simply no longer persisted.
func Lift(ctx context.Context, c *node.Claim, declared ServiceState, note *Note) error {
	want, err := declared.settings()
	if err != nil {
		return node.Wrap(c.Name(), "lift the fence", err)
	}
	status, settings, err := read(ctx, c)
	if err != nil {
		return err
	}
	if note == nil {
		note = &Note{}
	}
	switch status.Owner {
	case Other:
		return &OfflineByOtherError{Node: c.Name(), By: status.By, Since: status.Since}
	}
	gtids, err := node.ReadGTIDs(ctx, c)
	if err != nil {
		return err
	}
	if gtids.Executed == "" {
		return &node.Error{Node: c.Name(), Doing: "lift the fence", Err: fmt.Errorf("%w: it has executed nothing", ErrErased)}
	}
	for _, s := range want {
		if err := declare(ctx, c, s, settings[s.name], note.Settings[s.name]); err != nil {
			return err
		}
	}
	if err := putBackPersisted(ctx, c, skipReplicaStart, settings[skipReplicaStart].Persisted, note.Settings[skipReplicaStart].Persisted); err != nil {
		return err
	}
	if err := requireDeclared(ctx, c, want); err != nil {
		return err
	}
	if status.Owner == None {
		// An earlier call got this far, or somebody else lifted it before the node was as declared; now it is.
		return forgetOffline(ctx, c, settings[offlineMode], note.Settings[offlineMode].Persisted)
	}
	return openOffline(ctx, c, note.Settings[offlineMode].Persisted)
}

type wanted struct{ name, value string }

// settings lists the declared values in an order in which each can be set: super_read_only=ON needs read_only, and
// read_only=OFF would take super_read_only with it.
func (s ServiceState) settings() ([]wanted, error) {
	if s.SuperReadOnly && !s.ReadOnly {
		return nil, errors.New("declared super_read_only=ON with read_only=OFF: the server cannot be so")
	}
	scheduler := strings.ToUpper(s.EventScheduler)
	switch scheduler {
	case "ON", "OFF", "DISABLED":
	default:
		return nil, fmt.Errorf("declared event_scheduler=%q: wanted on, off or disabled", s.EventScheduler)
	}
	ro, sro := wanted{readOnly, onOff(s.ReadOnly)}, wanted{superReadOnly, onOff(s.SuperReadOnly)}
	es := wanted{eventScheduler, scheduler}
	if s.SuperReadOnly {
		return []wanted{ro, sro, es}, nil
	}
	return []wanted{sro, ro, es}, nil
}

func onOff(b bool) string {
	if b {
		return "ON"
	}
	return "OFF"
}

func declare(ctx context.Context, c *node.Claim, want wanted, now, was node.Setting) error {
	doing := "declare " + want.name
	if want.value == "DISABLED" || now.Value == "DISABLED" {
		// Only an option file can bring or end it, so what we persisted must not stand in its way.
		return putBackPersisted(ctx, c, want.name, now.Persisted, nil)
	}
	if was.Persisted == nil && optionBrings(was, want.value) {
		if err := c.Exec(ctx, doing, "SET GLOBAL "+want.name+" = "+want.value); err != nil {
			return err
		}
		return putBackPersisted(ctx, c, want.name, now.Persisted, nil)
	}
	return c.Exec(ctx, doing, "SET PERSIST "+want.name+" = "+want.value)
}

// optionBrings reports whether the server, left to its options, starts with the value: it had it without anybody setting it.
func optionBrings(was node.Setting, value string) bool {
	switch was.Source {
	case "COMPILED", "GLOBAL", "SERVER", "EXPLICIT", "EXTRA", "USER", "LOGIN", "COMMAND_LINE":
		return was.Value == value
	}
	return false
}

func requireDeclared(ctx context.Context, c *node.Claim, want []wanted) error {
	names := make([]string, len(want))
	for i, w := range want {
		names[i] = w.name
	}
	now, err := node.ReadSettings(ctx, c, names...)
	if err != nil {
		return err
	}
	for _, w := range want {
		saw := now[w.name].Value
		if saw == w.value || saw == "DISABLED" && w.value == "OFF" {
			continue
		}
		return &node.Error{Node: c.Name(), Doing: "lift the fence", Err: fmt.Errorf(
			"%s is %s, declared is %s; the node stays fenced: correct the inventory or the server's options", w.name, saw, w.value)}
	}
	return nil
}
