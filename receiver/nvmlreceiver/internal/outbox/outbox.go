// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package outbox hands events to the next consumer from a goroutine of its own, through a bounded queue, so that a consumer that is slow
// or away holds up nothing else.
package outbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
)

// The bounds.
const (
	queueSize    = 1024
	batchSize    = 128
	retryFirst   = time.Second
	retryLongest = 30 * time.Second
	// retryEnd is how long a batch is tried. The events of an outage longer than that are lost, and counted.
	retryEnd = 10 * time.Minute
	// shutdownEnd is how long a shutdown waits for the consumer, whatever its context allows.
	shutdownEnd = 5 * time.Second
)

// Reason says why an event was lost.
type Reason string

// The reasons.
const (
	ReasonQueueFull   Reason = "queue_full"  // no room, and nothing in the queue was less grave
	ReasonOverwritten Reason = "overwritten" // gave its room to a graver one
	ReasonRefused     Reason = "refused"     // the consumer refused it for good, or for too long
)

// Item is an event that waits.
type Item struct {
	gpuevent.Event
	Observed time.Time
}

// Settings are what an Outbox needs.
type Settings struct {
	// Deliver hands on items. It is called again with the same ones where its error is not permanent.
	Deliver func(context.Context, []Item) error
	// Lost is told about items that are lost.
	Lost   func([]Item, Reason)
	Logger *zap.Logger

	// First is the pause before the second attempt and End how long one batch is tried; 0 means the default.
	First, End time.Duration
}

// Outbox is the queue. Add may be called at any time from any goroutine.
type Outbox struct {
	settings Settings
	wake     chan struct{}
	stopping chan struct{}
	stop     sync.Once
	done     chan struct{}
	giveUp   chan struct{} // closed when a shutdown does not wait any longer
	gaveUp   sync.Once

	mu       sync.Mutex
	queue    []Item
	inFlight int
}

// New makes an outbox; Run delivers.
func New(settings Settings) *Outbox {
	if settings.First == 0 {
		settings.First = retryFirst
	}
	if settings.End == 0 {
		settings.End = retryEnd
	}
	return &Outbox{settings: settings, wake: make(chan struct{}, 1), stopping: make(chan struct{}), done: make(chan struct{}), giveUp: make(chan struct{})}
}

// Add queues an event. Where the queue is full the oldest of the least grave events gives way to a graver one.
func (o *Outbox) Add(item Item) {
	o.mu.Lock()
	lost, reason := o.add(item)
	o.mu.Unlock()
	if reason != "" {
		o.settings.Lost([]Item{lost}, reason)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *Outbox) add(item Item) (lost Item, reason Reason) {
	if len(o.queue) < queueSize {
		o.queue = append(o.queue, item)
		return Item{}, ""
	}
	least := 0
	for i := range o.queue {
		if o.queue[i].Severity < o.queue[least].Severity {
			least = i
		}
	}
	if o.queue[least].Severity >= item.Severity {
		return item, ReasonQueueFull
	}
	lost = o.queue[least]
	o.queue = append(slices.Delete(o.queue, least, least+1), item)
	return lost, ReasonOverwritten
}

// Empty tells that everything added was delivered or lost.
func (o *Outbox) Empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) == 0 && o.inFlight == 0
}

func (o *Outbox) take() []Item {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(o.queue), batchSize)
	batch := slices.Clone(o.queue[:n])
	o.queue = slices.Delete(o.queue, 0, n)
	o.inFlight = n
	return batch
}

func (o *Outbox) settle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inFlight = 0
}

// Run delivers until Shutdown.
func (o *Outbox) Run(ctx context.Context) {
	defer close(o.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-o.giveUp:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		select {
		case <-o.stopping:
			return
		case <-o.wake:
		}
		for batch := o.take(); len(batch) > 0; batch = o.take() {
			o.deliver(ctx, batch)
			if o.stopped() {
				return
			}
		}
	}
}

func (o *Outbox) stopped() bool {
	select {
	case <-o.stopping:
		return true
	default:
		return false
	}
}

// deliver tries a batch until it is taken, refused for good, or given up. One that Shutdown interrupts goes back to the queue.
func (o *Outbox) deliver(ctx context.Context, batch []Item) {
	defer o.settle()
	began, pause := time.Now(), o.settings.First
	for {
		err := o.settings.Deliver(ctx, batch)
		if err == nil {
			return
		}
		if consumererror.IsPermanent(err) || time.Since(began)+pause > o.settings.End {
			o.settings.Logger.Error("GPU events were refused and are lost", zap.Int("events", len(batch)), zap.Error(err))
			o.settings.Lost(batch, ReasonRefused)
			return
		}
		o.settings.Logger.Debug("GPU events were refused and will be tried again", zap.Duration("after", pause), zap.Error(err))
		select {
		case <-o.stopping:
			o.putBack(batch)
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, retryLongest)
	}
}

func (o *Outbox) putBack(batch []Item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(batch, o.queue...)
}

// Shutdown ends Run and makes one last attempt at what is left. It is bounded by ctx. What fails then is lost, unless its source gives it
// again: the outbox does not become Empty.
func (o *Outbox) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownEnd)
	defer cancel()
	o.stop.Do(func() { close(o.stopping) })
	select {
	case <-o.done:
	case <-ctx.Done():
		o.gaveUp.Do(func() { close(o.giveUp) })
		return errors.New("the consumer of GPU events did not return in time")
	}
	for batch := o.take(); len(batch) > 0; batch = o.take() {
		if err := o.settings.Deliver(ctx, batch); err != nil {
			o.putBack(batch)
			lost := o.all()
			o.settings.Logger.Error("GPU events were not delivered before the shutdown", zap.Int("events", len(lost)), zap.Error(err))
			o.settings.Lost(lost, ReasonRefused)
			return nil
		}
		o.settle()
	}
	return nil
}

func (o *Outbox) all() []Item {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.queue)
}
