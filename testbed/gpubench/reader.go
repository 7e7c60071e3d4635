// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// reader is an inferwatchnvml that is asked directly, as the receiver asks it.
type reader struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	encoder *gob.Encoder
	decoder *gob.Decoder
	seq     uint64
}

// deadline is how long a collection may take.
const deadline = 10 * time.Second

func startReader(s setup, hello nvmlwire.Hello) (*reader, error) {
	command := exec.Command(s.helper)
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
	r := &reader{command: command, stdin: stdin, encoder: gob.NewEncoder(stdin), decoder: gob.NewDecoder(stdout)}
	hello.Version, hello.Library, hello.MaxProcesses = nvmlwire.Version, s.library, 64
	if err := r.encoder.Encode(hello); err != nil {
		return nil, err
	}
	// The first collections learn what the boards have.
	for range warmUp {
		if _, _, err := r.collect(); err != nil {
			return nil, errors.Join(err, r.stop())
		}
	}
	return r, nil
}

// collect asks for a snapshot: how long NVML was read, and how long the answer took to be here.
func (r *reader) collect() (snapshot *nvmlwire.Snapshot, took time.Duration, err error) {
	r.seq++
	began := time.Now()
	if err := r.encoder.Encode(nvmlwire.Request{Seq: r.seq, Deadline: deadline}); err != nil {
		return nil, 0, err
	}
	for {
		var m nvmlwire.Message
		if err := r.decoder.Decode(&m); err != nil {
			return nil, 0, err
		}
		switch {
		case m.Fault != nil:
			return nil, 0, fmt.Errorf("inferwatchnvml: %v: %s", m.Fault.State, m.Fault.Detail)
		case m.Snapshot == nil:
			continue // events
		}
		took = time.Since(began)
		for i := range m.Snapshot.Devices {
			if state := m.Snapshot.Devices[i].State; state != nvmlwire.StateOK {
				return nil, 0, fmt.Errorf("GPU %d is %v: %s", i, state, m.Snapshot.Devices[i].Detail)
			}
		}
		if len(m.Snapshot.Devices) != gpus {
			return nil, 0, fmt.Errorf("%d GPUs were expected, found %d: %v %s", gpus, len(m.Snapshot.Devices), m.Snapshot.State, m.Snapshot.Detail)
		}
		return m.Snapshot, took, nil
	}
}

func (r *reader) stop() error {
	_ = r.stdin.Close()
	return r.command.Wait()
}

func (r *reader) pid() int { return r.command.Process.Pid }
