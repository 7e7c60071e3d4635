// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package load sends numbered items at a steady rate by OTLP and keeps account of which were acknowledged, so that a test can count
// one by one what arrived.
package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	defaultRate       = 50
	defaultBatch      = 10
	defaultWorkers    = 2
	defaultRetryPause = 200 * time.Millisecond
	defaultTimeout    = 5 * time.Second
	// Prometheus keeps milliseconds, and two samples of a series must not have the same time.
	maxRate = 1000
)

// Config says what to send where.
type Config struct {
	Run        string            // tells this generator's items from others'; random if empty
	Signal     Signal            // what the items are
	Protocol   Protocol          // GRPC if empty
	Endpoint   string            // host:port for GRPC, http://host:port for HTTP
	Rate       int               // items a second, 50 if zero, at most 1000
	Batch      int               // items in a request, 10 if zero
	Workers    int               // requests at the same time, 2 if zero
	Items      int               // how many items there are; zero: as many as are due until Stop
	Attributes map[string]string // added to every item
	RetryPause time.Duration     // between two attempts of a batch, 200 ms if zero
	Timeout    time.Duration     // of one attempt, 5 s if zero
}

func (cfg *Config) complete() error {
	setDefault(&cfg.Run, fmt.Sprintf("%08x", rand.Uint32()))
	setDefault(&cfg.Protocol, GRPC)
	setDefault(&cfg.Rate, defaultRate)
	setDefault(&cfg.Batch, defaultBatch)
	setDefault(&cfg.Workers, defaultWorkers)
	setDefault(&cfg.RetryPause, defaultRetryPause)
	setDefault(&cfg.Timeout, defaultTimeout)
	var errs []error
	if _, ok := codings()[cfg.Signal]; !ok {
		errs = append(errs, fmt.Errorf("`Signal` must be %q, %q or %q, found %q", Logs, Traces, Metrics, cfg.Signal))
	}
	if cfg.Protocol != GRPC && cfg.Protocol != HTTP {
		errs = append(errs, fmt.Errorf("`Protocol` must be %q or %q, found %q", GRPC, HTTP, cfg.Protocol))
	}
	if cfg.Rate > maxRate {
		errs = append(errs, fmt.Errorf("`Rate` must be at most %d, found %d", maxRate, cfg.Rate))
	}
	return errors.Join(errs...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Result is the account of a run.
type Result struct {
	Sent     map[int]struct{} // at least one attempt was made
	Accepted map[int]struct{} // acknowledged by the receiver
	Resent   map[int]struct{} // more than one attempt was made: a duplicate of such an item may be the sender's own doing
	Rejected int              // attempts that were not acknowledged
	LastErr  error            // why the last of those was not
}

// Bound is one more than the highest number that was sent.
func (r Result) Bound() int {
	bound := 0
	for n := range r.Sent {
		bound = max(bound, n+1)
	}
	return bound
}

// Generator sends the items of one run.
type Generator struct {
	cfg       Config
	coding    coding
	transport transport
	started   time.Time
	stopped   time.Time     // set before stopping is closed
	stopping  chan struct{} // closed: what becomes due from now is not sent
	stopOnce  sync.Once
	workers   sync.WaitGroup
	giveUp    context.CancelFunc

	mu     sync.Mutex
	next   int // the first item that no worker has taken
	result Result
}

// New checks the configuration; Start sends.
func New(cfg Config) (*Generator, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	return &Generator{
		cfg:       cfg,
		coding:    codings()[cfg.Signal],
		transport: transport,
		stopping:  make(chan struct{}),
		result:    Result{Sent: map[int]struct{}{}, Accepted: map[int]struct{}{}, Resent: map[int]struct{}{}},
	}, nil
}

// Run is the run's name, which the items carry.
func (g *Generator) Run() string { return g.cfg.Run }

// Start begins to send. Item n is due n/Rate seconds from now. A batch that is not acknowledged is sent again until it is, while
// its worker takes no other; what became due meanwhile is sent at once afterwards, so no number is left out.
func (g *Generator) Start(ctx context.Context) {
	ctx, g.giveUp = context.WithCancel(ctx)
	g.started = time.Now()
	for worker := range g.cfg.Workers {
		g.workers.Go(func() { g.work(ctx, worker) })
	}
}

// Stop sends what is due until now, for at most grace, gives up what is then not acknowledged, and returns the account.
func (g *Generator) Stop(grace time.Duration) Result {
	g.stopOnce.Do(func() {
		g.stopped = time.Now()
		close(g.stopping)
	})
	timer := time.AfterFunc(grace, g.giveUp)
	defer timer.Stop()
	return g.finish()
}

// Wait returns the account once Config.Items items are acknowledged; when ctx ends before, it gives up the rest.
func (g *Generator) Wait(ctx context.Context) Result {
	defer context.AfterFunc(ctx, g.giveUp)()
	return g.finish()
}

func (g *Generator) finish() Result {
	g.workers.Wait()
	g.giveUp()
	g.transport.close()
	return g.Result()
}

// Result is a copy of the account up to now.
func (g *Generator) Result() Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	result := g.result
	result.Sent, result.Accepted, result.Resent = maps.Clone(result.Sent), maps.Clone(result.Accepted), maps.Clone(result.Resent)
	return result
}

func (g *Generator) work(ctx context.Context, worker int) {
	for {
		numbers := g.take()
		if len(numbers) == 0 || !g.awaitDue(ctx, numbers[len(numbers)-1]) {
			return
		}
		b := &batch{run: g.cfg.Run, worker: worker, numbers: numbers, due: g.due, attributes: g.cfg.Attributes}
		if !g.deliver(ctx, b) {
			return
		}
	}
}

// take gives the worker the next items; none if all Config.Items are taken.
func (g *Generator) take() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	size := g.cfg.Batch
	if g.cfg.Items > 0 {
		size = min(size, g.cfg.Items-g.next)
	}
	numbers := make([]int, size)
	for i := range numbers {
		numbers[i] = g.next + i
	}
	g.next += size
	return numbers
}

func (g *Generator) due(n int) time.Time {
	return g.started.Add(time.Duration(n) * time.Second / time.Duration(g.cfg.Rate))
}

// awaitDue waits for item n's time; false means that it is not to be sent any more.
func (g *Generator) awaitDue(ctx context.Context, n int) bool {
	timer := time.NewTimer(time.Until(g.due(n)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-g.stopping:
	case <-timer.C:
	}
	select {
	case <-g.stopping: // by time, not by who was first: so no worker's items are left out between those of others
		return !g.due(n).After(g.stopped)
	default:
		return true
	}
}

// deliver sends the batch until it is acknowledged; false means that it was given up.
func (g *Generator) deliver(ctx context.Context, b *batch) bool {
	for attempt := 0; ; attempt++ {
		if ctx.Err() != nil {
			return false
		}
		g.noteAttempt(b.numbers, attempt)
		err := g.send(ctx, b)
		g.noteOutcome(b.numbers, err)
		if err == nil {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(g.cfg.RetryPause):
		}
	}
}

func (g *Generator) send(ctx context.Context, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	request, err := g.coding.encode(b)
	if err != nil {
		return err
	}
	answer, err := g.transport.call(ctx, g.coding, request)
	if err != nil {
		return err
	}
	return g.coding.decode(answer)
}

func (g *Generator) noteAttempt(numbers []int, attempt int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	into := g.result.Sent
	if attempt > 0 {
		into = g.result.Resent
	}
	for _, n := range numbers {
		into[n] = struct{}{}
	}
}

func (g *Generator) noteOutcome(numbers []int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.result.Rejected++
		g.result.LastErr = err
		return
	}
	for _, n := range numbers {
		g.result.Accepted[n] = struct{}{}
	}
}
