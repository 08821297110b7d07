// Package process knows the processes of a sandbox: which one a recorded pid
// still is, how one is kept running after its starter has left, and which
// ones carry a sandbox's mark. It knows nothing of MySQL or Temporal.
//
// It reads /proc and so runs on Linux only.
package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrGone says that the process an Identity was taken from runs no longer; its
// pid may meanwhile belong to another.
var ErrGone = errors.New("process is gone")

// Identity names one process for as long as the machine is up. A pid alone
// does not: it is reused, so the start time is kept beside it, and the boot ID
// beside that, because start times count from the boot.
type Identity struct {
	PID   int
	Start uint64 // clock ticks after boot, field 22 of /proc/<pid>/stat
	Boot  string // /proc/sys/kernel/random/boot_id
}

// Of reads the identity of the running process pid. It returns ErrGone when
// there is none, or only its unreaped remains.
func Of(pid int) (Identity, error) {
	state, start, err := stat(pid)
	if err != nil {
		return Identity{}, err
	}
	if isDead(state) {
		return Identity{}, ErrGone
	}
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, Start: start, Boot: boot}, nil
}

// Alive tells whether this very process still runs (stopped by a signal
// counts as running).
func (id Identity) Alive() bool {
	now, err := Of(id.PID)
	return err == nil && now == id
}

// Signal sends sig to this very process, or returns ErrGone. The handle is
// taken before the identity is judged, so that where the kernel has pidfds a
// pid reused in between is never hit.
func (id Identity) Signal(sig syscall.Signal) error {
	if id.PID <= 1 {
		return ErrGone
	}
	handle, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("find process %d: %w", id.PID, err)
	}
	defer func() { _ = handle.Release() }()
	if !id.Alive() {
		return ErrGone
	}
	if err := handle.Signal(sig); err != nil {
		if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
			return ErrGone
		}
		return fmt.Errorf("send %v to process %d: %w", sig, id.PID, err)
	}
	return nil
}

// String is the form that pid files hold: pid, start time, boot ID.
func (id Identity) String() string {
	return fmt.Sprintf("%d %d %s", id.PID, id.Start, id.Boot)
}

// WriteFile records the identity at path, whole or not at all.
func (id Identity) WriteFile(path string) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(id.String()+"\n"), 0o600); err != nil {
		return fmt.Errorf("record process %d: %w", id.PID, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("record process %d: %w", id.PID, err)
	}
	return nil
}

// ReadFile reads what WriteFile or keeper.sh recorded. The error matches
// os.ErrNotExist when nothing was recorded.
func ReadFile(path string) (Identity, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Identity{}, fmt.Errorf("read process record: %w", err)
	}
	fields := strings.Fields(string(content))
	if len(fields) != 3 {
		return Identity{}, fmt.Errorf("read process record %s: want \"pid start boot\", found %q", path, content)
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil {
		return Identity{}, fmt.Errorf("read process record %s: pid: %w", path, err)
	}
	start, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return Identity{}, fmt.Errorf("read process record %s: start time: %w", path, err)
	}
	return Identity{PID: pid, Start: start, Boot: fields[2]}, nil
}

func bootID() (string, error) {
	content, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot ID: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// freezeLimit bounds the wait for threads that are deep in the kernel.
const freezeLimit = 30 * time.Second

// Freeze stops this very process until it is sent SIGCONT, and returns when
// every thread of it stands: the signal alone only begins that.
func (id Identity) Freeze() error {
	if err := id.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(freezeLimit); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if !id.Alive() {
			return ErrGone
		}
		if id.stands() {
			return nil
		}
	}
	return fmt.Errorf("freeze process %d: some of its threads still run after %v", id.PID, freezeLimit)
}

// stands tells whether every thread is stopped. A thread that has begun to
// stop cannot make another, so one look that finds all stopped is enough.
func (id Identity) stands() bool {
	threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(id.PID), "task/*/stat"))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, thread := range threads {
		if state, _, err := parseStat(thread); err == nil && state != 'T' {
			return false
		}
	}
	return true
}

func stat(pid int) (state byte, start uint64, err error) {
	return parseStat(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
}

// parseStat reads state and start time of a process or thread, or returns
// ErrGone. The command name in field 2 may hold blanks and parentheses, so the
// fields are counted after the last ')'.
func parseStat(path string) (state byte, start uint64, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, ErrGone
	}
	text := string(content)
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("%s: no command name in %q", path, text)
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("%s: %d fields after the command name, want at least 20", path, len(fields))
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: start time: %w", path, err)
	}
	return fields[0][0], start, nil
}

func isDead(state byte) bool { return state == 'Z' || state == 'X' || state == 'x' }
