package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadmeCommandsParse holds what operators copy to the commands that there are.
func TestReadmeCommandsParse(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| `starter ...` | what it does |\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")

	var commands []string
	for row := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for i, part := range strings.Split(cell, "`") {
			if i%2 == 1 {
				commands = append(commands, part)
			}
		}
	}
	require.GreaterOrEqual(t, len(commands), 10)
	for _, match := range regexp.MustCompile(`(?m)^    .*(?:go run \./|worker )starter ([^#\n]+)`).FindAllStringSubmatch(string(text), -1) {
		commands = append(commands, match[1])
	}
	require.Contains(t, strings.Join(commands, "\n"), "plan trial", "the commands in blocks are found too")
	for _, command := range commands {
		_, parsed := parse(strings.Fields(command), surroundings{out: io.Discard, err: io.Discard})
		require.NoError(t, parsed.err, command)
		require.NotNil(t, parsed.runnable, command)
	}
}
