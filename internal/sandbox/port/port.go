// Package port reserves TCP ports on the loopback address for servers that
// bind them later, and again after each restart.
//
// Asking the kernel for a free port is not enough for those: the kernel takes
// such ports from the range it also uses for outgoing connections, so that one
// of these can sit on a server's port while the server restarts. Reservations
// come from below that range and are recorded in the cache, so that two
// sandboxes never share one.
package port

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

const (
	lowest = 10240 // above what services are usually given
	span   = 12000
)

// Reserve reserves n ports for owner, an absolute path: the reservation lasts
// until Release, or until owner no longer exists.
func Reserve(owner string, n int) ([]int, error) {
	dir, err := records()
	if err != nil {
		return nil, err
	}
	from, to := reservable()
	reserved := make([]int, 0, n)
	for _, offset := range rand.Perm(to - from) {
		if len(reserved) == n {
			break
		}
		candidate := from + offset
		taken, err := take(dir, candidate, owner)
		if err != nil {
			Release(owner, reserved...)
			return nil, err
		}
		if taken {
			reserved = append(reserved, candidate)
		}
	}
	if len(reserved) < n {
		Release(owner, reserved...)
		return nil, fmt.Errorf("reserve %d ports: only %d free between %d and %d; remove old records in %s",
			n, len(reserved), from, to, dir)
	}
	return reserved, nil
}

// Release gives up those of ports that owner holds.
func Release(owner string, ports ...int) {
	dir, err := records()
	if err != nil {
		return
	}
	for _, p := range ports {
		record := filepath.Join(dir, strconv.Itoa(p))
		if holder, err := os.ReadFile(record); err == nil && string(holder) == owner {
			_ = os.Remove(record)
		}
	}
}

func take(dir string, candidate int, owner string) (bool, error) {
	record := filepath.Join(dir, strconv.Itoa(candidate))
	if holder, err := os.ReadFile(record); err == nil && len(holder) > 0 {
		if _, err := os.Stat(string(holder)); !errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		_ = os.Remove(record)
	}
	if !bindable(candidate) {
		return false, nil
	}
	// The record appears with its content: a hard link fails when another
	// process was faster, and is never seen half written.
	draft, err := os.CreateTemp(dir, ".draft-")
	if err != nil {
		return false, fmt.Errorf("reserve a port: %w", err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, writeErr := draft.WriteString(owner)
	if err := errors.Join(writeErr, draft.Close()); err != nil {
		return false, fmt.Errorf("reserve a port: %w", err)
	}
	if err := os.Link(draft.Name(), record); err != nil {
		if errors.Is(err, os.ErrExist) {
			return false, nil
		}
		return false, fmt.Errorf("reserve a port: %w", err)
	}
	return true, nil
}

func bindable(p int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}

func records() (string, error) {
	base, err := cache.Dir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "ports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("reserve a port: %w", err)
	}
	return dir, nil
}

// reservable is the range [from, to) below the kernel's ephemeral ports, or
// the usual one where those begin too low to leave room.
func reservable() (from, to int) {
	from, to = lowest, lowest+span
	content, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return from, to
	}
	fields := strings.Fields(string(content))
	if len(fields) != 2 {
		return from, to
	}
	if ephemeral, err := strconv.Atoi(fields[0]); err == nil && ephemeral-lowest > 1000 {
		to = min(to, ephemeral)
	}
	return from, to
}
