// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package process runs one real program as a child: it waits until the program is ready, ends it by its own pid and
// keeps its log. Linux only: a child is bound to its parent's life by Pdeathsig.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	defaultReadyTimeout = 60 * time.Second
	readyPause          = 50 * time.Millisecond
	stopPause           = 50 * time.Millisecond
	lastWordsGrace      = time.Second
	tailBytes           = 64 << 10
	errorTailBytes      = 4 << 10
)

// Spec says what to run and when it counts as started.
type Spec struct {
	Name    string   // what messages call it
	Path    string   // the program
	Args    []string // without the program's name
	Env     []string // KEY=value, added to this process's environment
	Dir     string   // working directory; empty: this process's own
	LogFile string   // standard output and error are appended here; its folder is created

	// Ready is asked again and again until it returns nil; nil counts as ready at once. Each call should be one attempt.
	Ready        func(ctx context.Context) error
	ReadyText    string        // if not empty, the child must have written this, too
	ReadyTimeout time.Duration // 60 s if zero

	// LastWords, if not empty, is what the child writes after SIGTERM when its work is done, for one that may hang after that:
	// Stop then kills it without complaint.
	LastWords string
}

// ExitError reports a child that ended before it was ready.
type ExitError struct {
	Name string
	Code int    // exit status, or -1 if a signal ended it
	Log  string // what this child wrote
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with exit status %d before it was ready; its log ends:\n%s", e.Name, e.Code, tail(e.Log, errorTailBytes))
}

// Process is a child that was started.
type Process struct {
	spec   Spec
	cmd    *exec.Cmd
	from   int64 // where in the log file this child's own output begins
	exited chan struct{}
}

// Start starts the child and waits until it is ready. On any error no child is left behind.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	if spec.ReadyTimeout == 0 {
		spec.ReadyTimeout = defaultReadyTimeout
	}
	p := &Process{spec: spec, exited: make(chan struct{})}
	if err := p.launch(); err != nil {
		return nil, fmt.Errorf("%s did not start: %w", spec.Name, err)
	}
	if err := p.awaitReady(ctx); err != nil {
		_ = p.Kill()
		return nil, err
	}
	return p, nil
}

func (p *Process) launch() error {
	if err := os.MkdirAll(filepath.Dir(p.spec.LogFile), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(p.spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	if p.from, err = log.Seek(0, 2); err != nil {
		return err
	}
	p.cmd = exec.Command(p.spec.Path, p.spec.Args...)
	p.cmd.Env = append(os.Environ(), p.spec.Env...)
	p.cmd.Dir = p.spec.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// An own process group keeps a Ctrl-C on the terminal from reaching the child past Stop's order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go p.supervise(started)
	return <-started
}

// supervise starts the child and stays until it has ended. Pdeathsig fires when the thread that forked ends, not the process, so
// this goroutine keeps its thread for as long as the child lives.
func (p *Process) supervise(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended is read from ProcessState
	close(p.exited)
}

func (p *Process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.spec.ReadyTimeout)
	defer cancel()
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return &ExitError{Name: p.spec.Name, Code: p.ExitCode(), Log: p.Log()}
		case <-ctx.Done():
			return p.notReady(ctx, err)
		case <-time.After(readyPause):
		}
	}
}

func (p *Process) notReady(ctx context.Context, err error) error {
	when := fmt.Sprintf("within %v", p.spec.ReadyTimeout)
	if errors.Is(ctx.Err(), context.Canceled) {
		when = "when the wait was called off"
	}
	return fmt.Errorf("%s was not ready %s: %w; its log ends:\n%s", p.spec.Name, when, err, tail(p.Log(), errorTailBytes))
}

// ready is one attempt.
func (p *Process) ready(ctx context.Context) error {
	if p.spec.ReadyText != "" && !p.wrote(p.spec.ReadyText) {
		return fmt.Errorf("its log does not say %q", p.spec.ReadyText)
	}
	if p.spec.Ready == nil {
		return nil
	}
	return p.spec.Ready(ctx)
}

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited is closed once the child has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode is the child's exit status, -1 while it runs or if a signal ended it.
func (p *Process) ExitCode() int {
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Stop sends SIGTERM and waits. A child that is still there after timeout is killed, and the error says so.
func (p *Process) Stop(timeout time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := p.Resume(); err != nil { // a paused child would never see the SIGTERM
		return err
	}
	for end := time.Now().Add(timeout); ; {
		select {
		case <-p.exited:
			return nil
		case <-time.After(stopPause):
		}
		if p.spec.LastWords != "" && p.wrote(p.spec.LastWords) {
			return p.awaitEnd(lastWordsGrace)
		}
		if time.Now().After(end) {
			break
		}
	}
	if err := p.Kill(); err != nil {
		return err
	}
	return fmt.Errorf("%s (pid %d) did not end within %v of SIGTERM and was killed; its log ends:\n%s",
		p.spec.Name, p.Pid(), timeout, tail(p.Log(), errorTailBytes))
}

// awaitEnd kills the child unless it ends by itself within grace.
func (p *Process) awaitEnd(grace time.Duration) error {
	select {
	case <-p.exited:
		return nil
	case <-time.After(grace):
		return p.Kill()
	}
}

// Kill sends SIGKILL and waits until the child is gone.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.exited
	return nil
}

// Signal sends sig; a child that has ended is no error.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("cannot send %v to %s (pid %d): %w", sig, p.spec.Name, p.Pid(), err)
	}
	return nil
}

// Pause stops the child with SIGSTOP: its ports still accept, nothing answers.
func (p *Process) Pause() error { return p.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *Process) Resume() error { return p.Signal(syscall.SIGCONT) }
