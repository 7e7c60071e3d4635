package kernellog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// ErrStopped is what Next returns when the follower is shut down and its queue is empty.
var ErrStopped = errors.New("the kernel log follower is stopped")

// switchAfter is how many failures in a row make SourceAuto try the other source.
const switchAfter = 3

// Follower follows the kernel log. One goroutine of the user takes events by Next and confirms them by Commit; what is not
// committed is delivered again after a restart.
type Follower struct {
	cfg    Config
	stats  counters
	queue  chan queued
	stop   context.CancelFunc
	ended  chan struct{} // the reading goroutine has ended
	dirty  chan struct{} // the committed position changed
	saved  chan struct{} // closed to end the saving goroutine
	quiet  chan struct{} // the saving goroutine has ended
	opened chan struct{} // the first source is open, or could not be opened
	once   sync.Once     // closes opened
	// narrow and attempts, how often a source was opened, are the reading goroutine's alone.
	narrow   narrowing
	attempts int
	// complaint is the failure that was logged last; the reading goroutine's alone, too.
	complaint string
	// started is when Start was called; lines from before are Replayed.
	started time.Time

	mu          sync.Mutex
	state       state
	last        Position // of the last record read
	returned    Position // of the last event that Next returned
	committed   Position
	outstanding int // events queued or returned, and not committed
	taken       int // of outstanding: returned by Next
	drained     chan struct{}
}

type state int

const (
	stateNew state = iota
	stateRunning
	stateStopped
)

type queued struct {
	event    Event
	position Position
}

// New makes a follower. Nothing is opened before Start.
func New(cfg Config) (*Follower, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Follower{
		cfg:     cfg,
		queue:   make(chan queued, cfg.QueueSize),
		ended:   make(chan struct{}),
		dirty:   make(chan struct{}, 1),
		saved:   make(chan struct{}),
		quiet:   make(chan struct{}),
		opened:  make(chan struct{}),
		drained: make(chan struct{}, 1),
	}, nil
}

// Start loads the position and begins to read. A position that cannot be loaded is logged and counted, and reading begins
// with the lines from now on, as it does without storage. When Start returns, the log is open, or has failed to open and will
// be tried again. A second Start does nothing.
func (f *Follower) Start(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	select {
	case <-f.opened:
	case <-ctx.Done():
	}
	return nil
}

func (f *Follower) begin(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.state {
	case stateRunning:
		return nil
	case stateStopped:
		return ErrStopped
	}
	boot, err := f.cfg.BootID()
	if err != nil {
		return fmt.Errorf("boot id: %w", err)
	}
	f.started = f.cfg.Now()
	f.last = Position{Boot: boot, Realtime: f.started, Started: true}
	fresh := true
	if p, ok := f.load(ctx); ok {
		f.last, fresh = p, false
	}
	f.committed, f.returned = f.last, f.last
	f.state = stateRunning
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	go func() { defer close(f.ended); defer f.ready(); f.run(reading) }()
	go func() { defer close(f.quiet); f.saveLoop() }()
	if fresh {
		f.touch()
	}
	return nil
}

// ready lets Start return.
func (f *Follower) ready() { f.once.Do(func() { close(f.opened) }) }

// load reads the saved position.
func (f *Follower) load(ctx context.Context) (Position, bool) {
	if f.cfg.Store == nil {
		return Position{}, false
	}
	saved, err := f.cfg.Store.Load(ctx)
	if err == nil && len(saved) == 0 {
		return Position{}, false
	}
	var p Position
	if err == nil {
		p, err = parsePosition(saved)
	}
	if err != nil {
		f.stats.storeErrors.Add(1)
		f.cfg.Logger.Warn("the position in the kernel log is lost; reading begins with the lines from now on", zap.Error(err))
		return Position{}, false
	}
	return p, true
}

// Shutdown ends reading, gives the user DrainTimeout to take and commit what is queued, and saves the position. It is bounded by
// ctx. A second Shutdown, or one before Start, does nothing.
func (f *Follower) Shutdown(ctx context.Context) error {
	f.mu.Lock()
	if f.state != stateRunning {
		if f.state == stateNew {
			close(f.ended)
		}
		f.state = stateStopped
		f.mu.Unlock()
		return nil
	}
	f.state = stateStopped
	f.mu.Unlock()
	f.stop()
	errRead := await(ctx, f.ended, "reading")
	f.awaitCommits(ctx)
	close(f.saved)
	if err := errors.Join(errRead, await(ctx, f.quiet, "saving")); err != nil {
		return err
	}
	return f.save(ctx)
}

// await waits for done, within ctx.
func await(ctx context.Context, done <-chan struct{}, what string) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s the kernel log did not end in time: %w", what, ctx.Err())
	}
}

// awaitCommits waits until everything queued is committed, DrainTimeout at most.
func (f *Follower) awaitCommits(ctx context.Context) {
	timeout := time.After(f.cfg.DrainTimeout)
	for f.uncommitted() > 0 {
		select {
		case <-f.drained:
		case <-timeout:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (f *Follower) uncommitted() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.outstanding
}

// Next waits for the next event. After Shutdown it returns what is still queued and then ErrStopped.
func (f *Follower) Next(ctx context.Context) (Event, error) {
	select {
	case q := <-f.queue:
		return f.hand(q), nil
	default:
	}
	select {
	case q := <-f.queue:
		return f.hand(q), nil
	case <-f.ended:
		select {
		case q := <-f.queue:
			return f.hand(q), nil
		default:
			return Event{}, ErrStopped
		}
	case <-ctx.Done():
		return Event{}, ctx.Err()
	}
}

func (f *Follower) hand(q queued) Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.returned = q.position
	f.taken++
	return q.event
}

// Commit says that the events returned by Next so far need not come again.
func (f *Follower) Commit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken == 0 {
		return
	}
	f.outstanding -= f.taken
	f.taken = 0
	f.committed = f.returned
	if f.outstanding == 0 {
		f.committed = f.last
		select {
		case f.drained <- struct{}{}:
		default:
		}
	}
	f.touch()
}

// take handles one new record: an event is queued, everything else only moves the position.
func (f *Follower) take(ctx context.Context, source Source, r record) error {
	f.stats.records.Add(1)
	var event Event
	isEvent := false
	if r.facility == kernelFacility {
		if event, isEvent = Parse(r.text); !isEvent && relevant(r.text) {
			f.stats.ignored.Add(1)
		}
	}
	event.Time, event.Boot, event.Seq, event.Source = r.time, r.Boot, r.Seq, source
	event.Replayed = r.time.Before(f.started)
	before := f.advance(r.Position, isEvent)
	if !isEvent {
		return nil
	}
	f.stats.events.Add(1)
	select {
	case f.queue <- queued{event, r.Position}:
		return nil
	default:
		f.stats.blocked.Add(1)
	}
	select {
	case f.queue <- queued{event, r.Position}:
		return nil
	case <-ctx.Done():
		f.retract(before)
		return ctx.Err()
	}
}

// retract undoes the advance to an event that could not be queued.
func (f *Follower) retract(before Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outstanding--
	f.last = before
}

// advance moves the position to p and returns where it was. Where nothing waits to be committed, p is as good as committed.
func (f *Follower) advance(p Position, isEvent bool) (before Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before = f.last
	if f.outstanding == 0 && !isEvent {
		first := f.committed.Started
		f.committed = p
		if first {
			f.touch()
		}
	}
	f.last = p
	if isEvent {
		f.outstanding++
	}
	return before
}

// run follows the log until ctx ends, by one source or the other.
func (f *Follower) run(ctx context.Context) {
	sources := f.sources()
	wait, failures := f.cfg.RetryMin, 0
	for i := 0; ctx.Err() == nil; {
		began, before := f.cfg.Now(), f.stats.records.Load()
		err := f.follow(ctx, sources[i])
		f.ready()
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errNarrow) {
			f.narrow++
			continue
		}
		f.stats.restarts.Add(1)
		if f.stats.records.Load() > before || f.cfg.Now().Sub(began) >= f.cfg.RetryMax {
			wait, failures = f.cfg.RetryMin, 0
		}
		f.warn(sources[i], wait, err)
		if failures++; failures >= switchAfter && len(sources) > 1 {
			i, failures = (i+1)%len(sources), 0
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, f.cfg.RetryMax)
	}
}

// warn logs why a source failed: aloud when the reason is new, else for those who debug.
func (f *Follower) warn(source Source, wait time.Duration, err error) {
	level := zap.WarnLevel
	if err.Error() == f.complaint {
		level = zap.DebugLevel
	}
	f.complaint = err.Error()
	f.cfg.Logger.Log(level, "reading the kernel log failed and will be tried again", zap.String("source", string(source)),
		zap.Duration("after", wait), zap.Error(err))
}

// sources are those to try, in this order.
func (f *Follower) sources() []Source {
	switch {
	case f.cfg.Source != SourceAuto:
		return []Source{f.cfg.Source}
	case f.cfg.JournalPresent(f.cfg.JournalDirectory):
		return []Source{SourceJournald, SourceKmsg}
	default:
		return []Source{SourceKmsg}
	}
}

func (f *Follower) follow(ctx context.Context, source Source) error {
	f.mu.Lock()
	from := f.last
	f.mu.Unlock()
	f.attempts++
	f.cfg.Logger.Debug("reading the kernel log", zap.String("source", string(source)), zap.Any("from", from))
	if source == SourceJournald {
		return f.followJournal(ctx, from)
	}
	return f.followKmsg(ctx, from)
}
