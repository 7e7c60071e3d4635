package gpureader

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Reader is a running inferwatchnvml and the test's end of the protocol.
type Reader struct {
	command  *exec.Cmd
	in       io.WriteCloser
	encoder  *gob.Encoder
	answers  chan *nvmlwire.Snapshot
	seq      uint64
	stderr   output
	scenario string
	ended    chan struct{}

	mu     sync.Mutex
	events []nvmlwire.Event
	fault  *nvmlwire.Fault
	err    error
}

// Patience is a collection's deadline unless a test says otherwise; the answer may come Grace later.
const (
	Patience = time.Second
	Grace    = 3 * time.Second
)

// Start starts the helper on a scenario, which is written to dir, and greets it.
func Start(ctx context.Context, helper, dir, scenario string, hello nvmlwire.Hello) (*Reader, error) {
	r := &Reader{scenario: filepath.Join(dir, "scenario"), answers: make(chan *nvmlwire.Snapshot, 16), ended: make(chan struct{})}
	if err := r.Scenario(scenario); err != nil {
		return nil, err
	}
	r.command = exec.CommandContext(ctx, helper)
	r.command.Env = append(os.Environ(), "NVMLSIM_SCENARIO="+r.scenario)
	r.command.Stderr = &r.stderr
	in, err := r.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := r.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.in, r.encoder = in, gob.NewEncoder(in)
	if err := r.command.Start(); err != nil {
		return nil, err
	}
	go r.receive(out)
	if hello.Version == 0 {
		hello.Version = nvmlwire.Version
	}
	return r, r.encoder.Encode(&hello)
}

// Scenario replaces the scenario.
func (r *Reader) Scenario(text string) error {
	if err := os.WriteFile(r.scenario+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(r.scenario+".new", r.scenario)
}

func (r *Reader) receive(out io.Reader) {
	defer close(r.ended)
	decoder := gob.NewDecoder(out)
	for {
		var m nvmlwire.Message
		err := decoder.Decode(&m)
		r.mu.Lock()
		switch {
		case err != nil:
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
		case m.Fault != nil:
			r.fault = m.Fault
		default:
			r.events = append(r.events, m.Events...)
		}
		r.mu.Unlock()
		if err != nil {
			return
		}
		if m.Snapshot != nil {
			r.answers <- m.Snapshot
		}
	}
}

// Collect asks for a snapshot and waits for it. A fault instead of it is an error.
func (r *Reader) Collect(patience time.Duration) (*nvmlwire.Snapshot, error) {
	r.seq++
	if err := r.encoder.Encode(&nvmlwire.Request{Seq: r.seq, Deadline: patience}); err != nil {
		return nil, err
	}
	timer := time.NewTimer(patience + Grace)
	defer timer.Stop()
	for {
		select {
		case s := <-r.answers:
			if s.Seq == r.seq {
				return s, nil
			}
		case <-r.ended:
			return nil, fmt.Errorf("the helper ended: fault %+v, stderr %q", r.Fault(), r.stderr.String())
		case <-timer.C:
			return nil, fmt.Errorf("no answer within %v", patience+Grace)
		}
	}
}

// Events are all events so far.
func (r *Reader) Events() []nvmlwire.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]nvmlwire.Event(nil), r.events...)
}

// Fault is the helper's last words, nil where there were none.
func (r *Reader) Fault() *nvmlwire.Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// PID is the helper's.
func (r *Reader) PID() int { return r.command.Process.Pid }

// Stop closes the helper's input and tells how long it took to end. One that does not end is killed: an error.
func (r *Reader) Stop() (time.Duration, error) {
	began := time.Now()
	_ = r.in.Close()
	select {
	case <-r.ended:
	case <-time.After(Grace):
		_ = r.command.Process.Kill()
		<-r.ended
		return time.Since(began), errors.New("the helper did not end when its input did")
	}
	err := r.command.Wait()
	if r.err != nil {
		err = r.err
	}
	return time.Since(began), err
}
