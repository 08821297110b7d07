package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/starter/demo"
)

// sandboxCommands are a cluster to play with: real servers on loopback, in a folder of their own.
type sandboxCommands struct {
	Up     sandboxUpCommand     `cmd:"" help:"Start Temporal and a MySQL cluster on loopback; they go on when this command returns."`
	Status sandboxStatusCommand `cmd:"" help:"Look at every server of the sandbox."`
	Down   sandboxDownCommand   `cmd:"" help:"Stop every process of the sandbox and remove its folder."`
}

// sandboxPlace is where a sandbox is.
type sandboxPlace struct {
	Folder string `help:"Folder that holds the sandbox and nothing else." default:".sandbox" placeholder:"DIR"`
}

type sandboxUpCommand struct {
	sandboxPlace
	Nodes       int    `help:"MySQL servers, the primary included; 0 for Temporal alone." default:"3" placeholder:"N"`
	Supervision string `help:"What starts mysqld again: supervised (as systemd), container (restart policy only) or bare (nobody)." enum:"supervised,container,bare" default:"supervised"`
	Worker      bool   `help:"Start a worker as well, its mails going to an outbox in the folder." default:"true" negatable:""`
}

func (c *sandboxUpCommand) run(ctx context.Context, a *app) (int, error) {
	var program string
	if c.Worker {
		var err error
		if program, err = demo.WorkerProgram(ctx, a.note); err != nil {
			return 0, err
		}
	}
	nodes := sandbox.Nodes(c.Nodes)
	for i := range nodes {
		nodes[i].Supervision = sandbox.Supervision(c.Supervision)
	}
	up, err := sandbox.Up(ctx, sandbox.Options{
		Folder: c.Folder, Nodes: nodes, Temporal: &sandbox.TemporalOptions{}, Say: a.note,
	})
	switch {
	case errors.Is(err, sandbox.ErrExists):
		return 0, &failure{Message: err.Error(), Hint: "starter sandbox status, or starter sandbox down", Code: exitRefused}
	case err != nil:
		return 0, err
	}
	if c.Worker && c.Nodes > 0 {
		if _, err := up.StartWorker("", program); err != nil {
			return 0, errors.Join(err, up.Down(context.WithoutCancel(ctx), sandbox.DownOptions{Now: true}))
		}
	}
	return a.showSandbox(ctx, up)
}

type sandboxStatusCommand struct{ sandboxPlace }

func (c *sandboxStatusCommand) run(ctx context.Context, a *app) (int, error) {
	up, err := c.open()
	if err != nil {
		return 0, err
	}
	return a.showSandbox(ctx, up)
}

type sandboxDownCommand struct{ sandboxPlace }

func (c *sandboxDownCommand) run(ctx context.Context, a *app) (int, error) {
	up, err := c.open()
	if err != nil {
		return 0, err
	}
	if err := up.Down(ctx, sandbox.DownOptions{}); err != nil {
		return 0, err
	}
	a.note("The sandbox in %s is gone.", up.Folder)
	return exitDone, nil
}

func (p sandboxPlace) open() (*sandbox.Cluster, error) {
	up, err := sandbox.Open(p.Folder)
	if errors.Is(err, sandbox.ErrNotSandbox) || errors.Is(err, os.ErrNotExist) {
		return nil, &failure{Message: fmt.Sprintf("there is no sandbox in %s", p.Folder), Hint: "starter sandbox up", Code: exitRefused}
	}
	return up, err
}

func (a *app) showSandbox(ctx context.Context, up *sandbox.Cluster) (int, error) {
	status := up.Status(ctx)
	if a.json {
		return exitDone, a.document(status)
	}
	a.print("Cluster %s in %s, %s", status.Cluster, status.Folder, status.MySQL)
	for _, node := range status.Nodes {
		state := "does not answer"
		if node.Answers {
			state = "answers"
		}
		if node.Source != "" {
			state += ", follows " + node.Source
		}
		a.print("  %-8s %-22s %s", node.Name, node.Address, state)
	}
	if status.Temporal != nil {
		a.print("  %-8s %-22s UI %s", "temporal", status.Temporal.Address, status.Temporal.UI)
	}
	a.print("Mails in %s, the worker's log in %s", up.Outbox(), up.WorkerLog())
	a.print("\nTo point starter, temporal and worker at it:  . %s", report.Quoted(relative(up.Environment())))
	a.print("Then for example:  go run ./starter plan %s", status.Cluster)
	return exitDone, nil
}

// relative is the path as seen from here, when that is shorter.
func relative(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, path); err == nil && len(short) < len(path) {
		return short
	}
	return path
}
