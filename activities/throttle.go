package activities

import (
	"context"

	"github.com/clusterresync/clusterresync/internal/clone"
)

// ThrottleInput is a node that is being refilled, and its new limit.
type ThrottleInput struct {
	Target Target `json:"target"`
	// MiBps is the limit in MiB/s; 0 means no limit.
	MiBps int `json:"mibps"`
}

// Throttle changes the limit of a copy under way; it takes effect within a second or two.
func (a *Activities) Throttle(ctx context.Context, in ThrottleInput) (Done, error) {
	site, err := a.openSite(in.Target)
	if err != nil {
		return Done{}, asTemporal(ctx, err)
	}
	defer site.close()
	return Done{Attempts: attempt(ctx)}, asTemporal(ctx, clone.SetThrottle(ctx, site.recipient, in.MiBps))
}
