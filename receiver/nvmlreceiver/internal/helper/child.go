package helper

import (
	"context"
	"encoding/gob"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	// killGrace is how long a child has after SIGTERM, or after its last word, before the next harder means.
	killGrace = time.Second
	// drainLimit is how long the outputs of an ended child are still read. A program that NVML started, such as nvidia-modprobe,
	// may hold them open.
	drainLimit = time.Second
)

// child is one process of the helper, from before its start until nothing of it is left.
type child struct {
	settings *Settings
	path     string
	born     time.Time
	cmd      *exec.Cmd
	theirs   []*os.File // the child's ends of the pipes, open until it has started
	stdin    *os.File   // the receiver's ends
	stdout   *os.File
	stderr   *os.File
	requests *gob.Encoder
	greeted  bool // Hello was sent
	lines    *lines

	started  chan struct{} // closed when the start has succeeded or failed
	startErr error         // valid once started is closed
	silent   chan struct{} // closed when nothing more is read from standard output
	ended    chan struct{} // closed when the process is reaped and its outputs are read
	endedAt  time.Time     // valid once ended is closed

	mu        sync.Mutex
	process   *os.Process // set while it can be signalled
	timer     *time.Timer // of the next signal
	dismissed bool        // it was told to end
	exit      string      // how the process ended; empty until it is reaped
	hung      bool        // it was told to end because it did not answer
	answered  bool        // at least one snapshot came
	open      *request    // asked and not answered
	fault     *nvmlwire.Fault
	damage    error
}

// request is one Request, from its sending.
type request struct {
	seq      uint64
	at       time.Time
	answered chan struct{}      // closed when the answer came, also when nobody waits for it any more
	snapshot *nvmlwire.Snapshot // valid once answered is closed
}

// newChild makes the pipes of a child of the program at path.
func newChild(settings *Settings, path string) (*child, error) {
	c := &child{
		settings: settings, path: path, born: settings.Now(),
		lines:   &lines{log: settings.Logger, now: settings.Now},
		started: make(chan struct{}), silent: make(chan struct{}), ended: make(chan struct{}),
	}
	c.cmd = exec.CommandContext(context.Background(), path)
	c.cmd.Env, c.cmd.SysProcAttr = settings.Env, attributes()
	var in, out, log *os.File
	var errs [3]error
	in, c.stdin, errs[0] = os.Pipe()
	c.stdout, out, errs[1] = os.Pipe()
	c.stderr, log, errs[2] = os.Pipe()
	c.theirs = []*os.File{in, out, log}
	if err := errors.Join(errs[:]...); err != nil {
		c.closeFiles()
		return nil, err
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, out, log
	c.requests = gob.NewEncoder(c.stdin)
	return c, nil
}

// closeFiles closes every end of the pipes that is still open. What is not open is nil or closed, and either is safe.
func (c *child) closeFiles() {
	for _, f := range append([]*os.File{c.stdin, c.stdout, c.stderr}, c.theirs...) {
		_ = f.Close()
	}
}

// live starts the child, reads what it says, and waits for its end. atStart and atEnd are called once each, if it starts at all.
func (c *child) live(atStart, atEnd func()) {
	defer close(c.ended)
	// The thread that starts a child has to outlive it: see the package's comment.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.settings.start(c)
	if err != nil {
		c.startErr = err
		c.closeFiles()
		close(c.silent)
		close(c.started)
		return
	}
	for _, f := range c.theirs {
		_ = f.Close()
	}
	atStart()
	c.begin()
	var readers sync.WaitGroup
	readers.Go(c.readMessages)
	readers.Go(func() { c.lines.read(c.stderr) })
	close(c.started)
	_ = c.cmd.Wait() // ProcessState says the same
	c.reap()
	limit := time.Now().Add(drainLimit)
	_, _ = c.stdout.SetReadDeadline(limit), c.stderr.SetReadDeadline(limit) // they fail only where the pipe is closed
	readers.Wait()
	c.closeFiles()
	c.endedAt = c.settings.Now()
	atEnd()
}

// begin makes the started process one that can be signalled; one that nobody wants any more is killed.
func (c *child) begin() {
	c.mu.Lock()
	c.process = c.cmd.Process
	unwanted := c.dismissed
	c.mu.Unlock()
	if unwanted {
		c.send(syscall.SIGKILL)
	}
}

func (c *child) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process, c.exit = nil, c.cmd.ProcessState.String()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// readMessages takes the child's messages until there are no more. A child that has said its last word is told to end.
func (c *child) readMessages() {
	defer close(c.silent)
	d := newDecoder(c.stdout)
	for {
		m, err := d.next()
		switch {
		case errors.Is(err, errDamaged):
			c.mu.Lock()
			c.damage = err
			c.mu.Unlock()
			c.dismiss(0)
			return
		case err != nil:
			c.dismiss(killGrace)
			return
		case m.Fault != nil:
			c.mu.Lock()
			c.fault = m.Fault
			c.mu.Unlock()
			c.dismiss(killGrace)
			return
		case m.Snapshot != nil:
			c.answer(m.Snapshot)
		case len(m.Events) > 0:
			c.settings.OnEvents(m.Events)
		}
	}
}

// answer settles the open request. A snapshot of any other Seq answers nothing and is dropped.
func (c *child) answer(s *nvmlwire.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.open
	if r == nil || r.seq != s.Seq {
		c.settings.Logger.Debug(Name+" sent a snapshot that nobody asked for", zap.Uint64("seq", s.Seq))
		return
	}
	r.snapshot, c.open, c.answered = s, nil, true
	close(r.answered)
}

// ask sends a request. The caller sees to it that there is no open one, and that nobody else asks. A request that cannot be written
// is one to a child that ends.
func (c *child) ask(seq uint64, deadline, limit time.Duration) *request {
	r := &request{seq: seq, at: c.settings.Now(), answered: make(chan struct{})}
	c.mu.Lock()
	c.open = r
	c.mu.Unlock()
	err := c.stdin.SetWriteDeadline(time.Now().Add(limit))
	if err == nil && !c.greeted {
		c.greeted = true
		err = c.requests.Encode(c.settings.Hello)
	}
	if err == nil {
		err = c.requests.Encode(nvmlwire.Request{Seq: seq, Deadline: deadline})
	}
	if err != nil {
		c.dismiss(killGrace)
	}
	return r
}

// outstanding is the request that is not answered yet; nil where there is none.
func (c *child) outstanding() *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// dismiss tells the child to end: its standard input closes now, SIGTERM follows after the given time, SIGKILL killGrace after that.
func (c *child) dismiss(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dismissed {
		return
	}
	c.dismissed = true
	_ = c.stdin.Close()
	if c.process != nil {
		c.timer = time.AfterFunc(after, c.terminate)
	}
}

func (c *child) terminate() {
	c.send(syscall.SIGTERM)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		c.timer = time.AfterFunc(killGrace, func() { c.send(syscall.SIGKILL) })
	}
}

// send sends a signal, unless the child has not started or has ended.
func (c *child) send(s os.Signal) {
	c.mu.Lock()
	process := c.process
	c.mu.Unlock()
	if process != nil {
		_ = c.settings.signal(process, s) // it fails only where the process has ended
	}
}

func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.Pid
}

func (c *child) isDismissed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dismissed
}

// isDone tells whether a channel that is only ever closed is.
func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
