package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// quietEvery is how often the gate looks at the primary.
const quietEvery = time.Second

// QuietInput is the gate of a run and how long it is waited at.
type QuietInput struct {
	// Target names the primary twice, as node and as primary.
	Target Target         `json:"target"`
	Quiet  contract.Quiet `json:"quiet"`
	// Until is when the patience ends.
	Until time.Time `json:"until"`
}

// WaitQuiet waits until few sessions are at work on the primary, for long enough. It changes nothing. A worker that dies
// makes the quiet time begin again, not the patience. It fails for good with NotQuiet.
func (a *Activities) WaitQuiet(ctx context.Context, in QuietInput) (Done, error) {
	return Done{Attempts: attempt(ctx)}, asTemporal(ctx, a.waitQuiet(ctx, in))
}

func (a *Activities) waitQuiet(ctx context.Context, in QuietInput) error {
	pulse := startPulse(ctx, "quiet")
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return err
	}
	defer site.close()
	busyUntil := time.Now()
	for {
		sessions, err := check.AtWork(ctx, site.primary)
		if err != nil {
			return err
		}
		now := time.Now()
		if sessions > in.Quiet.Sessions {
			busyUntil = now
		}
		quiet := now.Sub(busyUntil)
		if quiet >= in.Quiet.For.Std() {
			return nil
		}
		seen := fmt.Sprintf("%d sessions are at work on %s; wanted at most %d for %s, so far for %s",
			sessions, in.Target.Primary, in.Quiet.Sessions, in.Quiet.For, quiet.Round(time.Second))
		if now.After(in.Until) {
			return final(contract.ErrorNotQuiet,
				"the primary was not quiet in time: %s; start again at a quieter hour, or with other limits (quiet)", seen)
		}
		pulse.waiting(seen + "; until " + in.Until.UTC().Format(time.RFC3339))
		if err := node.Sleep(ctx, quietEvery); err != nil {
			return err
		}
	}
}
