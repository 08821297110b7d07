package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
)

// Connection says which Temporal is meant. What is left out comes from the environment (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
// TEMPORAL_API_KEY, TEMPORAL_TLS_..., TEMPORAL_PROFILE) and from the profile, as for the temporal CLI.
type Connection struct {
	Address   string `help:"Host and port of Temporal (TEMPORAL_ADDRESS)." placeholder:"HOST:PORT"`
	Namespace string `help:"Temporal namespace (TEMPORAL_NAMESPACE)." placeholder:"NAME"`
	Profile   string `help:"Profile of the Temporal configuration file (TEMPORAL_PROFILE)." placeholder:"NAME"`
	TaskQueue string `help:"Task queue of the workers (${env})." env:"CLUSTERRESYNC_TASK_QUEUE" default:"cluster-resync" placeholder:"NAME"`
}

const (
	dialTimeout = 10 * time.Second
	reachHint   = "--address, --profile or TEMPORAL_ADDRESS names the server; a local one: temporal server start-dev"
)

// session is an open connection and what was used to open it.
type session struct {
	client.Client
	options client.Options
}

// connect opens the connection and shows that the server answers.
func (a *app) connect(ctx context.Context) (*session, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFileProfile: a.connection.Profile, EnvLookup: a.env,
	})
	if err != nil {
		return nil, &failure{Message: "the Temporal configuration cannot be used: " + err.Error(), Code: exitUsage,
			Hint: "profiles are in the file that TEMPORAL_CONFIG_FILE names; see: temporal config list"}
	}
	if a.connection.Address != "" {
		profile.Address = a.connection.Address
	}
	if a.connection.Namespace != "" {
		profile.Namespace = a.connection.Namespace
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return nil, &failure{Message: "the Temporal configuration cannot be used: " + err.Error(), Code: exitUsage}
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	// What the SDK logs is told by the commands in their own words.
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))

	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	connected, err := client.DialContext(dialing, options)
	if err != nil {
		if ctx.Err() != nil {
			return nil, &failure{Message: "interrupted", Code: exitInterrupted}
		}
		return nil, &failure{Message: fmt.Sprintf("Temporal at %s cannot be reached: %s", options.HostPort, err), Hint: reachHint, Code: exitUnavailable}
	}
	return &session{Client: connected, options: options}, nil
}
