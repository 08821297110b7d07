package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// person is somebody at a real (pseudo) terminal.
type person struct {
	keyboard *os.File
	screen   output
	leave    context.CancelFunc
	done     chan int
}

func onTerminal(t *testing.T, args ...string) *person { return onTerminalWith(t, nil, args...) }

// onTerminalWith runs a command on a terminal, with stdout elsewhere if out is not nil.
func onTerminalWith(t *testing.T, out io.Writer, args ...string) *person {
	t.Helper()
	control, tty := openTerminal(t)
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave)
	p := &person{keyboard: control, leave: leave, done: make(chan int, 1)}
	go func() { _, _ = io.Copy(&p.screen, control) }()
	if out == nil {
		out = tty
	}
	go func() { p.done <- inProcess(tty, out, tty).run(ctx, args) }()
	return p
}

func (p *person) typeLine(t *testing.T, line string) {
	t.Helper()
	_, err := fmt.Fprintf(p.keyboard, "%s\n", line)
	require.NoError(t, err)
}

func openTerminal(t *testing.T) (control, tty *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	number, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0))
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tty.Close(); _ = control.Close() })
	return control, tty
}
