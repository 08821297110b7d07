package main

import (
	"context"

	"github.com/clusterresync/clusterresync/starter/demo"
)

type demoCommand struct {
	Keep   bool   `help:"Leave everything up at the end."`
	Folder string `help:"Folder of the sandbox; default: one below the folder for temporary files." placeholder:"DIR"`
	Bytes  int64  `help:"About how large the shop becomes; default 150 MB." default:"150000000" placeholder:"N"`
}

func (c *demoCommand) run(ctx context.Context, a *app) (int, error) {
	err := demo.Run(ctx, demo.Options{
		Out: a.terminal.Out, Folder: c.Folder, Bytes: c.Bytes, Keep: c.Keep,
		Starter: func(ctx context.Context, address string, args ...string) int {
			// The commands of the story are those that a person would type, carried out by the same code.
			return a.surroundings.run(ctx, append([]string{"--address", address}, args...))
		},
	})
	return exitDone, err
}
