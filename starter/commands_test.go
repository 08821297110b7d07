package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// offline runs a command line that must end before it reaches any server.
func offline(args ...string) starter {
	var out, err output
	code := surroundings{in: strings.NewReader(""), out: &out, err: &err,
		env: variables{"TEMPORAL_ADDRESS": "127.0.0.1:1"}}.run(context.Background(), args)
	return starter{code, out.String(), err.String()}
}

func TestWrongCommandLinesAreNoOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		says string
		hint string
	}{
		"no such command":      {"destroy shop", "destroy", "starter --help"},
		"no cluster":           {"start", "<cluster>", "starter start --help"},
		"a mode of nobody":     {"start shop --mode wipe", "--mode", "starter start --help"},
		"plan is not a mode":   {"start shop --mode plan", "--mode", "starter start --help"},
		"a bad name":           {"plan Shop!", "not a name", "starter start --help"},
		"several at once":      {"start shop --confirm shop --nodes A,b --notify nobody --max-parallel 2000", "nodes: \"A\"", ""},
		"approve without plan": {"approve shop", "--plan", "starter approve --help"},
		"throttle by words":    {"throttle shop fast", "fast", "starter throttle --help"},
		"abort of no node":     {"abort shop", "<node>", "starter abort --help"},
		"an unfinished group":  {"schedule", "create", "starter schedule --help"},
		"an unknown flag":      {"watch shop --follow", "--follow", "starter watch --help"},
		"a bad duration":       {"start shop --confirm shop --watch soon", "soon", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := offline(strings.Fields(test.args)...)
			assert.Equal(t, 64, got.code, got.err)
			assert.Empty(t, got.out)
			assert.Contains(t, got.err, test.says)
			assert.Contains(t, got.err, test.hint)

			asJSON := offline(append(strings.Fields(test.args), "--json")...)
			assert.Equal(t, 64, asJSON.code)
			var told struct {
				Error    string
				ExitCode int
			}
			assert.NoError(t, json.Unmarshal([]byte(asJSON.out), &told), asJSON.out)
			assert.Equal(t, 64, told.ExitCode)
			assert.Contains(t, told.Error, test.says)
		})
	}
}

func TestEveryProblemOfARequestIsNamedAtOnce(t *testing.T) {
	got := offline("start", "shop", "--confirm", "shop", "--nodes", "A,b,b", "--notify", "nobody", "--max-parallel", "2000")
	for _, part := range []string{`"A"`, "b is named twice", "nobody", "maxParallel"} {
		assert.Contains(t, got.err, part)
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"start", "--help"}, {"schedule", "create", "--help"}} {
		got := offline(args...)
		assert.Equal(t, 0, got.code)
		assert.Contains(t, got.out, "Usage: starter")
		assert.Empty(t, got.err)
	}
}

func TestCutBytesKeepsWholeCharacters(t *testing.T) {
	assert.Equal(t, "äö", cutBytes("äöü", 5))
	assert.Equal(t, "äöü", cutBytes("äöü", 6))
}
