//go:build linux && cgo

package event

import (
	"sync"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Capacity bounds the different events that wait to be sent. Equal ones are one, with a count, so that a storm of one kind loses
// nothing; only as many different events within one flush do.
const Capacity = 512

// key tells which events are equal.
type key struct {
	uuid   string
	kind   nvmlwire.EventKind
	data   uint64
	gi, ci int
}

// Queue is the events between the thread that waits for them and the one that sends them.
type Queue struct {
	// Ready is sent to when there is something to take.
	Ready chan struct{}

	mu     sync.Mutex
	events []nvmlwire.Event
	at     map[key]int
	lost   uint64
}

// NewQueue makes an empty queue.
func NewQueue() *Queue { return &Queue{Ready: make(chan struct{}, 1), at: make(map[key]int)} }

// Put adds an event. A full queue drops what matters least, and counts it.
func (q *Queue) Put(e nvmlwire.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e.Count = max(e.Count, 1)
	k := keyOf(&e)
	if at, ok := q.at[k]; ok {
		q.events[at].Count += e.Count
		return
	}
	if len(q.events) >= Capacity && !q.makeRoom(rank(e.Kind)) {
		q.lost += e.Count
		return
	}
	q.at[k] = len(q.events)
	q.events = append(q.events, e)
	select {
	case q.Ready <- struct{}{}:
	default:
	}
}

func keyOf(e *nvmlwire.Event) key {
	return key{e.UUID, e.Kind, e.Data, e.GPUInstance, e.ComputeInstance}
}

// makeRoom drops the newest of the events that matter least, if they matter less than one of the given rank.
func (q *Queue) makeRoom(than int) bool {
	least := -1
	for i := range q.events {
		if r := rank(q.events[i].Kind); r < than && (least < 0 || r <= rank(q.events[least].Kind)) {
			least = i
		}
	}
	if least < 0 {
		return false
	}
	q.lost += q.events[least].Count
	delete(q.at, keyOf(&q.events[least]))
	q.events = append(q.events[:least], q.events[least+1:]...)
	for i := least; i < len(q.events); i++ {
		q.at[keyOf(&q.events[i])] = i
	}
	return true
}

// rank is how much an event matters: what tells of a fault above what tells of a change.
func rank(k nvmlwire.EventKind) int {
	switch k {
	case nvmlwire.EventXID:
		return 3
	case nvmlwire.EventClock, nvmlwire.EventPState, nvmlwire.EventPowerSource:
		return 0
	case nvmlwire.EventECCSingle, nvmlwire.EventECCStorm, nvmlwire.EventMIGConfig:
		return 1
	default:
		return 2
	}
}

// Take moves all events to the end of into, in the order in which the first of each came.
func (q *Queue) Take(into []nvmlwire.Event) []nvmlwire.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	into = append(into, q.events...)
	clear(q.events)
	q.events = q.events[:0]
	clear(q.at)
	return into
}

// Lost counts what found the queue full.
func (q *Queue) Lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}
