package fence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

// The settings that make the fence, and read_only, which super_read_only drags along.
const (
	offlineMode      = "offline_mode"
	readOnly         = "read_only"
	superReadOnly    = "super_read_only"
	eventScheduler   = "event_scheduler"
	skipReplicaStart = "skip_replica_start"
)

// Settings names every setting that Raise, Lift or Restore may touch.
func Settings() []string {
	return []string{offlineMode, readOnly, superReadOnly, eventScheduler, skipReplicaStart}
}

// Owner says whose fence a node stands behind.
type Owner string

const (
	// None: clients get in.
	None Owner = "none"
	// Ours: offline_mode was set by the asking account. A fence that is only half raised counts: its mark is set first.
	Ours Owner = "ours"
	// Other: offline_mode was set by another account or by an option file; it is not ours to touch.
	Other Owner = "other"
)

// Status is how a node is fenced.
type Status struct {
	Owner Owner
	// By is the account that set offline_mode, "user@host"; empty when an option file did.
	By    string
	Since time.Time
	// Missing names what a complete fence still lacks, as "setting is X, wanted Y".
	Missing []string
}

// Complete reports whether the fence is ours and whole: in force now and persisted.
func (s Status) Complete() bool { return s.Owner == Ours && len(s.Missing) == 0 }

var (
	// ErrNotFenced: the fence is not ours, or not whole.
	ErrNotFenced = errors.New("the node is not fenced by us")
	// ErrFenced: the node is fenced by us already, so its settings say nothing about how it was before.
	ErrFenced = errors.New("the node is fenced by us already")
)

// OfflineByOtherError: somebody else put the node into offline mode.
type OfflineByOtherError struct {
	Node  string
	By    string // "user@host", empty when an option file did
	Since time.Time
}

func (e *OfflineByOtherError) Error() string {
	by := "an option file"
	if e.By != "" {
		by = fmt.Sprintf("%s at %s UTC", e.By, e.Since.UTC().Format(time.DateTime))
	}
	return fmt.Sprintf("node %s: offline_mode was set by %s, not by this resync: end that maintenance (SET PERSIST offline_mode=OFF) or leave the node out", e.Node, by)
}

// State reads how the node is fenced. Ours means: by the account that asks.
func State(ctx context.Context, r node.Reader) (Status, error) {
	status, _, err := read(ctx, r)
	return status, err
}

// StateOf judges settings that were read already, at least those that Settings names, as State does for the account of that user name.
func StateOf(settings map[string]node.Setting, user string) Status { return judge(settings, user) }

// Require fails unless the fence is ours and whole.
func Require(ctx context.Context, r node.Reader) error {
	status, err := State(ctx, r)
	if err != nil || status.Complete() {
		return err
	}
	why := fmt.Sprintf("offline_mode belongs to: %s", status.Owner)
	if status.Owner == Ours {
		why = "half raised: " + strings.Join(status.Missing, "; ")
	}
	return &node.Error{Node: r.Name(), Doing: "require the fence", Err: fmt.Errorf("%w (%s)", ErrNotFenced, why)}
}

func read(ctx context.Context, r node.Reader) (Status, map[string]node.Setting, error) {
	var me string
	if err := node.One(ctx, r, "read the own account", "SELECT SUBSTRING_INDEX(USER(), '@', 1)", nil, &me); err != nil {
		return Status{}, nil, err
	}
	settings, err := node.ReadSettings(ctx, r, Settings()...)
	if err != nil {
		return Status{}, nil, err
	}
	return judge(settings, me), settings, nil
}

func judge(settings map[string]node.Setting, me string) Status {
	offline := settings[offlineMode]
	status := Status{Owner: None}
	if offline.On() || offline.PersistedOn() {
		status.Owner, status.Since = Other, offline.SetTime
		if offline.SetUser != "" {
			status.By = offline.SetUser + "@" + offline.SetHost
		}
		if offline.SetUser == me {
			status.Owner = Ours
		}
	}
	lacks := func(format string, a ...any) { status.Missing = append(status.Missing, fmt.Sprintf(format, a...)) }
	for _, name := range []string{offlineMode, superReadOnly} {
		if !settings[name].On() {
			lacks("%s is %s, wanted ON", name, settings[name].Value)
		}
	}
	// DISABLED cannot run and cannot be changed while the server runs.
	if s := settings[eventScheduler]; node.IsOn(s.Value) {
		lacks("%s is %s, wanted OFF", eventScheduler, s.Value)
	}
	for _, name := range []string{offlineMode, superReadOnly, skipReplicaStart} {
		if !settings[name].PersistedOn() {
			lacks("%s is not persisted as ON", name)
		}
	}
	if s := settings[eventScheduler]; !persistedOff(s) {
		lacks("%s is not persisted as OFF", eventScheduler)
	}
	return status
}

func persistedOff(s node.Setting) bool {
	return s.Persisted != nil && !node.IsOn(*s.Persisted)
}
