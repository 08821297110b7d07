package terminal

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Style is a way of setting text off. It is decoration only: the text says everything without it.
type Style string

// The styles in use, as ANSI attributes.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
)

// Stream is one output stream. It may be written to by several goroutines.
type Stream struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	colour   bool
}

func newStream(w io.Writer, colour bool) *Stream {
	terminal := isTerminal(w)
	return &Stream{w: w, terminal: terminal, colour: terminal && colour}
}

// Write implements io.Writer.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// IsTerminal reports whether a person looks at the stream.
func (s *Stream) IsTerminal() bool { return s.terminal }

// Paint sets text in a style, or returns it unchanged where colour is not wanted.
func (s *Stream) Paint(style Style, text string) string {
	if !s.colour || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Size is the width and height in characters; 80 by 24 where it cannot be known.
func (s *Stream) Size() (width, height int) {
	if file, ok := s.w.(*os.File); ok && s.terminal {
		if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
			return width, height
		}
	}
	return 80, 24
}
