package activities

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/proof"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// AlignInput is a proven node and the changes of its settings that were approved with the plan.
type AlignInput struct {
	Target  Target                   `json:"target"`
	Changes []contract.SettingChange `json:"changes"`
}

// Align brings the settings of a node in line with its primary's, as the plan has shown it: on a claim, so that it is the approved node
// and not the primary. What an earlier attempt has changed is left as it is.
func (a *Activities) Align(ctx context.Context, in AlignInput) (Done, error) {
	err := a.align(ctx, in)
	return Done{Attempts: attempt(ctx)}, asTemporal(ctx, err)
}

func (a *Activities) align(ctx context.Context, in AlignInput) error {
	pulse := startPulse(ctx, contract.StepReturn)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return err
	}
	defer site.close()
	claim, err := site.claim(ctx, a.stillCurrent(ctx, pulse))
	if err != nil {
		return err
	}
	defer claim.Close()
	return proof.Align(ctx, claim, in.Changes)
}

// alignAll adds to the observations what would bring the settings of the chosen secondaries in line, where that was asked for.
func alignAll(ctx context.Context, seen *check.Observations, servers map[string]*node.Node) error {
	primary := servers[seen.Roles.Primary]
	if !seen.Request.AlignSettings || primary == nil {
		return nil
	}
	chosen := seen.Chosen()
	changes := make([][]contract.SettingChange, len(chosen))
	var looks errgroup.Group
	for i, n := range chosen {
		looks.Go(func() (err error) {
			changes[i], err = proof.Alignment(ctx, primary, servers[n.Node])
			return err
		})
	}
	if err := looks.Wait(); err != nil {
		return err
	}
	seen.Alignments = map[string][]contract.SettingChange{}
	for i, n := range chosen {
		seen.Alignments[n.Node] = changes[i]
	}
	return nil
}
