package check

import (
	"context"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

const (
	// settleLimit is how long a commit of the primary may take to be complete there once a secondary has executed it.
	settleLimit = 5 * time.Second
	settleEvery = 200 * time.Millisecond
)

// settledGTIDs reads the primary's GTIDs, after the secondaries' that are given. A primary sends a transaction before its own commit is
// complete: it waits for the disk, or for the acknowledgement of another secondary. So when a secondary has more of the primary's own
// transactions than the primary, the primary is asked again for a while, before anybody says that its history went back.
func settledGTIDs(ctx context.Context, primary node.Reader, executed []string) (node.GTIDs, error) {
	id, err := node.ReadIdentity(ctx, primary)
	if err != nil {
		return node.GTIDs{}, err
	}
	var own []string
	for _, set := range executed {
		if theirs := ofServer(set, id.UUID); theirs != "" {
			own = append(own, theirs)
		}
	}
	for begin := time.Now(); ; {
		gtids, err := node.ReadGTIDs(ctx, primary)
		if err != nil {
			return gtids, err
		}
		pairs := make([][2]string, len(own))
		for i, set := range own {
			pairs[i] = [2]string{set, gtids.Executed}
		}
		ahead, err := node.SubtractAll(ctx, primary, pairs)
		if err != nil {
			return gtids, err
		}
		if strings.Join(ahead, "") == "" || time.Since(begin) > settleLimit {
			return gtids, nil
		}
		if err := node.Sleep(ctx, settleEvery); err != nil {
			return gtids, node.Wrap(primary.Name(), "wait for its commits", err)
		}
	}
}
