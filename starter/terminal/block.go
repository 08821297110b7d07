package terminal

import (
	"fmt"
	"strings"
)

// Line is one line of a block.
type Line struct {
	Text  string
	Style Style
	// Fold asks for further lines where the text is longer than the terminal is wide; without it the rest is cut off.
	Fold bool
}

// Block is a part of the screen that is drawn over itself. It is for terminals only (rule 3).
type Block struct {
	stream *Stream
	drawn  int
}

// NewBlock begins a block at the cursor.
func NewBlock(stream *Stream) *Block { return &Block{stream: stream} }

// Draw replaces what the block showed. Lines are cut to the width and to the height of the terminal: a line that wrapped, or a block
// taller than the screen, could not be found again and would leave its upper part behind on each drawing.
func (b *Block) Draw(lines []Line) {
	width, height := b.stream.Size()
	lines = folded(lines, width-1)
	if limit := height - 1; limit > 0 && len(lines) > limit {
		hidden := len(lines) - limit + 1
		lines = append(lines[:limit-1:limit-1], Line{Text: fmt.Sprintf("… %d more lines; make the window taller", hidden), Style: Dim})
	}
	var out strings.Builder
	out.WriteString(b.erase())
	for _, line := range lines {
		out.WriteString(b.stream.Paint(line.Style, line.Text))
		out.WriteString("\n")
	}
	b.drawn = len(lines)
	_, _ = b.stream.Write([]byte(out.String()))
}

// folded is the lines within a width.
func folded(lines []Line, width int) []Line {
	var fitting []Line
	for _, line := range lines {
		texts := []string{Cut(line.Text, width)}
		if line.Fold {
			texts = Fold(line.Text, width)
		}
		for _, text := range texts {
			fitting = append(fitting, Line{Text: text, Style: line.Style})
		}
	}
	return fitting
}

// Clear removes the block, so that something else can be written in its place.
func (b *Block) Clear() {
	_, _ = b.stream.Write([]byte(b.erase()))
	b.drawn = 0
}

func (b *Block) erase() string {
	if b.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", b.drawn)
}
