// Package terminal is the starter's manners. It knows whether a person is looking and how to speak to one; it knows nothing of
// clusters, runs or Temporal.
//
// The rules of output, which every command keeps:
//
//  1. What was asked for goes to stdout; everything that is said about it (questions, hints, progress of a started run) to stderr.
//  2. With --json, stdout carries JSON only: one document, or one per line from watch.
//  3. A block is redrawn only on a terminal; elsewhere lines are only ever appended, and only when something changed.
//  4. Colour is used only on a terminal, never with NO_COLOR, TERM=dumb or --no-color, and never carries a meaning by itself.
//  5. A question is asked only when stdin and stderr are terminals. Ctrl-C is never an answer to it.
//  6. Text that came from a server is cleaned of control characters before it is shown, so that nothing can repaint the screen on
//     which a person approves an erase.
package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Terminal is the three standard streams and what is known of them.
type Terminal struct {
	// Out takes what was asked for, Err everything that is said about it.
	Out, Err *Stream

	in         io.Reader
	inTerminal bool
	reader     *bufio.Reader
}

// Options are the facts about the surroundings that the streams do not tell.
type Options struct {
	// NoColor is true when colours were declined by a flag.
	NoColor bool
	// Getenv answers for NO_COLOR and TERM; nil means that there is no environment.
	Getenv func(string) string
}

// New looks at the streams. A stream counts as a terminal only if it is an *os.File that is one.
func New(in io.Reader, out, err io.Writer, options Options) *Terminal {
	colour := !options.NoColor
	if options.Getenv != nil && (options.Getenv("NO_COLOR") != "" || options.Getenv("TERM") == "dumb") {
		colour = false
	}
	return &Terminal{
		Out: newStream(out, colour), Err: newStream(err, colour),
		in: in, inTerminal: isTerminal(in), reader: bufio.NewReader(in),
	}
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// CanAsk reports whether a person is there to answer a question.
func (t *Terminal) CanAsk() bool { return t.inTerminal && t.Err.terminal }

// ErrNoAnswer is returned by Ask when the input ended without one.
var ErrNoAnswer = errors.New("the input ended without an answer")

// Ask writes a question to stderr and returns the line that was typed, without surrounding space. It returns the context's error
// when that ends first (Ctrl-C, or a decision made elsewhere), and ErrNoAnswer at the end of the input.
func (t *Terminal) Ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(t.Err, question)
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	// A read from a terminal cannot be cut short; the goroutine is left to the end of the process, which follows.
	go func() {
		line, err := t.reader.ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(t.Err)
		return "", ctx.Err()
	case got := <-answers:
		if got.err != nil && got.line == "" {
			fmt.Fprintln(t.Err)
			return "", ErrNoAnswer
		}
		return strings.TrimSpace(got.line), nil
	}
}
