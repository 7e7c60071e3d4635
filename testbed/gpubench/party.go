// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// party is a child that answers each line on its standard input with a time in nanoseconds, or that writes one after each collection
// that it makes by itself.
type party struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	lines   *bufio.Scanner
}

func start(s setup, path string, args ...string) (*party, error) {
	command := exec.Command(path, args...)
	command.Env = s.environment()
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &party{command: command, stdin: stdin, lines: bufio.NewScanner(stdout)}, nil
}

// next is the next time that the child writes.
func (p *party) next() (time.Duration, error) {
	if !p.lines.Scan() {
		return 0, errors.Join(fmt.Errorf("%s ended", p.command.Path), p.lines.Err())
	}
	number, unknown, _ := strings.Cut(p.lines.Text(), " ")
	if unknown != "" {
		return 0, unknownCall(unknown)
	}
	ns, err := strconv.ParseInt(number, 10, 64)
	return time.Duration(ns), err
}

// unknownCall is a function that is in a plan, and that the child cannot call.
type unknownCall string

func (u unknownCall) Error() string {
	return string(u) + " is not among the calls of testbed/nvmlsim/bench/loop.c"
}

// run asks for one collection of these calls.
func (p *party) run(plan string) (time.Duration, error) {
	if _, err := io.WriteString(p.stdin, plan+"\n"); err != nil {
		return 0, err
	}
	return p.next()
}

func (p *party) stop() error {
	_ = p.stdin.Close()
	return p.command.Wait()
}

func (p *party) pid() int { return p.command.Process.Pid }

// plan writes a tally as the loop takes it.
func (t tally) plan() string {
	items := make([]string, 0, len(t))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		items = append(items, fmt.Sprintf("%s=%d", name, t[name]))
	}
	return strings.Join(items, ";")
}
