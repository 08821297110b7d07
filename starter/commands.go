package main

import (
	"context"

	"github.com/alecthomas/kong"
)

// commands is every command there is; nothing is registered elsewhere.
type commands struct {
	Connection `group:"Temporal"`

	JSON    bool `name:"json" help:"Write JSON to stdout: one document, or one a line from watch."`
	NoColor bool `name:"no-color" help:"Write no colours; NO_COLOR does the same."`

	Plan   planCommand   `cmd:"" help:"Show what a resync would do and destroy. Changes nothing."`
	Doctor doctorCommand `cmd:"" help:"Run every check and show what is amiss, with the SQL that mends it. Changes nothing."`
	Start  startCommand  `cmd:"" help:"Start a run, show its plan, ask for consent and follow it to its report."`

	Approve approveCommand `cmd:"" help:"Agree to the plan that a run awaits approval of."`
	Reject  rejectCommand  `cmd:"" help:"Refuse the plan; the run ends with nothing changed."`

	Watch  watchCommand  `cmd:"" help:"Follow a run until it closes, then print its report. Ctrl-C leaves the run going on."`
	Status statusCommand `cmd:"" help:"Show how a run stands, or the report of one that has closed."`

	Pause    pauseCommand    `cmd:"" help:"Begin no other node; nodes already begun are finished."`
	Resume   resumeCommand   `cmd:"" help:"End a pause."`
	Throttle throttleCommand `cmd:"" help:"Limit every copy, those under way included."`
	Abort    abortCommand    `cmd:"" help:"Give one node up: its clone is killed and it stays fenced; if it was not erased yet, it is released as it was."`
	Cancel   cancelCommand   `cmd:"" help:"Stop a run at its next safe point; a node past its erase is finished."`

	Sandbox sandboxCommands `cmd:"" help:"A cluster to play with: real MySQL and Temporal servers on loopback."`
	Demo    demoCommand     `cmd:"" help:"Harm a real cluster, resync it, and prove it: the whole story in some minutes."`

	Schedule scheduleCommands `cmd:"" help:"Start runs by the clock: create, list and delete Temporal Schedules."`
}

// runnable is what every command implements. The exit code counts only when there is no error.
type runnable interface {
	run(ctx context.Context, a *app) (exitCode int, err error)
}

type parsed struct {
	runnable
	helped bool
	err    error
}

const description = "Bring every secondary of a MySQL cluster back to an exact copy of its primary: check, erase, clone, follow, prove, tell." +
	"\n\nExit codes: 0 done, 1 failed, 2 refused with nothing changed, 3 diverged, 4 partly succeeded, 5 cancelled; 64 the command " +
	"line is wrong, 69 Temporal cannot be reached, 70 an unforeseen error, 130 interrupted while the run goes on."

// parse reads the command line. What could be read of the flags is returned even when there is an error, so that the error is told
// in the wanted form.
func parse(args []string, s surroundings) (*commands, parsed) {
	var result parsed
	read := &commands{}
	parser, err := kong.New(read,
		kong.Name("starter"), kong.Description(description), kong.Writers(s.out, s.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(int) { result.helped = true }))
	if err != nil {
		result.err = err
		return read, result
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kongContext, err := parser.Parse(args)
	if result.helped {
		return read, result
	}
	if err != nil {
		// kong fills flags in only when all is well.
		for _, arg := range args {
			read.JSON = read.JSON || arg == "--json"
		}
		result.err = usage(err)
		return read, result
	}
	command, ok := kongContext.Selected().Target.Addr().Interface().(runnable)
	if !ok {
		result.err = &failure{Message: kongContext.Command() + " needs a command of its own", Hint: "starter " + kongContext.Command() + " --help", Code: exitUsage}
		return read, result
	}
	result.runnable = command
	return read, result
}
