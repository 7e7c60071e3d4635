// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package eventhub

import (
	"context"
	"time"
)

// Run makes the events whose time has come, until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-timer.C:
		}
		if wait, ok := h.flush(); ok {
			timer.Reset(wait)
		}
	}
}

func (h *Hub) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// flush makes what is due and tells how long it is to the next time.
func (h *Hub) flush() (wait time.Duration, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settings.Now()
	h.report(h.merger.Flush(now), 1)
	for _, e := range h.limiter.Flush(now) {
		h.settings.Emit(e)
	}
	due, ok := h.merger.Next()
	if end, open := h.limiter.Next(); open && (!ok || end.Before(due)) {
		due, ok = end, true
	}
	return max(due.Sub(now), time.Millisecond), ok
}

// Settled tells that nothing waits in the hub.
func (h *Hub) Settled() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, waits := h.merger.Next()
	return !waits && !h.limiter.Holds()
}

// Hasten makes all events that still wait.
func (h *Hub) Hasten() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report(h.merger.FlushAll(), 1)
	for _, e := range h.limiter.FlushAll() {
		h.settings.Emit(e)
	}
}

// Drain is Hasten for the end: events that come later do not wait.
func (h *Hub) Drain() {
	h.mu.Lock()
	h.draining = true
	h.mu.Unlock()
	h.Hasten()
}
