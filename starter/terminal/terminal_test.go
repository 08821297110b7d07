package terminal

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWithoutATerminalThereAreNoColoursAndNoQuestions(t *testing.T) {
	var out, err bytes.Buffer
	quiet := New(strings.NewReader(""), &out, &err, Options{})
	assert.False(t, quiet.CanAsk())
	assert.Equal(t, "text", quiet.Out.Paint(Red, "text"))
	width, height := quiet.Out.Size()
	assert.Equal(t, []int{80, 24}, []int{width, height})
}

func TestColoursAreDeclined(t *testing.T) {
	set := func(name, value string) func(string) string {
		return func(asked string) string {
			if asked == name {
				return value
			}
			return ""
		}
	}
	for name, test := range map[string]struct {
		options Options
		colour  bool
	}{
		"nobody declines": {Options{Getenv: set("", "")}, true},
		"NO_COLOR":        {Options{Getenv: set("NO_COLOR", "1")}, false},
		"an empty one":    {Options{Getenv: set("NO_COLOR", "")}, true},
		"a dumb terminal": {Options{Getenv: set("TERM", "dumb")}, false},
		"the flag":        {Options{NoColor: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tty := openTerminal(t)
			stream := New(tty, tty, tty, test.options)
			require.True(t, stream.CanAsk())
			assert.Equal(t, test.colour, stream.Out.Paint(Red, "text") != "text")
			assert.Equal(t, "text", stream.Out.Paint(Plain, "text"))
		})
	}
}

func TestAsk(t *testing.T) {
	for name, test := range map[string]struct {
		input, answer string
		err           error
	}{
		"an answer":             {"shop\n", "shop", nil},
		"space around it":       {"  shop \r\n", "shop", nil},
		"an empty line":         {"\n", "", nil},
		"no line end":           {"shop", "shop", nil},
		"the end of the input":  {"", "", ErrNoAnswer},
		"only the first line":   {"one\ntwo\n", "one", nil},
		"control within a word": {"sh\x00op\n", "sh\x00op", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			got, err := New(strings.NewReader(test.input), &out, &errOut, Options{}).Ask(t.Context(), "Name? ")
			assert.ErrorIs(t, err, test.err)
			assert.Equal(t, test.answer, got)
			assert.Contains(t, errOut.String(), "Name? ")
			assert.Empty(t, out.String(), "a question is nothing that was asked for")
		})
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	silent, keyboard := io.Pipe()
	defer keyboard.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	_, err := New(silent, &out, &out, Options{}).Ask(ctx, "Name? ")
	assert.ErrorIs(t, err, context.Canceled)
}

func TestCleanKeepsNothingThatCouldPaint(t *testing.T) {
	assert.Equal(t, "a b c \ufffd[2J\ufffd", Clean("a\nb\tc\r\x1b[2J\u202e"))
	assert.Equal(t, "a\nb\ufffd", CleanLines("a\nb\x1b"))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		clean := Clean(text)
		for _, r := range clean {
			if r < ' ' || (r >= 0x7f && r < 0xa0) {
				t.Fatalf("%q is left in %q", r, clean)
			}
		}
		if again := Clean(clean); again != clean {
			t.Fatalf("%q becomes %q", clean, again)
		}
	})
}

func TestCutKeepsToTheWidth(t *testing.T) {
	assert.Equal(t, "äöü", Cut("äöü", 3))
	assert.Equal(t, "ä…", Cut("äöü", 2))
	rapid.Check(t, func(t *rapid.T) {
		text, width := rapid.String().Draw(t, "text"), rapid.IntRange(-2, 20).Draw(t, "width")
		if got := utf8.RuneCountInString(Cut(text, width)); got > max(width, 0) {
			t.Fatalf("%d characters in place of %d", got, width)
		}
	})
}

func TestFoldLosesNothingButSpace(t *testing.T) {
	assert.Equal(t, []string{"  one two", "    three"}, Fold("  one two three", 11))
	assert.Equal(t, []string{"abcdef", "  ghij", "  k"}, Fold("abcdefghijk", 6))
	assert.Equal(t, []string{"short"}, Fold("short", 5))
	rapid.Check(t, func(t *rapid.T) {
		text, width := rapid.String().Draw(t, "text"), rapid.IntRange(30, 60).Draw(t, "width")
		lines := Fold(text, width)
		var joined string
		for _, line := range lines {
			if utf8.RuneCountInString(line) > width && len(lines) > 1 {
				t.Fatalf("%q is wider than %d", line, width)
			}
			joined += line
		}
		without := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if len(lines) > 1 && without(joined) != without(string([]rune(text))) {
			t.Fatalf("%q became %q", text, lines)
		}
	})
}

func TestABlockIsDrawnOverItself(t *testing.T) {
	var out bytes.Buffer
	block := NewBlock(New(strings.NewReader(""), &out, &out, Options{}).Out)
	block.Draw([]Line{{Text: "one"}, {Text: "two"}})
	assert.Equal(t, "one\ntwo\n", out.String())
	out.Reset()
	block.Draw([]Line{{Text: "three"}})
	assert.Equal(t, "\x1b[2A\r\x1b[Jthree\n", out.String())
	out.Reset()
	block.Clear()
	block.Clear()
	assert.Equal(t, "\x1b[1A\r\x1b[J", out.String())
}

func TestABlockNeverWrapsAndNeverScrolls(t *testing.T) {
	var out bytes.Buffer
	block := NewBlock(New(strings.NewReader(""), &out, &out, Options{}).Out)
	var many []Line
	for range 40 {
		many = append(many, Line{Text: strings.Repeat("x", 200)})
	}
	block.Draw(many)
	drawn := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	assert.Len(t, drawn, 23)
	for _, line := range drawn {
		assert.Less(t, utf8.RuneCountInString(line), 80)
	}
	assert.Contains(t, drawn[22], "18 more lines")
}
