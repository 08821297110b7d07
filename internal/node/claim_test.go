package node_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

const (
	minute = time.Minute
	tick   = 50 * time.Millisecond
)

var errOvertaken = errors.New("a later attempt is current")

func holderOf(t *testing.T, r node.Reader, s *sandbox.Node) (*node.Holder, error) {
	return node.ReadHolder(t.Context(), r, node.LockName(nodetest.UUID(t, s)))
}

func TestAClaimHoldsTheServersLock(t *testing.T) {
	s := servers.Nodes[1]
	n := nodetest.Open(t, servers, s)
	c := nodetest.Claim(t, servers, s)
	holder, err := holderOf(t, n, s)
	require.NoError(t, err)
	require.Equal(t, c.ConnectionID(), holder.ConnectionID)
	require.Equal(t, servers.Name, holder.Cluster())
	require.Equal(t, nodetest.Run, holder.Run())
	require.True(t, holder.Alive)
	require.False(t, holder.Cloning)
	require.NoError(t, c.Confirm(t.Context()))
	require.LessOrEqual(t, len(node.LockName(nodetest.UUID(t, s))), 64)

	c.Close()
	c.Close()
	holder, err = holderOf(t, n, s)
	require.NoError(t, err)
	require.Nil(t, holder)
	require.ErrorIs(t, c.Exec(t.Context(), "use it", "DO 1"), node.ErrClaimLost)
}

func TestALaterAttemptTakesOver(t *testing.T) {
	s := servers.Nodes[1]
	n := nodetest.Open(t, servers, s)
	first := nodetest.Claim(t, servers, s)
	running := make(chan error, 1)
	go func() { running <- first.Exec(context.Background(), "work", "DO SLEEP(600)") }()
	require.Eventually(t, func() bool {
		return nodetest.String(t, s, "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_ID = ? AND PROCESSLIST_INFO LIKE '%SLEEP(600)%'", first.ConnectionID()) == "1"
	}, minute, tick)

	second := nodetest.ClaimWith(t, n, nodetest.Options(t, servers, s))
	require.ErrorIs(t, <-running, node.ErrClaimLost)
	for range 3 {
		require.ErrorIs(t, first.Exec(t.Context(), "destroy", "DROP DATABASE IF EXISTS x"), node.ErrClaimLost)
		_, err := first.Query(t.Context(), "look", "SELECT 1")
		require.ErrorIs(t, err, node.ErrClaimLost)
	}
	require.NoError(t, second.Confirm(t.Context()))
	require.NotEqual(t, first.ConnectionID(), second.ConnectionID())
}

// An attempt that was frozen at any statement on its way must not act once it has been overtaken. The freeze is put before
// each statement in turn, and at each question to StillCurrent; the overtaking attempt then claims, and finishes or stays.
func TestAFrozenAttemptNeverActsAfterItWasOvertaken(t *testing.T) {
	s := servers.Nodes[1]
	n := nodetest.Open(t, servers, s)
	options := nodetest.Options(t, servers, s)
	for _, place := range []string{"first StillCurrent", "second StillCurrent", "before the statement"} {
		for _, stays := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, overtaker stays %t", place, stays), func(t *testing.T) {
				// For a first StillCurrent before the KILL there must be an earlier attempt to kill.
				if place == "first StillCurrent" {
					nodetest.ClaimWith(t, n, options)
				}
				frozen, thaw := make(chan struct{}), make(chan struct{})
				overtaken := false // written while the other side is frozen
				calls := 0
				freezeAt := map[string]int{"first StillCurrent": 1, "second StillCurrent": 1, "before the statement": 0}[place]
				if place == "second StillCurrent" {
					freezeAt = 2
					nodetest.ClaimWith(t, n, options)
				}
				old := options
				old.StillCurrent = func(context.Context) error {
					calls++
					if calls == freezeAt {
						// The answer was given before the freeze, as for a process stopped right after it.
						answer := overtaken
						close(frozen)
						<-thaw
						if answer {
							return errOvertaken
						}
						return nil
					}
					if overtaken {
						return errOvertaken
					}
					return nil
				}
				armed := false
				old.OnStatement = func(doing, _ string) {
					if armed && freezeAt == 0 && doing == "destroy" {
						close(frozen)
						<-thaw
					}
				}
				result := make(chan error, 1)
				go func() {
					c, err := n.Claim(context.Background(), old)
					if err != nil {
						result <- err
						return
					}
					defer c.Close()
					armed = true
					result <- c.Exec(context.Background(), "destroy", "SET GLOBAL max_connect_errors = 4321")
				}()
				<-frozen
				overtaken = true
				overtaker := nodetest.ClaimWith(t, n, options)
				if !stays {
					overtaker.Close()
				}
				close(thaw)
				err := <-result
				require.True(t, errors.Is(err, errOvertaken) || errors.Is(err, node.ErrClaimLost), "%v", err)
				require.NotEqual(t, "4321", nodetest.String(t, s, "SELECT @@global.max_connect_errors"))
				if stays {
					require.NoError(t, overtaker.Confirm(t.Context()), "the old attempt must not have ended the new one")
				}
			})
		}
	}
}

func TestAnotherClustersClaimIsNotTouched(t *testing.T) {
	s := servers.Nodes[1]
	n := nodetest.Open(t, servers, s)
	mine := nodetest.Claim(t, servers, s)
	other := nodetest.Options(t, servers, s)
	other.Cluster = "another-name"
	_, err := n.Claim(t.Context(), other)
	var held *node.HeldByOtherError
	require.ErrorAs(t, err, &held)
	require.Equal(t, servers.Name, held.Holder.Cluster())
	require.Equal(t, nodetest.Run, held.Holder.Run())
	require.ErrorContains(t, err, servers.Name)
	require.NoError(t, mine.Confirm(t.Context()))
}

func TestAHolderThatIsNobodysIsNotTouched(t *testing.T) {
	s := servers.Nodes[1]
	db, err := s.DB()
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "DO GET_LOCK(?, 0)", node.LockName(nodetest.UUID(t, s)))
	require.NoError(t, err)
	_, err = nodetest.Open(t, servers, s).Claim(t.Context(), nodetest.Options(t, servers, s))
	var held *node.HeldByOtherError
	require.ErrorAs(t, err, &held)
	require.Equal(t, servers.Accounts.Root.User, held.Holder.User)
	require.NoError(t, conn.PingContext(t.Context()))
	_, err = conn.ExecContext(t.Context(), "DO RELEASE_ALL_LOCKS()")
	require.NoError(t, err)
}

func TestAClaimRefusesTheWrongServer(t *testing.T) {
	primary, s := servers.Nodes[0], servers.Nodes[1]
	killed := func(o *node.ClaimOptions) {
		o.StillCurrent = func(context.Context) error { t.Error("asked too late"); return nil }
	}

	o := nodetest.Options(t, servers, s)
	o.ExpectUUID = nodetest.UUID(t, servers.Nodes[2])
	killed(&o)
	_, err := nodetest.Open(t, servers, s).Claim(t.Context(), o)
	var wrong *node.WrongServerError
	require.ErrorAs(t, err, &wrong)
	require.False(t, wrong.IsPrimary)

	// The inventory names the primary as the node to be erased.
	o = nodetest.Options(t, servers, s)
	o.ExpectUUID = nodetest.UUID(t, primary)
	killed(&o)
	_, err = nodetest.Open(t, servers, primary).Claim(t.Context(), o)
	require.ErrorAs(t, err, &wrong)
	require.True(t, wrong.IsPrimary)

	// The address of the primary leads to the recipient itself.
	o = nodetest.Options(t, servers, s)
	o.Primary = func(context.Context) (string, error) { return o.ExpectUUID, nil }
	_, err = nodetest.Open(t, servers, s).Claim(t.Context(), o)
	require.ErrorAs(t, err, &wrong)
	require.True(t, wrong.IsPrimary)

	o = nodetest.Options(t, servers, s)
	o.Primary = func(context.Context) (string, error) { return nodetest.UUID(t, servers.Nodes[2]), nil }
	_, err = nodetest.Open(t, servers, s).Claim(t.Context(), o)
	var changed *node.PrimaryChangedError
	require.ErrorAs(t, err, &changed)

	o = nodetest.Options(t, servers, s)
	gone := errors.New("primary is gone")
	o.Primary = func(context.Context) (string, error) { return "", gone }
	_, err = nodetest.Open(t, servers, s).Claim(t.Context(), o)
	require.ErrorIs(t, err, gone)

	// None of them left the lock behind.
	holder, err := holderOf(t, nodetest.Open(t, servers, s), s)
	require.NoError(t, err)
	require.Nil(t, holder)
}

func TestAPrimaryThatChangesAfterTheClaimIsSeenByConfirm(t *testing.T) {
	s := servers.Nodes[1]
	o := nodetest.Options(t, servers, s)
	now := o.ExpectPrimaryUUID
	o.Primary = func(context.Context) (string, error) { return now, nil }
	c := nodetest.ClaimWith(t, nodetest.Open(t, servers, s), o)
	require.NoError(t, c.Confirm(t.Context()))
	now = "another"
	var changed *node.PrimaryChangedError
	require.ErrorAs(t, c.Confirm(t.Context()), &changed)
}

func TestAClaimWithoutThePrimaryConfirmsNothing(t *testing.T) {
	s := servers.Nodes[1]
	o := nodetest.Options(t, servers, s)
	o.Primary = nil
	c := nodetest.ClaimWith(t, nodetest.Open(t, servers, s), o)
	require.NoError(t, c.Exec(t.Context(), "work", "DO 1"))
	require.Error(t, c.Confirm(t.Context()))
}

// A killed holder may take its time; what waits for it gives up within its bound, and says so.
func TestTheWaitForAHolderIsBounded(t *testing.T) {
	s := servers.Nodes[1]
	n := nodetest.Open(t, servers, s)
	first := nodetest.Claim(t, servers, s)
	o := nodetest.Options(t, servers, s)
	o.LockWait = time.Nanosecond
	_, err := n.Claim(t.Context(), o)
	var held *node.LockHeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, first.ConnectionID(), held.Holder.ConnectionID)
	require.NoError(t, nodetest.Claim(t, servers, s).Confirm(t.Context()))
}

func TestALostLockIsALostClaim(t *testing.T) {
	c := nodetest.Claim(t, servers, servers.Nodes[1])
	require.NoError(t, c.Exec(t.Context(), "lose the lock", "DO RELEASE_ALL_LOCKS()"))
	require.ErrorIs(t, c.Confirm(t.Context()), node.ErrClaimLost)
	require.ErrorIs(t, c.Exec(t.Context(), "work", "DO 1"), node.ErrClaimLost)
}

func TestACancelledStatementEndsTheClaim(t *testing.T) {
	c := nodetest.Claim(t, servers, servers.Nodes[1])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Exec(ctx, "work", "DO 1"), node.ErrClaimLost)
	require.ErrorIs(t, c.Exec(t.Context(), "work", "DO 1"), node.ErrClaimLost)
	require.Equal(t, node.ClassCancelled, node.Classify(c.Lost()))
}

func TestSecretsInAStatementAreScrubbed(t *testing.T) {
	c := nodetest.Claim(t, servers, servers.Nodes[1])
	for _, secret := range []string{"plainsecret", "it's", `back\slash'quote`} {
		err := c.ExecSecret(t.Context(), "say it", []string{secret}, "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD=? NONSENSE ?", secret, secret)
		require.EqualValues(t, 1064, node.Number(err))
		require.NotContains(t, err.Error(), secret)
		require.NotContains(t, err.Error(), strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(secret))
		// An error that is no syntax error: the host is quoted as it is.
		err = c.ExecSecret(t.Context(), "say it", []string{secret}, "SELECT * FROM "+node.Quote("no such "+secret))
		require.Error(t, err)
		require.NotContains(t, err.Error(), secret)
	}
}

// childVariable makes the test binary a worker that claims a server, waits for a line, and destroys.
const childVariable = "CLUSTERRESYNC_TEST_CLAIM_CHILD"

type childWork struct {
	Endpoint node.Endpoint
	Password string
	UUID     string
	Cluster  string
}

func child() int {
	var w childWork
	if err := json.NewDecoder(strings.NewReader(os.Getenv(childVariable))).Decode(&w); err != nil {
		fmt.Println("decode:", err)
		return 2
	}
	w.Endpoint.Password = w.Password
	n, err := node.Open(w.Endpoint)
	if err != nil {
		fmt.Println("open:", err)
		return 2
	}
	c, err := n.Claim(context.Background(), node.ClaimOptions{ExpectUUID: w.UUID, Cluster: w.Cluster, StillCurrent: func(context.Context) error { return nil }})
	if err != nil {
		fmt.Println("claim:", err)
		return 2
	}
	fmt.Println("claimed")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	err = c.Exec(context.Background(), "destroy", "SET GLOBAL max_connect_errors = 4321")
	if errors.Is(err, node.ErrClaimLost) {
		fmt.Println("lost")
		return 0
	}
	fmt.Println("not lost:", err)
	return 3
}

// The same with a real process and a real SIGSTOP: what it sends after SIGCONT takes no effect.
func TestAStoppedProcessIsHarmlessWhenItGoesOn(t *testing.T) {
	s := servers.Nodes[1]
	work, err := json.Marshal(childWork{Endpoint: nodetest.Endpoint(servers, s), Password: servers.Accounts.Admin.Password.Reveal(), UUID: nodetest.UUID(t, s), Cluster: servers.Name})
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(work))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	said, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "claimed\n", said)

	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	// The signal is sent when the call returns, and not yet obeyed by every thread.
	require.Eventually(t, func() bool { return stopped(t, cmd.Process.Pid) }, minute, tick)
	_, err = io.WriteString(in, "go on\n")
	require.NoError(t, err)
	overtaker := nodetest.Claim(t, servers, s)
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), string(rest))
	require.Equal(t, "lost\n", string(rest))
	require.NotEqual(t, "4321", nodetest.String(t, s, "SELECT @@global.max_connect_errors"))
	require.NoError(t, overtaker.Confirm(t.Context()))
}

func stopped(t *testing.T, pid int) bool {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	require.NoError(t, err)
	require.NotEmpty(t, tasks)
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		require.NoError(t, err)
		_, state, found := strings.Cut(string(stat), ") ") // after "pid (command) "
		require.True(t, found)
		if state[0] != 'T' {
			return false
		}
	}
	return true
}
