package endtoend

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// worker is the product's worker as a process of its own.
type worker struct {
	t       testing.TB
	command *exec.Cmd
	log     string
	done    chan struct{}
}

// startWorker starts a worker for a cluster's inventory and waits until it is ready. It ends with the test, and with this process.
func startWorker(t testing.TB, environment ...string) *worker {
	t.Helper()
	return startWorkerFor(t, lab.cluster, append([]string{"CLUSTERRESYNC_INVENTORY=" + lab.inventory}, environment...)...)
}

func startWorkerFor(t testing.TB, cluster *sandbox.Cluster, environment ...string) *worker {
	t.Helper()
	file, err := os.CreateTemp(lab.cluster.Folder, "worker-*.log")
	require.NoError(t, err)
	defer file.Close()
	base := []string{
		"TEMPORAL_ADDRESS=" + lab.cluster.Temporal.Address(), "CLUSTERRESYNC_INVENTORY=" + cluster.Inventory(),
		"CLUSTERRESYNC_MAIL=outbox", "CLUSTERRESYNC_OUTBOX=" + lab.cluster.Outbox(), "HOME=" + lab.cluster.Folder,
	}
	w := &worker{t: t, log: file.Name(), done: make(chan struct{}), command: exec.Command(lab.program)}
	w.command.Env = append(base, environment...)
	w.command.Stdout, w.command.Stderr = file, file
	w.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, w.command.Start())
	go func() { _ = w.command.Wait(); close(w.done) }()
	t.Cleanup(w.stop)
	w.waitFor("ready")
	return w
}

func (w *worker) waitFor(text string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.said(text) }, time.Minute, 50*time.Millisecond,
		"the worker's log in %s never said %q", filepath.Base(w.log), text)
}

// said looks for a message in the worker's log.
func (w *worker) said(text string) bool {
	log, err := os.ReadFile(w.log)
	return err == nil && strings.Contains(string(log), `"msg":"`+text)
}

// kill9 ends it as a crash would.
func (w *worker) kill9() {
	w.signal(syscall.SIGKILL)
	<-w.done
}

// freeze stops it in its tracks; thaw lets it go on as if nothing had happened.
func (w *worker) freeze() { w.signal(syscall.SIGSTOP) }
func (w *worker) thaw()   { w.signal(syscall.SIGCONT) }

func (w *worker) signal(sig syscall.Signal) {
	w.t.Helper()
	require.NoError(w.t, w.command.Process.Signal(sig))
}

func (w *worker) stop() {
	select {
	case <-w.done:
		return
	default:
	}
	_ = w.command.Process.Signal(syscall.SIGCONT)
	_ = w.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-w.done:
	case <-time.After(30 * time.Second):
		_ = w.command.Process.Kill()
		<-w.done
	}
	if w.t.Failed() {
		log, _ := os.ReadFile(w.log)
		lines := strings.Split(string(log), "\n")
		w.t.Logf("the worker's last words:\n%s", strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
}
