package clone

import (
	"context"

	"github.com/clusterresync/clusterresync/internal/node"
)

// ProbeAs is Probe with an account that exists: as if the donor let in whoever comes.
func ProbeAs(ctx context.Context, c *node.Claim, n *node.Node, donor string, account Account) (Path, error) {
	return probe(ctx, c, n, donor, account, Options{})
}
