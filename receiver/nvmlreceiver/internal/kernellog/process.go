package kernellog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Process is a running journalctl.
type Process interface {
	// Output is what it writes; closing it ends a waiting Read.
	Output() io.ReadCloser
	// Diagnostics is the beginning of what it wrote to standard error, complete once Wait has returned.
	Diagnostics() string
	Terminate() error
	Kill() error
	// Wait returns when the process has ended, with its exit status; it is called once.
	Wait() error
}

// end makes sure that a process is gone: asked, then killed, its output closed. It takes twice KillGrace at most; a
// process that even then is not gone (a hang in the kernel) is left behind and counted.
func (f *Follower) end(p Process) error {
	gone := make(chan error, 1)
	go func() { gone <- p.Wait() }()
	defer func() { _ = p.Output().Close() }()
	for _, stop := range []func() error{p.Terminate, p.Kill} {
		if err := stop(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			f.cfg.Logger.Warn("journalctl could not be signalled", zap.Error(err))
		}
		select {
		case err := <-gone:
			return err
		case <-time.After(f.cfg.KillGrace):
		}
	}
	f.stats.stuck.Add(1)
	return errors.New("it does not end, and was left behind")
}

// maxDiagnostics is how much of journalctl's standard error is kept.
const maxDiagnostics = 2048

// startJournalctl is the StartJournal of DefaultConfig; grace is its KillGrace.
func startJournalctl(grace time.Duration) func(context.Context, []string) (Process, error) {
	return func(_ context.Context, args []string) (Process, error) {
		// Not bound to the context: end stops it, step by step.
		cmd := exec.CommandContext(context.Background(), "journalctl", args...) //nolint:gosec // journalArgs makes the arguments
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		cmd.WaitDelay = grace / 2 // a grandchild that holds standard error open must not hold up Wait
		p := &command{cmd: cmd}
		cmd.Stderr = &p.said
		var err error
		if p.output, err = cmd.StdoutPipe(); err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, fmt.Errorf("journalctl: %w", err)
		}
		return p, nil
	}
}

type command struct {
	cmd    *exec.Cmd
	output io.ReadCloser
	said   head
}

func (c *command) Output() io.ReadCloser { return c.output }
func (c *command) Diagnostics() string   { return c.said.String() }
func (c *command) Terminate() error      { return c.cmd.Process.Signal(syscall.SIGTERM) }
func (c *command) Kill() error           { return c.cmd.Process.Kill() }
func (c *command) Wait() error           { return c.cmd.Wait() }

// head keeps the first maxDiagnostics bytes written to it.
type head struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buffer.Write(p[:min(len(p), maxDiagnostics-h.buffer.Len())])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buffer.String()
}
