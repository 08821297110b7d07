package sandbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSecondariesFollowAndAreReadOnly(t *testing.T) {
	primary, secondary := shared.Primary(), shared.Secondaries()[0]
	require.NoError(t, primary.Exec(t.Context(), "CREATE DATABASE followed", "CREATE TABLE followed.t (id INT PRIMARY KEY)", "INSERT INTO followed.t VALUES (42)"))
	t.Cleanup(func() { _ = primary.Exec(t.Context(), "DROP DATABASE followed") })
	require.NoError(t, secondary.WaitFor(t.Context(), primary))
	value, err := secondary.QueryString(t.Context(), "SELECT id FROM followed.t")
	require.NoError(t, err)
	require.Equal(t, "42", value)

	errant, err := secondary.QueryString(t.Context(), "SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, ?)", gtids(t, primary))
	require.NoError(t, err)
	require.Empty(t, errant, "setting up wrote to a secondary")
	for variable, wanted := range map[string]string{"super_read_only": "ON", "event_scheduler": "OFF"} {
		persisted, err := secondary.QueryString(t.Context(), "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = ?", variable)
		require.NoError(t, err)
		require.Equal(t, wanted, persisted, variable)
	}
	first, err := primary.QueryString(t.Context(), "SELECT @@server_uuid")
	require.NoError(t, err)
	second, err := secondary.QueryString(t.Context(), "SELECT @@server_uuid")
	require.NoError(t, err)
	require.NotEqual(t, first, second, "both come from one prepared data directory")
}

func gtids(t *testing.T, n *Node) string {
	t.Helper()
	set, err := n.QueryString(t.Context(), "SELECT @@GLOBAL.gtid_executed")
	require.NoError(t, err)
	return set
}

func TestServersListenOnTheLoopbackAddressAlone(t *testing.T) {
	for _, n := range shared.Nodes {
		bound, err := n.QueryString(t.Context(), "SELECT CONCAT(@@bind_address, ' ', @@mysqlx_bind_address, ' ', (SELECT COUNT(*) FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Mysqlx_port' AND VARIABLE_VALUE <> 'UNDEFINED'))")
		if err != nil { // no X plugin at all
			bound, err = n.QueryString(t.Context(), "SELECT CONCAT(@@bind_address, ' * 0')")
			require.NoError(t, err)
		}
		require.Equal(t, "127.0.0.1 * 0", bound)
	}
}

func TestUpRefusesAFolderWithASandboxAndLeavesItBe(t *testing.T) {
	before := shared.Nodes[0].PID()
	_, err := Up(t.Context(), Options{Folder: shared.Folder, Nodes: Nodes(1)})
	require.ErrorIs(t, err, ErrExists)
	require.ErrorContains(t, err, "sandbox down")
	require.Equal(t, before, shared.Nodes[0].PID())
	require.NoError(t, shared.Nodes[0].Ping(t.Context()))
}

func TestUpRefusesAFolderWithOtherFiles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "precious")
	require.NoError(t, os.WriteFile(file, []byte("data"), 0o600))
	_, err := Up(t.Context(), Options{Folder: folder, Nodes: Nodes(1)})
	require.ErrorContains(t, err, "other files")
	require.FileExists(t, file)
	require.NoFileExists(t, filepath.Join(folder, markerFile))
}

func TestUpThatFailsLeavesNothingAndSaysWhy(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sandbox")
	nodes := Nodes(2)
	nodes[1].Settings = []string{"no_such_setting=1"}
	_, err := Up(t.Context(), Options{Folder: folder, Nodes: nodes})
	require.ErrorContains(t, err, "node db2")
	require.ErrorContains(t, err, "no_such_setting")
	require.NoDirExists(t, folder)
	requireNoProcess(t, folder)
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	for problem, options := range map[string]Options{
		"cluster name":       {Name: "Not A Name"},
		"node name \"a b\"":  {Nodes: []NodeOptions{{Name: "a b"}}},
		"given twice":        {Nodes: []NodeOptions{{Name: "a"}, {Name: "a"}}},
		"supervision":        {Nodes: []NodeOptions{{Supervision: "prayer"}}},
		"cannot stand alone": {Nodes: []NodeOptions{{Standalone: true}}},
		"no folder given":    {Nodes: Nodes(1)},
	} {
		_, err := Up(t.Context(), options)
		require.ErrorContains(t, err, problem)
	}
}

// bringUp has another process bring a sandbox up in folder.
func bringUp(t *testing.T, folder string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), upVariable+"="+folder)
	command.Stderr = os.Stderr
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		if err := downIn(context.Background(), folder, DownOptions{Now: true}); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("end the sandbox: %v", err)
		}
	})
	return command
}

func TestSandboxOutlivesItsStarterAndIsEndedByAnother(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sandbox")
	require.NoError(t, bringUp(t, folder).Wait())

	c, err := Open(folder)
	require.NoError(t, err)
	status := c.Status(t.Context())
	require.True(t, status.Complete)
	require.Equal(t, "shop", status.Cluster)
	require.Len(t, status.Nodes, 2)
	for _, n := range status.Nodes {
		require.True(t, n.Answers, n.Name)
		require.NotZero(t, n.PID)
	}
	require.Equal(t, c.Primary().PeerAddress(), status.Nodes[1].Source)
	require.True(t, status.Temporal.Answers)

	// The node that another process started is controlled all the same.
	secondary := c.Secondaries()[0]
	require.NoError(t, secondary.Restart(t.Context()))

	require.NoError(t, downIn(t.Context(), folder, DownOptions{}))
	requireNoProcess(t, folder)
	require.NoDirExists(t, folder)
	require.NoError(t, c.Down(t.Context(), DownOptions{}), "ended twice is ended")
}

func TestDownStopsCleanlyAndKeepsTheFolderWhenAsked(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sandbox")
	c, err := Up(t.Context(), Options{Folder: folder, Nodes: Nodes(1), Tied: true})
	require.NoError(t, err)
	require.NoError(t, c.Primary().Exec(t.Context(), "CREATE DATABASE kept"))
	require.NoError(t, c.Down(t.Context(), DownOptions{Keep: true}))
	requireNoProcess(t, folder)
	codes, err := c.Primary().Exits()
	require.NoError(t, err)
	require.Equal(t, []int{0}, codes)

	again, err := Open(folder)
	require.NoError(t, err)
	require.False(t, again.Status(t.Context()).Nodes[0].Answers)
	require.NoError(t, again.Primary().Start())
	require.NoError(t, again.Primary().WaitReady(t.Context()))
	name, err := again.Primary().QueryString(t.Context(), "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'kept'")
	require.NoError(t, err)
	require.Equal(t, "kept", name)
	require.NoError(t, again.Down(t.Context(), DownOptions{Now: true}))
	requireNoProcess(t, folder)
	require.NoDirExists(t, folder)
}

// However far an Up had come when it was killed, down finds what there is.
func TestDownEndsWhatAKilledUpLeft(t *testing.T) {
	reached := map[string]func(folder string) bool{
		"marked":          func(f string) bool { return exists(filepath.Join(f, markerFile)) },
		"servers started": func(f string) bool { return matches(filepath.Join(f, "*", "*", "server.pid")) },
		"nearly complete": func(f string) bool { return exists(filepath.Join(f, EnvironmentFile)) },
	}
	for name, condition := range reached {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "sandbox")
			command := bringUp(t, folder)
			require.Eventually(t, func() bool { return condition(folder) }, 2*time.Minute, time.Millisecond)
			require.NoError(t, command.Process.Kill())
			_ = command.Wait()

			require.NoError(t, downIn(t.Context(), folder, DownOptions{}))
			requireNoProcess(t, folder)
			require.NoDirExists(t, folder)
		})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func matches(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

func TestDownTouchesNoFolderThatIsNotASandboxs(t *testing.T) {
	foreign := t.TempDir()
	file := filepath.Join(foreign, "precious")
	require.NoError(t, os.WriteFile(file, []byte("data"), 0o600))
	require.ErrorIs(t, downIn(t.Context(), foreign, DownOptions{}), ErrNotSandbox)
	require.FileExists(t, file)

	// A marker of another's making is none.
	require.NoError(t, os.WriteFile(filepath.Join(foreign, markerFile), []byte("hello"), 0o600))
	require.ErrorIs(t, downIn(t.Context(), foreign, DownOptions{}), ErrNotSandbox)
	require.FileExists(t, file)

	// Nor is the marker of a sandbox elsewhere, whose servers it would end.
	genuine, err := os.ReadFile(filepath.Join(shared.Folder, markerFile))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(foreign, markerFile), genuine, 0o600))
	require.ErrorIs(t, downIn(t.Context(), foreign, DownOptions{}), ErrNotSandbox)
	require.FileExists(t, file)
	require.NoError(t, shared.Primary().Ping(t.Context()))

	absent := filepath.Join(foreign, "absent")
	require.ErrorIs(t, downIn(t.Context(), absent, DownOptions{}), fs.ErrNotExist)
}

func TestForTestEndsWithTheTest(t *testing.T) {
	var folder string
	t.Run("inner", func(t *testing.T) {
		c := ForTest(t, Options{Nodes: Nodes(1)})
		folder = c.Folder
		require.NoError(t, c.Primary().Ping(t.Context()))
	})
	require.NoDirExists(t, folder)
	requireNoProcess(t, folder)
}

// downIn ends the sandbox in a folder, as another process would.
func downIn(ctx context.Context, folder string, options DownOptions) error {
	c, err := Open(folder)
	if err != nil {
		return err
	}
	return c.Down(ctx, options)
}
