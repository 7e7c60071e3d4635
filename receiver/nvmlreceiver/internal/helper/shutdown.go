package helper

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

const (
	// shutdownStep is how long each of Shutdown's two steps may take.
	shutdownStep = time.Second
	// shortestStep is what a step has where ctx leaves less: a killed process needs a moment to be reaped.
	shortestStep = 100 * time.Millisecond
)

// Shutdown ends the helper, a collection that is under way, and the Process: the end of standard input first, SIGKILL after a
// second. It takes two seconds at most, less where ctx ends earlier, and may be called at any time; every call gives the result of
// the first. An error means that the helper is in state D. It gets the SIGKILL when the driver lets go of it, and until then a
// goroutine waits for it.
func (p *Process) Shutdown(ctx context.Context) error {
	p.shutdown.Do(func() {
		close(p.stop)
		p.turn <- struct{}{} // collections return at once now that stop is closed
		if c := p.present(); c != nil {
			p.left = c.shut(ctx)
		}
	})
	return p.left
}

func (c *child) shut(ctx context.Context) error {
	step := shutdownStep
	if deadline, ok := ctx.Deadline(); ok {
		step = min(step, max(time.Until(deadline)/2, shortestStep))
	}
	pid := c.pid()
	c.dismiss(killGrace)
	if c.endsWithin(step, ctx.Done()) {
		return nil
	}
	c.send(syscall.SIGKILL)
	if c.endsWithin(step, nil) {
		return nil
	}
	c.closeFiles() // ends the goroutines that read
	return fmt.Errorf("%s (process %d) does not end, not even killed: it waits inside the kernel", c.path, pid)
}

// endsWithin waits for the child's end, for a time, and no longer than until cut is closed.
func (c *child) endsWithin(limit time.Duration, cut <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.ended:
		return true
	case <-cut:
	case <-timer.C:
	}
	return isDone(c.ended)
}
