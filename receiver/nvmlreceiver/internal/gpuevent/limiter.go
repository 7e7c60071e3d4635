// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpuevent

import (
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// The bounds of a Limiter.
const (
	limitWindow = 10 * time.Second
	// limitBurst is how many records of one kind a window has; of those that are no more than notes it has one.
	limitBurst = 10
	// limitKinds bounds the kinds that are told apart. Further ones pass without limit.
	limitKinds = 1024
)

// Limiter keeps a storm of like events from becoming a storm of records: beyond a few in a window the rest is one record with a count.
// The zero value is ready. Counters of errors are not its matter: they count every event.
type Limiter struct {
	kinds map[kind]*window
	order []*window // by end, as windows have one length
}

type kind struct {
	name     Name
	gpu      string
	code     uint64
	severity plog.SeverityNumber
}

type window struct {
	kind   kind
	end    time.Time
	passed int
	held   uint64
	last   Event
}

// Pass returns the events that are to be recorded now that e came.
func (l *Limiter) Pass(now time.Time, e Event) []Event {
	events := l.Flush(now)
	k := kind{e.Name, e.GPU.ID, e.XIDCode, e.Severity}
	w, ok := l.kinds[k]
	if !ok {
		if len(l.kinds) >= limitKinds {
			return append(events, e)
		}
		if l.kinds == nil {
			l.kinds = map[kind]*window{}
		}
		w = &window{kind: k, end: now.Add(limitWindow)}
		l.kinds[k] = w
		l.order = append(l.order, w)
	}
	if w.passed < burst(e) {
		w.passed++
		return append(events, e)
	}
	w.held += max(e.Count, 1)
	w.last = e
	return events
}

func burst(e Event) int {
	if e.Severity <= plog.SeverityNumberInfo {
		return 1
	}
	return limitBurst
}

// Flush returns one event for each window that has ended and held some back.
func (l *Limiter) Flush(now time.Time) []Event {
	var events []Event
	for len(l.order) > 0 && !l.order[0].end.After(now) {
		events = l.close(l.order[0], events)
		l.order = slices.Delete(l.order, 0, 1)
	}
	return events
}

// FlushAll ends all windows.
func (l *Limiter) FlushAll() []Event {
	var events []Event
	for _, w := range l.order {
		events = l.close(w, events)
	}
	l.order = nil
	return events
}

func (l *Limiter) close(w *window, events []Event) []Event {
	delete(l.kinds, w.kind)
	if w.held == 0 {
		return events
	}
	e := w.last
	e.Count = w.held
	if w.held > 1 {
		e.Body = fmt.Sprintf("%d more like this within %v: %s", w.held, limitWindow, e.Body)
	}
	return append(events, e)
}

// Holds tells whether events are held back, for the record at the end of their window.
func (l *Limiter) Holds() bool {
	return slices.ContainsFunc(l.order, func(w *window) bool { return w.held > 0 })
}

// Next is when Flush has something to do; false: nothing.
func (l *Limiter) Next() (time.Time, bool) {
	if len(l.order) == 0 {
		return time.Time{}, false
	}
	return l.order[0].end, true
}
