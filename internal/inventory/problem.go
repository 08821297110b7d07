package inventory

import (
	"fmt"
	"strings"
)

// Problem is one mistake in the file.
type Problem struct {
	// Path is where it is, as clusters.shop.nodes[2].name, with nodes counted from 0; empty for the file as a whole.
	Path string
	// Line is counted from 1; 0 when unknown.
	Line int
	// Message says what is wrong and what to write instead. It never repeats what may be a password.
	Message string
}

func (p Problem) String() string {
	var s strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&s, "line %d: ", p.Line)
	}
	if p.Path != "" {
		s.WriteString(p.Path + ": ")
	}
	s.WriteString(p.Message)
	return s.String()
}

// InvalidError names every mistake found in one reading of the file, in the order of its lines.
type InvalidError struct {
	Path     string
	Problems []Problem
}

func (e *InvalidError) Error() string {
	if len(e.Problems) == 1 {
		return fmt.Sprintf("inventory %s is not valid: %s", e.Path, e.Problems[0])
	}
	var s strings.Builder
	fmt.Fprintf(&s, "inventory %s is not valid, %d problems:", e.Path, len(e.Problems))
	for _, p := range e.Problems {
		s.WriteString("\n  " + p.String())
	}
	return s.String()
}
