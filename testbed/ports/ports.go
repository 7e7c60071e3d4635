// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package ports hands out free loopback ports that stay this process's own until it ends, so that a server can be stopped and
// started again on its port while other test processes run. Linux only.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
)

const (
	lowest = 10000
	// The kernel takes source ports of outgoing connections from its ephemeral range, which begins here by default.
	defaultEphemeral = 32768
)

// Free returns n distinct ports on 127.0.0.1 on which nothing listens. Each is reserved among the processes that use this
// package, for as long as this process lives.
func Free(n int) ([]int, error) {
	end := firstEphemeral()
	size := end - lowest
	start := rand.IntN(size)
	var found, reservations []int
	for i := 0; i < size && n <= size && len(found) < n; i++ {
		port := lowest + (start+i)%size
		reservation, err := reserve(port)
		if err != nil {
			release(reservations...)
			return nil, fmt.Errorf("cannot reserve port %d: %w", port, err)
		}
		switch {
		case reservation == taken:
		case !idle(port):
			release(reservation)
		default:
			found = append(found, port)
			reservations = append(reservations, reservation)
		}
	}
	if len(found) < n {
		release(reservations...)
		return nil, fmt.Errorf("there are no %d free ports between %d and %d", n, lowest, end-1)
	}
	return found, nil
}

const taken = -1

// reserve binds an abstract unix socket that carries the port's number, and returns its descriptor, or taken. Such a name belongs
// to the same network namespace as the port, needs no file, and goes when the process ends: so a descriptor that nobody closes is
// the reservation. Children do not inherit it.
func reserve(port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return taken, err
	}
	err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("@inferwatch-testbed-port-%d", port)})
	if err == nil {
		return fd, nil
	}
	release(fd)
	if errors.Is(err, syscall.EADDRINUSE) {
		return taken, nil
	}
	return taken, err
}

func release(reservations ...int) {
	for _, fd := range reservations {
		_ = syscall.Close(fd)
	}
}

// idle tells whether a server could listen on the port now.
func idle(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

func firstEphemeral() int {
	var first int
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return defaultEphemeral
	}
	if _, err := fmt.Sscan(string(text), &first); err != nil || first <= lowest {
		return defaultEphemeral
	}
	return first
}
