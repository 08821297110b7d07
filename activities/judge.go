package activities

import (
	"context"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// JudgeInput is a fenced node and what its approval covers.
type JudgeInput struct {
	Target   Target   `json:"target"`
	Approval Approval `json:"approval"`
}

// Judge is the last look at what the erase would destroy, behind the fence, where nothing can be written any more (I2).
func (a *Activities) Judge(ctx context.Context, in JudgeInput) (Done, error) {
	return Done{Attempts: attempt(ctx)}, asTemporal(ctx, a.judge(ctx, in))
}

func (a *Activities) judge(ctx context.Context, in JudgeInput) error {
	pulse := startPulse(ctx, contract.StepJudge)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return err
	}
	defer site.close()
	if err := fence.Require(ctx, site.recipient); err != nil {
		return err
	}
	return site.judge(ctx, in.Approval)
}
