package runs

import (
	"context"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// pollerFresh is how long ago a worker that lives may have asked last. Temporal remembers pollers for five minutes; one that lives
// comes back after each long poll, which lasts about a minute.
const pollerFresh = 2 * time.Minute

// Workers counts the workers that poll a task queue for workflows.
func Workers(ctx context.Context, c client.Client, queue string) (int, error) {
	described, err := c.DescribeTaskQueue(ctx, queue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return 0, err
	}
	fresh := map[string]bool{}
	for _, poller := range described.GetPollers() {
		if time.Since(poller.GetLastAccessTime().AsTime()) < pollerFresh {
			fresh[poller.GetIdentity()] = true
		}
	}
	return len(fresh), nil
}
