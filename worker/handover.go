package main

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
)

// handover tells running activities at once that the worker stops, so that they hand back what they know while there is time. The SDK
// itself cancels them only after WorkerStopTimeout; each would then be missed until its heartbeat times out.
type handover struct {
	interceptor.WorkerInterceptorBase
}

func (*handover) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &handoverActivity{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type handoverActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

func (h *handoverActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	stopping := activity.GetWorkerStopChannel(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-stopping:
			cancel(worker.ErrWorkerShutdown)
		case <-ctx.Done():
		}
	}()
	return h.Next.ExecuteActivity(ctx, in)
}
