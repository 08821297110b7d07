package process

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed keeper.sh
var keeperScript string

// Mode says what happens when a kept server ends.
type Mode string

// The modes, described in keeper.sh.
const (
	Supervised Mode = "supervised"
	Container  Mode = "container"
	Bare       Mode = "bare"
)

// Keeper runs one server under keeper.sh in a folder of its own, which also
// holds the records that another process needs to find and stop it.
type Keeper struct {
	// Dir exists, is absolute, and belongs to this server alone.
	Dir string
	// Mode is what happens when the server ends; empty is Bare.
	Mode Mode
	// Pause before a new start; not after the exit code 16 that asks for one.
	Pause time.Duration
	// Command is the server's program, absolute, and its arguments.
	Command []string
	// Mark is found again by Marked in whatever this keeper starts.
	Mark string
	// Lifeline, when set, is the reading end of a pipe: the server is stopped
	// when its last writing end is closed.
	Lifeline *os.File
}

const (
	keeperFile = "keeper.pid"
	serverFile = "server.pid"
	stopFile   = "stop"
	exitsFile  = "exits"
	// OutputFile is what the server wrote to its standard streams.
	OutputFile = "output.log"
)

// keeperGrace is how long a keeper without a server may take to end, after all
// other grace.
const keeperGrace = 5 * time.Second

// pollInterval is how often process records are looked at while waiting.
const pollInterval = 20 * time.Millisecond

// Start starts keeper and server and returns at once. It is an error when the
// server already runs. The environment is made anew, so that no secret of the
// caller's reaches the server.
func (k *Keeper) Start() error {
	k.letEnd()
	if k.Running() {
		return fmt.Errorf("start in %s: a server already runs there", k.Dir)
	}
	if len(k.Command) == 0 {
		return fmt.Errorf("start in %s: no command given", k.Dir)
	}
	for _, stale := range []string{stopFile, serverFile, keeperFile} {
		if err := os.Remove(filepath.Join(k.Dir, stale)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("start in %s: %w", k.Dir, err)
		}
	}
	if err := os.WriteFile(k.script(), []byte(keeperScript), 0o600); err != nil {
		return fmt.Errorf("start in %s: %w", k.Dir, err)
	}
	output, err := os.OpenFile(filepath.Join(k.Dir, OutputFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start in %s: %w", k.Dir, err)
	}
	defer func() { _ = output.Close() }()

	mode := k.Mode
	if mode == "" {
		mode = Bare
	}
	arguments := append([]string{k.script(), string(mode), strconv.FormatFloat(k.Pause.Seconds(), 'f', 3, 64), k.Dir}, k.Command...)
	command := exec.Command("/bin/sh", arguments...)
	command.Dir = k.Dir
	command.Env = environment(k.Mark, k.Dir)
	command.Stdout, command.Stderr = output, output
	if k.Lifeline != nil {
		command.ExtraFiles = []*os.File{k.Lifeline}
	}
	// A session of its own: neither the starter's end nor an interrupt typed
	// at its terminal reaches the server.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start in %s: %w", k.Dir, err)
	}
	identity, err := Of(command.Process.Pid)
	go func() { _ = command.Wait() }() // reaps it when it ends before we do
	if errors.Is(err, ErrGone) {
		return nil // it has ended already; whoever waits for readiness sees that
	}
	if err != nil {
		return err
	}
	return identity.WriteFile(filepath.Join(k.Dir, keeperFile))
}

// Server is the identity of the server that runs now, or ErrGone. A child of
// the keeper that is still to become the server does not count: a signal would
// be lost in it.
func (k *Keeper) Server() (Identity, error) {
	server, err := k.recorded(serverFile)
	if err != nil {
		return Identity{}, err
	}
	commandLine, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(server.PID), "cmdline"))
	if err != nil || strings.HasPrefix(string(commandLine), "/bin/sh\x00"+k.script()+"\x00") {
		return Identity{}, ErrGone
	}
	return server, nil
}

func (k *Keeper) script() string { return filepath.Join(k.Dir, "keeper.sh") }

// Keeping tells whether the keeper runs, and so will act on the server's end.
func (k *Keeper) Keeping() bool {
	_, err := k.recorded(keeperFile)
	return err == nil
}

// Running tells whether keeper or server runs.
func (k *Keeper) Running() bool {
	if k.Keeping() {
		return true
	}
	_, err := k.Server()
	return err == nil
}

// endOfKeeper is far beyond what a bare keeper takes to end after its server.
const endOfKeeper = 5 * time.Second

// letEnd waits for a bare keeper whose server has ended: it ends a moment later, and is then in nobody's way.
func (k *Keeper) letEnd() {
	for begin := time.Now(); (k.Mode == Bare || k.Mode == "") && k.Keeping() && time.Since(begin) < endOfKeeper; time.Sleep(10 * time.Millisecond) {
		if _, err := k.Server(); err == nil {
			return
		}
	}
}

func (k *Keeper) recorded(file string) (Identity, error) {
	identity, err := ReadFile(filepath.Join(k.Dir, file))
	if errors.Is(err, os.ErrNotExist) {
		return Identity{}, ErrGone
	}
	if err != nil {
		return Identity{}, err
	}
	if !identity.Alive() {
		return Identity{}, ErrGone
	}
	return identity, nil
}

// Signal sends sig to the server that runs now; the keeper then acts by its
// mode. It returns ErrGone when no server runs.
func (k *Keeper) Signal(sig syscall.Signal) error {
	server, err := k.Server()
	if err != nil {
		return err
	}
	return server.Signal(sig)
}

// Freeze stops the server that runs now in its tracks, until Signal sends it
// SIGCONT. It returns ErrGone when no server runs.
func (k *Keeper) Freeze() error {
	server, err := k.Server()
	if err != nil {
		return err
	}
	return server.Freeze()
}

// Hold makes the server's next end final, whatever the mode.
func (k *Keeper) Hold() error {
	if err := os.WriteFile(filepath.Join(k.Dir, stopFile), nil, 0o600); err != nil {
		return fmt.Errorf("hold %s: %w", k.Dir, err)
	}
	return nil
}

// Stop ends server and keeper: first politely, after grace by force; without
// grace the server is killed as by a crash. It returns when both are gone, also
// where nothing ran. When ctx ends first, the server may still run.
func (k *Keeper) Stop(ctx context.Context, grace time.Duration) error {
	if !k.Running() {
		return nil
	}
	if err := k.Hold(); err != nil {
		return err
	}
	deadline := time.Now().Add(grace)
	var told Identity
	for k.Running() {
		force := !time.Now().Before(deadline)
		keeper, keeperErr := k.recorded(keeperFile)
		server, serverErr := k.Server()
		switch {
		case serverErr == nil && force:
			_ = server.Signal(syscall.SIGKILL)
		case serverErr == nil && server != told:
			told = server
			_ = server.Signal(syscall.SIGTERM)
			_ = server.Signal(syscall.SIGCONT) // a frozen one hears it only when thawed
		case serverErr != nil && keeperErr == nil && time.Since(deadline) > keeperGrace:
			_ = keeper.Signal(syscall.SIGKILL)
		case serverErr != nil && keeperErr == nil:
			// Between two servers: this ends its pause, and reaches a server that
			// it has just started and not yet recorded. Again and again, for a
			// shell that is told just before it begins to wait goes on to wait.
			_ = keeper.Signal(syscall.SIGTERM)
			_ = keeper.Signal(syscall.SIGCONT)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the server in %s: %w", k.Dir, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
	return nil
}

// Exits are the exit codes of the server's ends so far, 128 plus its number
// for a signal, oldest first.
func (k *Keeper) Exits() ([]int, error) {
	content, err := os.ReadFile(filepath.Join(k.Dir, exitsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the exits of %s: %w", k.Dir, err)
	}
	var codes []int
	for line := range strings.Lines(string(content)) {
		code, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("read the exits of %s: %w", k.Dir, err)
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// environment is what a kept server gets: enough to run, its mark, and nothing
// else of the caller's.
func environment(mark, home string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C", markVariable + "=" + mark}
	if zone, set := os.LookupEnv("TZ"); set {
		env = append(env, "TZ="+zone)
	}
	return env
}
