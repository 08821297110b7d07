package netfault

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func open(t *testing.T) *Link {
	t.Helper()
	link, err := New("127.0.0.1:0", echo(t))
	require.NoError(t, err)
	t.Cleanup(link.Close)
	return link
}

func dial(t *testing.T, link *Link) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", link.Address())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// say sends text and wants it back.
func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	hear(t, conn, text)
}

func hear(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	answer := make([]byte, len(text))
	_, err := io.ReadFull(conn, answer)
	require.NoError(t, err)
	require.Equal(t, text, string(answer))
}

// silent wants nothing to come, for a moment that is enough for an echo to.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func ended(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	_, err := io.ReadAll(conn)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the connection is still open")
}

func TestCutRefusesUntilHealed(t *testing.T) {
	link := open(t)
	address := link.Address()
	conn := dial(t, link)
	say(t, conn, "hello")
	link.Cut()
	ended(t, conn)
	_, err := net.Dial("tcp", address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	link.Cut() // twice is once

	require.NoError(t, link.Heal())
	require.Equal(t, address, link.Address())
	say(t, dial(t, link), "hello again")
}

func TestDropEndsConnectionsAndLetsNewOnesPass(t *testing.T) {
	link := open(t)
	conn := dial(t, link)
	say(t, conn, "hello")
	require.NoError(t, link.Drop())
	ended(t, conn)
	say(t, dial(t, link), "hello again")
}

func TestFreezeLosesNothing(t *testing.T) {
	for _, direction := range []Direction{BothWays, ToTarget, FromTarget} {
		t.Run("direction "+string(direction), func(t *testing.T) {
			link := open(t)
			conn := dial(t, link)
			say(t, conn, "before ")
			require.NoError(t, link.Freeze(direction))
			_, err := io.WriteString(conn, "meanwhile ")
			require.NoError(t, err)
			silent(t, conn)
			late := dial(t, link)
			_, err = io.WriteString(late, "late")
			require.NoError(t, err)
			silent(t, late)

			require.NoError(t, link.Heal())
			hear(t, conn, "meanwhile ")
			hear(t, late, "late")
			say(t, conn, "after")
		})
	}
}

func TestFreezeInMidTransferKeepsEveryByte(t *testing.T) {
	link := open(t)
	conn := dial(t, link)
	sent := make([]byte, 4<<20)
	_, err := rand.Read(sent)
	require.NoError(t, err)
	go func() { _, _ = conn.Write(sent) }()

	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	received := make([]byte, len(sent))
	_, err = io.ReadFull(conn, received[:1<<20])
	require.NoError(t, err)
	require.NoError(t, link.Freeze(BothWays))
	require.NoError(t, link.Heal())
	_, err = io.ReadFull(conn, received[1<<20:])
	require.NoError(t, err)
	require.True(t, bytes.Equal(sent, received))
}

func TestBlackholeEndsWithTheConnection(t *testing.T) {
	link := open(t)
	conn := dial(t, link)
	say(t, conn, "before")
	require.NoError(t, link.Blackhole(ToTarget))
	_, err := io.WriteString(conn, "lost")
	require.NoError(t, err)
	silent(t, conn)
	require.NoError(t, link.Heal())
	ended(t, conn)
	say(t, dial(t, link), "after")
}

func TestDelayAndLimitHoldBytesBack(t *testing.T) {
	link := open(t)
	conn := dial(t, link)
	say(t, conn, "warm")

	// Only lower bounds: what is held back cannot come too early.
	const delay = 150 * time.Millisecond
	require.NoError(t, link.Delay(BothWays, time.Hour))
	require.NoError(t, link.Delay(BothWays, delay), "a new delay takes the place of the former")
	begun := time.Now()
	say(t, conn, "slow")
	require.GreaterOrEqual(t, time.Since(begun), 2*delay)
	require.NoError(t, link.Heal())

	require.NoError(t, link.Limit(FromTarget, 64))
	begun = time.Now()
	say(t, conn, string(make([]byte, 64<<10)))
	require.GreaterOrEqual(t, time.Since(begun), 500*time.Millisecond)
}

func TestCloseAfterCutsInMidStream(t *testing.T) {
	link := open(t)
	require.NoError(t, link.CloseAfter(FromTarget, 10))
	conn := dial(t, link)
	_, err := io.WriteString(conn, "more than ten bytes")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	received, err := io.ReadAll(conn)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded))
	require.LessOrEqual(t, len(received), 10)
}

func TestTargetThatRefusesIsSeenAsAClosedConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	link, err := New("127.0.0.1:0", address)
	require.NoError(t, err)
	defer link.Close()
	ended(t, dial(t, link))
}

func TestNewSaysWhatItCouldNotListenOn(t *testing.T) {
	_, err := New(open(t).Address(), "127.0.0.1:1")
	require.ErrorContains(t, err, "open a link from 127.0.0.1:")
}
