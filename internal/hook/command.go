package hook

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

const (
	// defaultPath is for a worker that has no PATH itself.
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// lingering is how long output is awaited of what a command left running behind it.
	lingering = time.Second
)

// command runs a program and waits for its end. What it leaves running in the background after an end in time is its own business;
// what still runs when the time is up is killed, by its process group.
func command(ctx context.Context, hook inventory.Hook, event Event, message []byte) (string, error) {
	cmd := exec.CommandContext(ctx, hook.Command[0], hook.Command[1:]...)
	cmd.Dir = "/"
	cmd.Env = environment(event)
	cmd.Stdin = bytes.NewReader(message)
	var output ending
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		// The leader is not waited for yet, so that its number is still that of the group.
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	cmd.WaitDelay = lingering
	if err := cmd.Start(); err != nil {
		return "", &NotCalledError{Hook: hook.String(), Err: startCause(err), final: !errors.Is(err, syscall.EAGAIN) &&
			!errors.Is(err, syscall.ENOMEM) && !errors.Is(err, syscall.ETXTBSY)}
	}
	err := cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		// It succeeded; something that it left behind holds its output open.
		err = nil
	}
	said := tail(output.String())
	var exit *exec.ExitError
	switch {
	case err == nil:
		return said, nil
	case errors.As(err, &exit):
		return said, &FailedError{Hook: hook.String(), Status: exit.String(), Code: exit.ExitCode(), Output: said}
	default:
		return said, &NotCalledError{Hook: hook.String(), Err: err}
	}
}

// environment is all that a command inherits. The worker's own environment holds passwords.
func environment(event Event) []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = defaultPath
	}
	environment := []string{"PATH=" + path}
	if home := os.Getenv("HOME"); home != "" {
		environment = append(environment, "HOME="+home)
	}
	return append(environment, event.variables()...)
}

// startCause leaves out the path, which the error names already, and what exec looked for it in.
func startCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// ending keeps the end of what is written to it and takes all of it, so that no writer is held up.
type ending struct{ kept []byte }

func (e *ending) Write(some []byte) (int, error) {
	const most = 2 * MaxOutput // tail cuts it to size, and marks the cut
	e.kept = append(e.kept, some...)
	if len(e.kept) > most {
		e.kept = append([]byte(nil), e.kept[len(e.kept)-most:]...)
	}
	return len(some), nil
}

func (e *ending) String() string { return string(e.kept) }
