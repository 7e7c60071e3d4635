// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// report prints what happens and, while it lasts, that it still does.
type report struct {
	out     io.Writer
	name    string
	started time.Time
	done    chan struct{}

	mu  sync.Mutex // orders the lines, too
	now string
}

func startReport(out io.Writer, name string) *report {
	r := &report{out: out, name: name, started: time.Now(), done: make(chan struct{})}
	go r.tick()
	return r
}

func (r *report) stop() { close(r.done) }

func (r *report) tick() {
	ticker := time.NewTicker(progressPause)
	defer ticker.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-ticker.C:
			r.mu.Lock()
			r.print(r.now)
			r.mu.Unlock()
		}
	}
}

// state says what goes on from now; it is printed if it is news.
func (r *report) state(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text != r.now {
		r.now = text
		r.print(text)
	}
}

func (r *report) print(text string) {
	fmt.Fprintf(r.out, "[%4.0f s] %s: %s\n", time.Since(r.started).Seconds(), r.name, text)
}
