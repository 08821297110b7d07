package fence

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Note is how a node was before the fence: what Restore puts back, and by which Lift knows what was only the fence's.
type Note struct {
	Settings map[string]node.Setting `json:"settings"`
	// GTIDExecuted proves to Restore that nothing was erased since.
	GTIDExecuted string `json:"gtidExecuted"`
	// Channels that were configured, and which of their threads had been started.
	Channels []Threads `json:"channels,omitempty"`
}

// Threads says which threads of a channel had been started; one that was only trying to connect counts as started.
type Threads struct {
	Channel string `json:"channel"` // "" is the default channel
	IO      bool   `json:"io"`
	SQL     bool   `json:"sql"`
}

// Take notes the node as it is. A node that is fenced already has nothing worth noting: ErrFenced, or
// *OfflineByOtherError.
func Take(ctx context.Context, r node.Reader) (Note, error) {
	status, settings, err := read(ctx, r)
	if err != nil {
		return Note{}, err
	}
	switch status.Owner {
	case Ours:
		return Note{}, &node.Error{Node: r.Name(), Doing: "note the settings", Err: ErrFenced}
	case Other:
		return Note{}, &OfflineByOtherError{Node: r.Name(), By: status.By, Since: status.Since}
	}
	note := Note{Settings: settings}
	gtids, err := node.ReadGTIDs(ctx, r)
	if err != nil {
		return Note{}, err
	}
	note.GTIDExecuted = gtids.Executed
	channels, err := node.ReadReplication(ctx, r)
	if err != nil {
		return Note{}, err
	}
	for _, ch := range channels {
		note.Channels = append(note.Channels, Threads{Channel: ch.Name, IO: ch.IO != "No", SQL: ch.SQL})
	}
	for _, name := range Settings() {
		if _, ok := settings[name]; !ok {
			return Note{}, &node.Error{Node: r.Name(), Doing: "note the settings", Err: fmt.Errorf("the server has no variable %s: 8.0.27 or later is needed", name)}
		}
	}
	return note, nil
}
