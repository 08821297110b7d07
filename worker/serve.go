package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/clusterresync/clusterresync/activities"
)

const (
	// stopTimeout is how long activities may take to hand back what they know when the worker stops. It is below the 10 s that
	// container runtimes give a process before they kill it.
	stopTimeout = 8 * time.Second
	// dialTimeout bounds one attempt to reach Temporal, dialPause is the time between two.
	dialTimeout = 10 * time.Second
	dialPause   = 2 * time.Second
	// heartbeatInterval is how often heartbeats travel at most. The SDK would hold them back for 4/5 of their timeout: people would
	// see bytes that are old, and a cancel, which comes with the answer, would be late.
	heartbeatInterval = 2 * time.Second
)

// serve works until the context ends. A Temporal that cannot be reached yet is waited for: workers and servers are started in any order.
func serve(ctx context.Context, c config, logs io.Writer) int {
	logger := newLogger(logs, c.level, c.console)
	c.temporal.Logger = sdklog.NewStructuredLogger(logger)
	temporal, err := dial(ctx, c, logger)
	if err != nil {
		if ctx.Err() != nil {
			return exitOK
		}
		logger.Error("Temporal refused the connection", "address", c.temporal.HostPort, "error", err.Error())
		return exitUnavailable
	}
	defer temporal.Close()

	archive, err := openArchive(c)
	if err != nil {
		logger.Error("the archive cannot be used", "error", err.Error())
		return exitConfig
	}
	broken := make(chan error, 1)
	options := worker.Options{
		WorkerStopTimeout:                  stopTimeout,
		Interceptors:                       []interceptor.WorkerInterceptor{&handover{}},
		MaxConcurrentActivityExecutionSize: c.maxActivities,
		MaxHeartbeatThrottleInterval:       heartbeatInterval,
		OnFatalError: func(err error) {
			select {
			case broken <- err:
			default:
			}
		},
	}
	own := activities.New(activities.Config{
		Inventory: c.inventoryPath, Mail: c.mail, DefaultMailTo: c.defaultMailTo, UIURL: c.uiURL, Archive: archive, Temporal: temporal,
	})
	w := worker.New(temporal, c.taskQueue, options)
	register(w, own)
	workers := []worker.Worker{w}
	if archive != nil && archive.Queue != "" {
		options.DisableWorkflowWorker = true
		beside := worker.New(temporal, archive.Queue, options)
		beside.RegisterActivity(own)
		workers = append(workers, beside)
	}
	for _, one := range workers {
		if err := one.Start(); err != nil {
			logger.Error("the worker cannot start", "namespace", c.temporal.Namespace, "taskQueue", c.taskQueue, "error", err.Error())
			return exitUnavailable
		}
	}
	logger.Info("ready", "taskQueue", c.taskQueue, "namespace", c.temporal.Namespace, "temporal", c.temporal.HostPort,
		"inventory", c.inventoryPath, "clusters", c.inventory.Names(), "mail", c.mailTransport, "archive", c.archiveDir, "maxActivities", c.maxActivities)
	if err := c.checkSecrets(); err != nil {
		logger.Warn("runs of these clusters will be refused until their passwords are there", "error", err.Error())
	}

	code := exitOK
	select {
	case <-ctx.Done():
		logger.Info("stopping; what is under way is handed back and goes on where a worker is", "timeout", stopTimeout.String())
	case err := <-broken:
		logger.Error("the worker cannot go on", "error", err.Error())
		code = exitUnavailable
	}
	var stopping sync.WaitGroup
	for _, one := range workers {
		stopping.Go(one.Stop)
	}
	stopping.Wait()
	logger.Info("stopped")
	return code
}

func dial(ctx context.Context, c config, logger *slog.Logger) (client.Client, error) {
	for {
		attempt, cancel := context.WithTimeout(ctx, dialTimeout)
		temporal, err := client.DialContext(attempt, c.temporal)
		cancel()
		if err == nil || ctx.Err() != nil || !worthWaiting(err) {
			return temporal, err
		}
		logger.Warn("Temporal cannot be reached yet, trying on", "address", c.temporal.HostPort, "error", err.Error())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(dialPause):
		}
	}
}

func worthWaiting(err error) bool {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	return errors.As(err, &unavailable) || errors.As(err, &deadline) || errors.Is(err, context.DeadlineExceeded)
}
