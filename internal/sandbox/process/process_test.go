package process

import (
	"bufio"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tiedVariable makes this test binary start a tied keeper in the folder it
// names, say so, and wait to be killed.
const tiedVariable = "PROCESS_TEST_TIED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(tiedVariable); dir != "" {
		holdTied(dir)
		return
	}
	os.Exit(m.Run())
}

func holdTied(dir string) {
	reader, writer, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	k := &Keeper{Dir: dir, Mode: Container, Command: []string{"/bin/sleep", "1000"}, Lifeline: reader}
	if err := k.Start(); err != nil {
		panic(err)
	}
	os.Stdout.WriteString("started\n")
	time.Sleep(time.Hour)
	runtime.KeepAlive(writer) // open until this process ends
}

// waitLimit is far beyond what anything here takes.
const waitLimit = 30 * time.Second

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, waitLimit, 10*time.Millisecond, what)
}

// keep starts a keeper of command and ends it with the test.
func keep(t *testing.T, mode Mode, command ...string) *Keeper {
	t.Helper()
	return keepPausing(t, mode, 10*time.Millisecond, command...)
}

func keepPausing(t *testing.T, mode Mode, pause time.Duration, command ...string) *Keeper {
	t.Helper()
	// Another run's remains are not this run's fault.
	k := &Keeper{Dir: t.TempDir(), Mode: mode, Pause: pause, Command: command, Mark: rand.Text()}
	require.NoError(t, k.Start())
	t.Cleanup(func() {
		require.NoError(t, k.Stop(context.Background(), 0))
		eventually(t, "nothing is left", func() bool { return len(Marked(k.Mark)) == 0 })
	})
	return k
}

func server(t *testing.T, k *Keeper) Identity {
	t.Helper()
	var found Identity
	eventually(t, "the server runs", func() bool {
		identity, err := k.Server()
		found = identity
		return err == nil
	})
	return found
}

// TestABareServerThatHasEndedCanBeStartedAtOnce: its keeper takes a moment longer to end.
func TestABareServerThatHasEndedCanBeStartedAtOnce(t *testing.T) {
	k := keep(t, Bare, "/bin/sleep", "1000")
	for range 20 {
		require.NoError(t, server(t, k).Signal(syscall.SIGKILL))
		for end := time.Now().Add(waitLimit); time.Now().Before(end); {
			if _, err := k.Server(); err != nil {
				break
			}
		}
		require.NoError(t, k.Start())
	}
}

func TestIdentityTellsAReusedPIDFromTheRecordedProcess(t *testing.T) {
	command := exec.Command("/bin/sleep", "1000")
	require.NoError(t, command.Start())
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	now, err := Of(command.Process.Pid)
	require.NoError(t, err)
	require.True(t, now.Alive())

	for name, recorded := range map[string]Identity{
		"started earlier": {PID: now.PID, Start: now.Start - 1, Boot: now.Boot},
		"earlier boot":    {PID: now.PID, Start: now.Start, Boot: "00000000-0000-0000-0000-000000000000"},
	} {
		require.False(t, recorded.Alive(), name)
		require.ErrorIs(t, recorded.Signal(syscall.SIGKILL), ErrGone, name)
	}
	require.True(t, now.Alive(), "the process that has the pid now was hit")

	// Through a keeper's folder as well: it holds the record of another time.
	k := &Keeper{Dir: t.TempDir(), Mode: Bare, Command: []string{"/bin/true"}}
	stale := Identity{PID: now.PID, Start: now.Start - 1, Boot: now.Boot}
	require.NoError(t, stale.WriteFile(filepath.Join(k.Dir, serverFile)))
	require.NoError(t, stale.WriteFile(filepath.Join(k.Dir, keeperFile)))
	require.ErrorIs(t, k.Signal(syscall.SIGKILL), ErrGone)
	require.NoError(t, k.Stop(t.Context(), 0))
	require.True(t, now.Alive(), "the process that has the pid now was hit")
}

func TestIdentityOfTheUnreapedIsGone(t *testing.T) {
	command := exec.Command("/bin/true")
	require.NoError(t, command.Start())
	eventually(t, "the process has ended", func() bool {
		state, _, err := stat(command.Process.Pid)
		return err == nil && isDead(state)
	})
	_, err := Of(command.Process.Pid)
	require.ErrorIs(t, err, ErrGone)
	require.NoError(t, command.Wait())
}

func TestIdentityIsWrittenAsTheKeeperWritesIt(t *testing.T) {
	k := keep(t, Bare, "/bin/sleep", "1000")
	byShell := server(t, k)
	byGo, err := Of(byShell.PID)
	require.NoError(t, err)
	require.Equal(t, byGo, byShell)

	path := filepath.Join(t.TempDir(), "record")
	require.NoError(t, byGo.WriteFile(path))
	read, err := ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, byGo, read)
	_, err = ReadFile(path + ".absent")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("12\n"), 0o600))
	_, err = ReadFile(path)
	require.ErrorContains(t, err, "pid start boot")
}

// Each mode meets each way a server can end.
func TestKeeperStartsAgainAsItsModeSays(t *testing.T) {
	const (
		clean   = "exit 0"
		failed  = "exit 3"
		restart = "exit 16"
		crashed = "kill -KILL $$"
	)
	for _, c := range []struct {
		mode  Mode
		end   string
		code  int
		again bool
	}{
		{Supervised, clean, 0, false}, {Supervised, failed, 3, false}, {Supervised, restart, 16, true}, {Supervised, crashed, 137, true},
		{Container, clean, 0, true}, {Container, failed, 3, true}, {Container, restart, 16, true}, {Container, crashed, 137, true},
		{Bare, clean, 0, false}, {Bare, failed, 3, false}, {Bare, restart, 16, false}, {Bare, crashed, 137, false},
	} {
		t.Run(string(c.mode)+" "+c.end, func(t *testing.T) {
			// Ends in that way once, and then stays.
			once := filepath.Join(t.TempDir(), "once")
			k := keep(t, c.mode, "/bin/sh", "-c", `[ -e "$0" ] && exec sleep 1000; : >"$0"; `+c.end, once)
			if c.again {
				eventually(t, "the second server runs", func() bool {
					codes, err := k.Exits()
					_, serverErr := k.Server()
					return err == nil && len(codes) == 1 && serverErr == nil
				})
			} else {
				eventually(t, "the keeper has ended", func() bool { return !k.Running() })
			}
			codes, err := k.Exits()
			require.NoError(t, err)
			require.Equal(t, []int{c.code}, codes)
		})
	}
}

func TestKeeperTellsOnlyTheSupervisedOfASupervisor(t *testing.T) {
	t.Setenv("MYSQLD_PARENT_PID", "1")
	t.Setenv("NOTIFY_SOCKET", "/nowhere")
	t.Setenv("SOME_API_KEY", "secret")
	for mode, wanted := range map[Mode]bool{Supervised: true, Container: false, Bare: false} {
		t.Run(string(mode), func(t *testing.T) {
			k := keep(t, mode, "/bin/sleep", "1000")
			content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(server(t, k).PID), "environ"))
			require.NoError(t, err)
			variables := strings.Split(string(content), "\x00")
			keeper, err := ReadFile(filepath.Join(k.Dir, keeperFile))
			require.NoError(t, err)
			if wanted {
				require.Contains(t, variables, "MYSQLD_PARENT_PID="+strconv.Itoa(keeper.PID))
			} else {
				require.NotContains(t, string(content), "MYSQLD_PARENT_PID")
			}
			require.NotContains(t, string(content), "NOTIFY_SOCKET")
			require.NotContains(t, string(content), "SOME_API_KEY")
		})
	}
}

func TestKeeperStop(t *testing.T) {
	t.Run("asks first", func(t *testing.T) {
		k := keep(t, Container, "/bin/sh", "-c", `trap 'exit 7' TERM; : >ready; while :; do sleep 0.01; done`)
		eventually(t, "the trap is set", func() bool { return exists(filepath.Join(k.Dir, "ready")) })
		require.NoError(t, k.Stop(t.Context(), waitLimit))
		require.False(t, k.Running())
		codes, err := k.Exits()
		require.NoError(t, err)
		require.Equal(t, []int{7}, codes)
	})
	t.Run("kills what does not listen", func(t *testing.T) {
		k := keep(t, Supervised, "/bin/sh", "-c", `trap '' TERM; : >ready; while :; do sleep 0.01; done`)
		eventually(t, "the trap is set", func() bool { return exists(filepath.Join(k.Dir, "ready")) })
		require.NoError(t, k.Stop(t.Context(), 50*time.Millisecond))
		codes, err := k.Exits()
		require.NoError(t, err)
		require.Equal(t, []int{137}, codes)
	})
	t.Run("reaches the frozen", func(t *testing.T) {
		k := keep(t, Supervised, "/bin/sleep", "1000")
		require.NoError(t, server(t, k).Signal(syscall.SIGSTOP))
		require.NoError(t, k.Stop(t.Context(), waitLimit))
		codes, err := k.Exits()
		require.NoError(t, err)
		require.Equal(t, []int{143}, codes)
	})
	t.Run("ends a pause", func(t *testing.T) {
		k := keepPausing(t, Container, time.Hour, "/bin/true")
		eventually(t, "the keeper pauses", func() bool { codes, err := k.Exits(); return err == nil && len(codes) == 1 })
		require.NoError(t, k.Stop(t.Context(), waitLimit))
	})
	t.Run("ends a keeper that does not listen", func(t *testing.T) {
		k := keepPausing(t, Container, time.Hour, "/bin/true")
		eventually(t, "the keeper pauses", func() bool { codes, err := k.Exits(); return err == nil && len(codes) == 1 })
		keeper, err := k.recorded(keeperFile)
		require.NoError(t, err)
		require.NoError(t, keeper.Freeze())
		require.NoError(t, k.Stop(t.Context(), 0))
		require.False(t, keeper.Alive())
	})
	t.Run("ends a server that lost its keeper", func(t *testing.T) {
		k := keep(t, Supervised, "/bin/sleep", "1000")
		orphan := server(t, k)
		keeper, err := ReadFile(filepath.Join(k.Dir, keeperFile))
		require.NoError(t, err)
		require.NoError(t, keeper.Signal(syscall.SIGKILL))
		eventually(t, "the keeper is gone", func() bool { return !k.Keeping() })
		require.True(t, orphan.Alive())
		require.ErrorContains(t, k.Start(), "already runs")
		require.NoError(t, k.Stop(t.Context(), waitLimit))
		require.False(t, orphan.Alive())
	})
	t.Run("of nothing", func(t *testing.T) {
		require.NoError(t, (&Keeper{Dir: t.TempDir()}).Stop(t.Context(), 0))
	})
}

func TestFreezeReturnsWhenTheServerStands(t *testing.T) {
	k := keep(t, Bare, "/bin/sh", "-c", `while :; do :; done`)
	busy := server(t, k)
	require.NoError(t, k.Freeze())
	state, _, err := stat(busy.PID)
	require.NoError(t, err)
	require.Equal(t, "T", string(state))
	require.True(t, busy.Alive(), "frozen is not gone")
	require.NoError(t, k.Signal(syscall.SIGCONT))
	eventually(t, "the server goes on", func() bool {
		state, _, err := stat(busy.PID)
		return err == nil && state != 'T'
	})
	require.NoError(t, k.Stop(t.Context(), 0))
	require.ErrorIs(t, busy.Freeze(), ErrGone)
	require.ErrorIs(t, k.Freeze(), ErrGone)
}

func TestKeeperHoldMakesACrashFinal(t *testing.T) {
	k := keep(t, Container, "/bin/sleep", "1000")
	first := server(t, k)
	require.NoError(t, k.Hold())
	require.NoError(t, first.Signal(syscall.SIGKILL))
	eventually(t, "the keeper has ended", func() bool { return !k.Running() })
	require.NoError(t, k.Start())
	require.NotEqual(t, first, server(t, k))
}

func TestTiedServerEndsWithItsStarter(t *testing.T) {
	dir := t.TempDir()
	starter := exec.Command(os.Args[0])
	starter.Env = append(os.Environ(), tiedVariable+"="+dir)
	output, err := starter.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, starter.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "started\n", line)
	k := &Keeper{Dir: dir}
	kept := server(t, k)

	require.NoError(t, starter.Process.Kill())
	require.Error(t, starter.Wait())
	eventually(t, "server and keeper are gone", func() bool { return !kept.Alive() && !k.Running() })
}

func TestMarkedFindsWhatAKeeperStartedAndNothingElse(t *testing.T) {
	k := keep(t, Bare, "/bin/sh", "-c", "sleep 1000 & wait")
	shell := server(t, k)
	// An editor or pager that merely names the folder is not ours.
	bystander := exec.Command("/bin/sh", "-c", "exec sleep 1000", k.Dir)
	require.NoError(t, bystander.Start())
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	eventually(t, "keeper, server and its child are found", func() bool { return len(Marked(k.Mark)) == 3 })
	found := Marked(k.Mark)
	require.Contains(t, found, shell)
	for _, identity := range found {
		require.NotEqual(t, bystander.Process.Pid, identity.PID)
	}
	require.Empty(t, Marked(k.Mark+"-other"))
	require.Empty(t, Marked(""))
	for _, identity := range found {
		_ = identity.Signal(syscall.SIGKILL)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
