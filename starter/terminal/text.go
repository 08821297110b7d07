package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text that came from a server fit for a terminal: line breaks and tabs become spaces, any other control or
// direction-changing character becomes U+FFFD.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return utf8.RuneError
		default:
			return r
		}
	}, text)
}

// CleanLines is Clean for text whose line breaks are meant.
func CleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	return strings.Join(lines, "\n")
}

// Cut shortens text to a number of characters, the last of which is then an ellipsis.
func Cut(text string, width int) string {
	if width <= 0 {
		return ""
	}
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "…"
}

// Fold breaks text into lines of at most a number of characters, at spaces where there are any; the later ones are set in as far as
// the first and two characters more.
func Fold(text string, width int) []string {
	rest := []rune(text)
	indent := strings.Repeat(" ", len(text)-len(strings.TrimLeft(text, " "))+2)
	if width <= 2*len(indent) {
		return []string{Cut(text, width)}
	}
	var lines []string
	for len(rest) > width {
		end := width
		for i := width; i > len(indent); i-- {
			if rest[i] == ' ' {
				end = i
				break
			}
		}
		lines = append(lines, strings.TrimRight(string(rest[:end]), " "))
		rest = []rune(indent + strings.TrimLeft(string(rest[end:]), " "))
	}
	return append(lines, string(rest))
}
