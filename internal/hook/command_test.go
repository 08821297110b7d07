package hook

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var event = Event{
	Place: inventory.HookBeforeFence, Cluster: "shop", Run: "0192d3f4", Mode: contract.ModeResync, Plan: "p-7f3a9c21d0", Node: "db2",
}

// plenty is a timeout that is reached only where something hangs.
const plenty = 10 * time.Minute

// script is a hook that runs a shell script.
func script(t *testing.T, text string) inventory.Hook {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700))
	return inventory.Hook{Command: []string{path}, Timeout: plenty, Attempts: 1, OnFailure: inventory.HookStop}
}

func TestCommandIsToldTheEvent(t *testing.T) {
	hook := script(t, `printf '%s|' "$@"; cat; pwd`)
	hook.Command = append(hook.Command, "two words", "$HOME", "")
	answer, err := Run(t.Context(), hook, event)
	require.NoError(t, err)
	assert.Equal(t, 1, answer.Attempts)
	arguments, rest, found := strings.Cut(answer.Output, "{")
	require.True(t, found, answer.Output)
	assert.Equal(t, "two words|$HOME||", arguments, "no shell reads the arguments")
	message, folder, _ := strings.Cut("{"+rest, "\n")
	assert.Equal(t, "/", folder)
	var told map[string]string
	require.NoError(t, json.Unmarshal([]byte(message), &told))
	assert.Equal(t, map[string]string{
		"id": "0192d3f4/beforeFence/db2", "place": "beforeFence", "cluster": "shop", "run": "0192d3f4", "mode": "resync", "plan": "p-7f3a9c21d0", "node": "db2",
	}, told)
}

func TestCommandDoesNotInheritTheWorkersEnvironment(t *testing.T) {
	t.Setenv("SHOP_RESYNC_ADMIN_PASSWORD", "hunter2")
	t.Setenv("SENDGRID_API_KEY", "hunter2")
	t.Setenv("HOME", "/home/worker")
	ended := event
	ended.Place, ended.Node, ended.Outcome = inventory.HookRunEnd, "", contract.OutcomeSucceeded
	answer, err := Run(t.Context(), inventory.Hook{Command: []string{"/usr/bin/env"}, Timeout: plenty, Attempts: 1}, ended)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/home/worker",
		"CLUSTERRESYNC_HOOK_ID=0192d3f4/runEnd", "CLUSTERRESYNC_HOOK_PLACE=runEnd", "CLUSTERRESYNC_HOOK_CLUSTER=shop", "CLUSTERRESYNC_HOOK_RUN=0192d3f4",
		"CLUSTERRESYNC_HOOK_MODE=resync", "CLUSTERRESYNC_HOOK_PLAN=p-7f3a9c21d0", "CLUSTERRESYNC_HOOK_NODE=", "CLUSTERRESYNC_HOOK_STANDING=",
		"CLUSTERRESYNC_HOOK_OUTCOME=succeeded",
	}, strings.Split(answer.Output, "\n"))
}

func TestCommandThatFails(t *testing.T) {
	_, err := Run(t.Context(), script(t, "echo to stdout; echo to stderr >&2; exit 3"), event)
	var failed *FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 3, failed.Code)
	assert.Equal(t, "to stdout\nto stderr", failed.Output)
	assert.ErrorContains(t, err, "failed with exit status 3 and said: to stdout\nto stderr; wanted exit status 0")
	assert.True(t, Again(err))

	_, err = Run(t.Context(), script(t, "kill -9 $$"), event)
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, -1, failed.Code)
	assert.ErrorContains(t, err, "signal: killed")
}

func TestCommandThatCannotBeStarted(t *testing.T) {
	folder := t.TempDir()
	plainFile := filepath.Join(folder, "plain")
	require.NoError(t, os.WriteFile(plainFile, []byte("#!/bin/sh\n"), 0o600))
	for path, want := range map[string]error{filepath.Join(folder, "none"): fs.ErrNotExist, plainFile: fs.ErrPermission} {
		_, err := Run(t.Context(), inventory.Hook{Command: []string{path}, Timeout: plenty, Attempts: 1}, event)
		var notCalled *NotCalledError
		require.ErrorAs(t, err, &notCalled)
		require.ErrorIs(t, err, want)
		assert.False(t, Again(err))
		assert.Equal(t, 1, strings.Count(err.Error(), path), err.Error())
	}
}

func TestCommandThatTakesTooLong(t *testing.T) {
	hook := script(t, "echo began; exec sleep 100000")
	hook.Timeout = time.Second
	_, err := Run(t.Context(), hook, event)
	var late *TimedOutError
	require.ErrorAs(t, err, &late)
	assert.Equal(t, hook.Timeout, late.Timeout)
	assert.ErrorContains(t, err, "did not end within 1s")
	assert.True(t, Again(err))
}

// What a command has started ends with it, or the next attempt would find it still at work. The FIFO ends when its last writer does.
func TestCommandIsKilledWithAllThatItStarted(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	hook := script(t, "exec 3>"+fifo+"\n(trap '' TERM INT HUP; echo ready >&3; sleep 100000) &\nwait")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := make(chan error, 1)
	go func() {
		_, err := Run(ctx, hook, event)
		over <- err
	}()
	reader, err := os.Open(fifo)
	require.NoError(t, err)
	defer reader.Close()
	ready := make([]byte, len("ready\n"))
	_, err = io.ReadFull(reader, ready)
	require.NoError(t, err)

	cancel()
	rest, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Empty(t, rest)
	err = <-over
	require.ErrorIs(t, err, context.Canceled)
	var late *TimedOutError
	assert.NotErrorAs(t, err, &late, "the run was stopped; the hook was not slow")
	assert.False(t, Again(err))
}

// A daemon that a hook starts keeps neither the hook waiting nor is it killed.
func TestCommandMayLeaveSomethingRunning(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	hook := script(t, "(cat "+fifo+" >/dev/null) &\necho started")
	answer, err := Run(t.Context(), hook, event)
	require.NoError(t, err)
	assert.Equal(t, "started", answer.Output)
	// Opening waits for the reader: it would hang if the child had been killed.
	writer, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
}

func TestCommandNeedNotReadItsInput(t *testing.T) {
	large := event
	large.Plan = strings.Repeat("p", 100_000) // more than a pipe holds
	_, err := Run(t.Context(), script(t, "exec <&-; exit 0"), large)
	assert.NoError(t, err)
}

func TestOutputIsBoundedToItsEnd(t *testing.T) {
	answer, err := Run(t.Context(), script(t, `i=0; while [ $i -lt 20000 ]; do echo "línea $i"; i=$((i+1)); done; printf 'last\377'`), event)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(answer.Output), MaxOutput)
	assert.Greater(t, len(answer.Output), MaxOutput/2)
	assert.True(t, utf8.ValidString(answer.Output))
	assert.True(t, strings.HasPrefix(answer.Output, "[...]"), answer.Output[:20])
	assert.True(t, strings.HasSuffix(answer.Output, "línea 19999\nlast\uFFFD"), answer.Output[len(answer.Output)-20:])
}
