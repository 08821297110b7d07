package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox/process"
)

// pretendWorker notes the environment it got and how it was ended.
func pretendWorker(t *testing.T) (program, notes string) {
	t.Helper()
	dir := t.TempDir()
	program, notes = filepath.Join(dir, "worker"), filepath.Join(dir, "notes")
	script := "#!/bin/sh\ntrap 'echo asked to stop >>" + notes + "; exit 0' TERM\nenv >" + notes + ".new\nmv " + notes + ".new " + notes +
		"\nwhile :; do sleep 0.05; done\n"
	require.NoError(t, os.WriteFile(program, []byte(script), 0o700))
	return program, notes
}

func TestWorkersAreConfiguredForTheSandboxAndEndWithIt(t *testing.T) {
	c := ForTest(t, Options{Temporal: &TemporalOptions{InMemory: true}})
	first, firstNotes := pretendWorker(t)
	second, secondNotes := pretendWorker(t)
	unnamed, err := c.StartWorker("", first)
	require.NoError(t, err)
	named, err := c.StartWorker("second", second)
	require.NoError(t, err)
	_, err = c.StartWorker("", first)
	require.ErrorContains(t, err, "already runs")
	for _, notes := range []string{firstNotes, secondNotes} {
		require.Eventually(t, func() bool { return exists(notes) }, time.Minute, 10*time.Millisecond)
		content, err := readFile(notes)
		require.NoError(t, err)
		for _, variable := range c.WorkerEnvironment() {
			require.Contains(t, strings.Split(content, "\n"), variable)
		}
	}
	// As another process would.
	require.NoError(t, downIn(t.Context(), c.Folder, DownOptions{}))
	for _, notes := range []string{firstNotes, secondNotes} {
		content, err := readFile(notes)
		require.NoError(t, err)
		require.Contains(t, content, "asked to stop")
	}
	for _, k := range []*process.Keeper{unnamed, named} {
		require.False(t, k.Running())
	}
	requireNoProcess(t, c.Folder)
}

func TestTiedSandboxEndsWithItsStarterHoweverThatEnds(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sandbox")
	starter := exec.Command(os.Args[0])
	starter.Env = append(os.Environ(), tiedVariable+"="+folder)
	starter.Stderr = os.Stderr
	output, err := starter.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, starter.Start())
	t.Cleanup(func() { _ = downIn(context.Background(), folder, DownOptions{Now: true}) })
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "up\n", line)
	m, err := readMarker(folder)
	require.NoError(t, err)
	// Of the worker, Temporal and the node each: the keeper, what watches for
	// the starter's end, and the server.
	require.GreaterOrEqual(t, len(process.Marked(m.Mark)), 6)

	require.NoError(t, starter.Process.Kill())
	_ = starter.Wait()
	require.Eventually(t, func() bool { return len(process.Marked(m.Mark)) == 0 }, 2*time.Minute, 20*time.Millisecond)
	requireNoProcess(t, folder)
	log, err := os.ReadFile(filepath.Join(folder, nodesDir, "db1", "error.log"))
	require.NoError(t, err)
	require.True(t, bytes.Contains(log, []byte("Shutdown complete")), "the server was not asked to shut down")
}
