// Command starter is the command line for people who resync MySQL clusters: it shows plans, starts runs, asks for consent, follows
// what goes on and prints the report. About a cluster of one's own it talks to Temporal only: servers and secrets are the worker's
// business. Its sandbox and its demo start servers of their own on loopback.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/clusterresync/clusterresync/starter/terminal"
)

func main() {
	os.Exit(surroundings{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: envconfig.EnvLookupOS, look: time.Second,
	}.run(context.Background(), os.Args[1:]))
}

// surroundings is everything the starter takes from the process it runs in, so that a test can give it another.
type surroundings struct {
	in       io.Reader
	out, err io.Writer
	env      envconfig.EnvLookup
	// look is how long watch waits between two looks at a run.
	look time.Duration
}

// run parses and carries out one command line, and returns the exit code.
func (s surroundings) run(ctx context.Context, args []string) int {
	// The first Ctrl-C ends the command in good order (the run in Temporal goes on); the second ends the process at once.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	command, parsed := parse(args, s)
	getenv := func(name string) string { value, _ := s.env.LookupEnv(name); return value }
	a := &app{
		terminal:     terminal.New(s.in, s.out, s.err, terminal.Options{NoColor: command.NoColor, Getenv: getenv}),
		surroundings: s, json: command.JSON, connection: command.Connection, env: s.env, look: s.look,
	}
	switch {
	case parsed.helped:
		return exitDone
	case parsed.err != nil:
		return a.fail(parsed.err)
	}
	code, err := parsed.run(ctx, a)
	if err != nil {
		return a.fail(err)
	}
	return code
}
