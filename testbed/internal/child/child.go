// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package child is what all programs that a test runs have in common: they can be stopped, killed and started again, and end with
// the test.
package child

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/process"
)

const (
	stopTimeout = 60 * time.Second
	failureTail = 8 << 10
)

// Child is a program that runs or has been stopped. It is used by one goroutine at a time.
type Child struct {
	tb      testing.TB
	spec    process.Spec
	running *process.Process
}

// New describes a child; it does not run yet.
func New(spec process.Spec) *Child { return &Child{spec: spec} }

// EndWith binds the child to a test: it is stopped when the test ends, the end of its log is shown if the test failed, and the
// methods that return no error fail the test.
func (c *Child) EndWith(tb testing.TB) {
	tb.Helper()
	c.tb = tb
	tb.Cleanup(func() {
		if tb.Failed() && c.running != nil {
			log := c.Log()
			tb.Logf("%s (pid %d) wrote last:\n%s", c.spec.Name, c.Pid(), log[max(0, len(log)-failureTail):])
		}
		if err := c.TryStop(); err != nil {
			tb.Error(err)
		}
	})
}

// Name is what messages call the child.
func (c *Child) Name() string { return c.spec.Name }

// Start starts the child, again after Stop or Kill, with the same ports and data, and waits until it is ready.
func (c *Child) Start() {
	c.tb.Helper()
	c.must(c.TryStart())
}

// TryStart is Start that returns the error; a child that ended by itself is a *process.ExitError.
func (c *Child) TryStart() error { return c.StartContext(context.Background()) }

// StartContext is TryStart that gives up when ctx ends; the child that is ready outlives ctx.
func (c *Child) StartContext(ctx context.Context) error {
	if c.running != nil {
		return fmt.Errorf("%s runs already (pid %d)", c.spec.Name, c.running.Pid())
	}
	running, err := process.Start(ctx, c.spec)
	if err != nil {
		return err
	}
	c.running = running
	return nil
}

// Stop ends the child by SIGTERM and waits. After Stop, Kill or WaitExit it does nothing; a child that ended by itself is an error,
// so that no test passes over a crash.
func (c *Child) Stop() {
	c.tb.Helper()
	c.must(c.TryStop())
}

// TryStop is Stop that returns the error.
func (c *Child) TryStop() error {
	return c.end(func(p *process.Process) error { return p.Stop(stopTimeout) })
}

// Kill is Stop by SIGKILL.
func (c *Child) Kill() {
	c.tb.Helper()
	c.must(c.end((*process.Process).Kill))
}

func (c *Child) end(by func(*process.Process) error) error {
	if c.running == nil {
		return nil
	}
	ended := c.running
	c.running = nil
	select {
	case <-ended.Exited():
		return fmt.Errorf("%s (pid %d) had ended by itself with exit status %d; its log ends:\n%s",
			c.spec.Name, ended.Pid(), ended.ExitCode(), ended.Log())
	default:
		return by(ended)
	}
}

// Pause freezes the child (SIGSTOP): its ports accept connections and nothing answers.
func (c *Child) Pause() {
	c.tb.Helper()
	c.must(c.process().Pause())
}

// Resume ends a Pause.
func (c *Child) Resume() {
	c.tb.Helper()
	c.must(c.process().Resume())
}

// Signal sends sig.
func (c *Child) Signal(sig os.Signal) {
	c.tb.Helper()
	c.must(c.process().Signal(sig))
}

// Exited is closed when the child ends.
func (c *Child) Exited() <-chan struct{} {
	c.tb.Helper()
	return c.process().Exited()
}

// WaitExit waits for a child that should end by itself, and returns its exit status.
func (c *Child) WaitExit(timeout time.Duration) int {
	c.tb.Helper()
	p := c.process()
	select {
	case <-p.Exited():
		c.running = nil
	case <-time.After(timeout):
		c.tb.Fatalf("%s (pid %d) still runs after %v", c.spec.Name, p.Pid(), timeout)
	}
	return p.ExitCode()
}

// Pid is the process id, 0 after Stop or Kill.
func (c *Child) Pid() int {
	if c.running == nil {
		return 0
	}
	return c.running.Pid()
}

// Log is everything that the child wrote, in all its runs.
func (c *Child) Log() string {
	text, err := os.ReadFile(c.spec.LogFile)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(text)
}

// process is for what makes sense only between Start and Stop.
func (c *Child) process() *process.Process {
	c.tb.Helper()
	if c.running == nil {
		c.tb.Fatalf("%s does not run", c.spec.Name)
	}
	return c.running
}

func (c *Child) must(err error) {
	c.tb.Helper()
	if err != nil {
		c.tb.Fatal(err)
	}
}
