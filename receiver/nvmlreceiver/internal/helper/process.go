package helper

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	// hungLimit is after how many timeouts a helper that does not answer is ended, unless one of its threads is in state D.
	hungLimit = 10
	// answerMargin is the most of a collection's time that is kept back from the helper, for its answer's way.
	answerMargin = 500 * time.Millisecond
)

// Process is the helper, through all of its children. At most one child lives at any time. All methods may be called at any time and
// from any goroutine; collections are made one after the other.
type Process struct {
	settings Settings
	starts   atomic.Uint64
	causes   causes
	turn     chan struct{} // holds a token during a collection, and for ever after Shutdown
	stop     chan struct{} // closed by Shutdown
	shutdown sync.Once
	left     error // Shutdown's result

	// Of the goroutine that has the turn.
	seq     uint64
	backoff backoff
	last    verdict // on the last child that crashed

	mu    sync.Mutex
	child *child
}

// New makes a Process and starts nothing.
func New(settings Settings) *Process {
	settings = settings.withDefaults()
	return &Process{
		settings: settings,
		causes:   causes{log: settings.Logger},
		turn:     make(chan struct{}, 1),
		stop:     make(chan struct{}),
	}
}

// Starts is the number of processes started so far.
func (p *Process) Starts() uint64 { return p.starts.Load() }

// PID is the process's id; 0 where none lives.
func (p *Process) PID() int {
	if c := p.present(); c != nil {
		return c.pid()
	}
	return 0
}

func (p *Process) present() *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.child
}

func (p *Process) set(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.child = c
}

// Collect asks for a snapshot and waits for it until Timeout, or until ctx ends if that is earlier. There is always a snapshot:
// without one from the helper its State and Detail say why, Time is now, Started is the child's start or zero, and all else is zero.
// A ctx that ends before the helper answered gives LibraryHung. After Shutdown it is LibraryHelperLost.
func (p *Process) Collect(ctx context.Context) nvmlwire.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, p.settings.Timeout)
	defer cancel()
	if isDone(p.stop) {
		return p.stopped()
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-p.stop:
		return p.stopped()
	case <-ctx.Done():
		return p.failed(nvmlwire.LibraryHung, "Another collection is under way and has not ended yet")
	}
	if c, bad := p.living(ctx); bad != nil {
		return *bad
	} else if r := c.outstanding(); r == nil || p.await(ctx, c, r) {
		return p.ask(ctx, c, r)
	} else {
		return p.unanswered(ctx, c, r)
	}
}

// ask makes a new request of a child that has no open one. late is the one that was answered in this collection only, if any.
func (p *Process) ask(ctx context.Context, c *child, late *request) nvmlwire.Snapshot {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	if late != nil {
		p.backoff.lived()
		age := p.settings.Now().Sub(late.at)
		p.settings.Logger.Debug(Name+" answered too late", zap.Uint64("seq", late.seq), zap.Duration("after", age))
		if left < p.settings.Timeout/4 {
			return p.failedBy(c, verdict{state: nvmlwire.LibraryHung, detail: fmt.Sprintf("%s answered, but only after %v. It is asked again at the next "+
				"collection. If this comes back, `timeout` is too short for this machine", c.path, age.Round(time.Millisecond))})
		}
	}
	p.seq++
	r := c.ask(p.seq, left-min(left/5, answerMargin), left)
	if !p.await(ctx, c, r) {
		return p.unanswered(ctx, c, r)
	}
	p.backoff.lived()
	return *r.snapshot
}

// await waits for a request's answer and tells whether it came. It also returns when it cannot come any more.
func (p *Process) await(ctx context.Context, c *child, r *request) bool {
	select {
	case <-r.answered:
	case <-c.silent:
	case <-ctx.Done():
	case <-p.stop:
	}
	return isDone(r.answered) // an answer counts, whatever came with it
}

// unanswered is the snapshot for a request whose answer did not come, and ends a child that is beyond waiting for.
func (p *Process) unanswered(ctx context.Context, c *child, r *request) nvmlwire.Snapshot {
	if isDone(p.stop) {
		return p.stopped()
	}
	if isDone(c.silent) {
		return p.lost(ctx, c)
	}
	age := p.settings.Now().Sub(r.at)
	if age < hungLimit*p.settings.Timeout {
		return p.failedBy(c, verdict{state: nvmlwire.LibraryHung, detail: c.hungDetail(age, "")})
	}
	// A thread that could not be listed is one that no harm comes to: a process in state D takes no signal, and no other is started
	// before it is gone.
	threads, err := p.settings.threads(c.pid())
	if err != nil {
		p.settings.Logger.Debug("threads of "+Name+" cannot be listed", zap.Error(err))
	}
	waits := stuck(threads)
	detail := c.hungDetail(age, waits)
	if waits == "" {
		detail += ". It is ended, and a fresh one is started"
		p.settings.Logger.Warn(detail)
		c.mu.Lock()
		c.hung = true
		c.mu.Unlock()
		c.dismiss(0)
	}
	return p.failedBy(c, verdict{state: nvmlwire.LibraryHung, detail: detail})
}

// lost is the snapshot for a child that says nothing more. How it ended is waited for, as far as ctx lets; a Fault is known already.
func (p *Process) lost(ctx context.Context, c *child) nvmlwire.Snapshot {
	if v := c.verdict(); v.expected {
		return p.failedBy(c, v)
	}
	select {
	case <-c.ended:
	case <-p.stop:
		return p.stopped()
	case <-ctx.Done():
	}
	return p.failedBy(c, c.verdict())
}

// living gives a child that can be asked, started now if there is none; or the snapshot that says why not.
func (p *Process) living(ctx context.Context) (*child, *nvmlwire.Snapshot) {
	c := p.present()
	if c != nil && (isDone(c.ended) || c.isDismissed()) {
		if bad := p.bury(ctx, c); bad != nil {
			return nil, bad
		}
		c = nil
	}
	if c == nil {
		var bad *nvmlwire.Snapshot
		if c, bad = p.launch(); bad != nil {
			return nil, bad
		}
	}
	select {
	case <-c.started:
	case <-p.stop:
		return nil, refer(p.stopped())
	case <-ctx.Done():
		return nil, refer(p.failedBy(c, verdict{state: nvmlwire.LibraryHung, detail: fmt.Sprintf(
			"%s is being started since %v: see whether its file system answers", c.path, p.settings.Now().Sub(c.born).Round(time.Millisecond))}))
	}
	if c.startErr != nil {
		p.set(nil)
		return nil, refer(p.failed(startFailure(c.path, c.startErr)))
	}
	return c, nil
}

// bury waits until nothing is left of a child that ended or was told to, and draws the consequence; or gives the snapshot that says
// that it has not ended.
func (p *Process) bury(ctx context.Context, c *child) *nvmlwire.Snapshot {
	select {
	case <-c.ended:
	case <-p.stop:
		return refer(p.stopped())
	case <-ctx.Done():
		v := c.verdict()
		v.detail += fmt.Sprintf(". Process %d has not ended yet, and no other is started before", c.pid())
		if threads, err := p.settings.threads(c.pid()); err == nil && stuck(threads) != "" {
			v.detail += ": its threads " + stuck(threads) + " wait inside the kernel (state D)"
		}
		return refer(p.failedBy(c, v))
	}
	p.set(nil)
	if c.startErr != nil {
		return nil
	}
	if v := c.verdict(); v.expected {
		p.backoff.lived()
	} else {
		p.backoff.crashed(c.endedAt)
		p.last = v
	}
	return nil
}

// launch starts a child, or gives the snapshot that says why not.
func (p *Process) launch() (*child, *nvmlwire.Snapshot) {
	if err := supported(); err != nil {
		return nil, refer(p.failed(nvmlwire.LibraryHelperMissing, err.Error()))
	}
	if wait := p.backoff.wait(p.settings.Now()); wait > 0 {
		return nil, refer(p.failed(p.last.state, fmt.Sprintf("%s. That was the end number %d in a row without an answer between them; it is "+
			"started again in %v", p.last.detail, p.backoff.crashes, wait.Round(time.Second))))
	}
	path, err := locate(p.settings.Path)
	if err != nil {
		return nil, refer(p.failed(nvmlwire.LibraryHelperMissing, err.Error()))
	}
	c, err := newChild(&p.settings, path)
	if err != nil {
		return nil, refer(p.failed(startFailure(path, err)))
	}
	p.set(c)
	go c.live(func() { p.starts.Add(1) }, func() { p.noteEnd(c) })
	return c, nil
}

// noteEnd logs an end that nobody asked for.
func (p *Process) noteEnd(c *child) {
	if isDone(p.stop) {
		return
	}
	if v := c.verdict(); !v.expected {
		p.causes.report(v.state.String()+" "+c.exit, c.lines.cause(), v.detail)
	}
}

func (p *Process) stopped() nvmlwire.Snapshot {
	return p.failed(nvmlwire.LibraryHelperLost, "The receiver is shut down")
}

func (p *Process) failed(state nvmlwire.LibraryState, detail string) nvmlwire.Snapshot {
	return nvmlwire.Snapshot{State: state, Detail: detail, Time: p.settings.Now()}
}

func (p *Process) failedBy(c *child, v verdict) nvmlwire.Snapshot {
	return nvmlwire.Snapshot{State: v.state, Code: v.code, Detail: v.detail, Time: p.settings.Now(), Started: c.born}
}

func refer(s nvmlwire.Snapshot) *nvmlwire.Snapshot { return &s }
