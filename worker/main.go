// Command worker runs the workflows and activities of the cluster resync. It reads its configuration from the environment
// (config.go), names everything that is wrong with it at once, and works until it is told to stop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"go.temporal.io/sdk/contrib/envconfig"
)

// Exit codes, as in sysexits.h.
const (
	exitOK          = 0
	exitUsage       = 64
	exitUnavailable = 69
	exitConfig      = 78
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-signals
		stop()
		// A second signal means at once. Nothing is lost by it: activities are made to be cut anywhere.
		<-signals
		os.Exit(130)
	}()
	os.Exit(run(ctx, os.Args[1:], envconfig.EnvLookupOS, os.Stdout, os.Stderr))
}

// run is the worker from its command line to its exit code.
func run(ctx context.Context, args []string, env envconfig.EnvLookup, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	flags.SetOutput(errOut)
	check := flags.Bool("check", false, "check the configuration and the inventory with its secrets, and exit")
	flags.Usage = func() {
		fmt.Fprint(errOut, "Usage: worker [--check]\n\n")
		flags.PrintDefaults()
		fmt.Fprintf(errOut, "\nConfiguration, from the environment:\n\n%s", describeVariables())
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(errOut, "worker: unexpected argument %q; it is configured by the environment, see worker --help\n", flags.Arg(0))
		return exitUsage
	}

	c, err := load(env)
	if *check && err == nil {
		err = c.checkSecrets()
	}
	if err != nil {
		fmt.Fprintf(errOut, "worker: the configuration cannot be used:\n- %s\n", strings.ReplaceAll(err.Error(), "\n", "\n- "))
		return exitConfig
	}
	if *check {
		fmt.Fprintf(out, "The configuration can be used. Inventory %s has %d clusters: %s\n",
			c.inventoryPath, len(c.inventory.Names()), strings.Join(c.inventory.Names(), ", "))
		return exitOK
	}
	return serve(ctx, c, errOut)
}
