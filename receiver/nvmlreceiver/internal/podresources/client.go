// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// Client keeps the kubelet's last answer. Start and Stop may be called twice; every other method at any time, from any
// goroutine, and none of them blocks.
type Client struct {
	cfg    Config
	logger *zap.Logger
	now    func() time.Time
	kubelet

	snapshot atomic.Pointer[Snapshot]
	expired  *Snapshot
	wake     chan struct{}

	lifecycle sync.Mutex
	cancel    context.CancelFunc
	done      chan struct{}
	stopped   bool

	mu    sync.Mutex
	stats Stats
}

// New makes a client that does nothing before Start.
func New(cfg Config, logger *zap.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Client{
		cfg:     cfg,
		logger:  logger,
		now:     time.Now,
		expired: &Snapshot{},
		wake:    make(chan struct{}, 1),
		kubelet: kubelet{socket: cfg.Socket, maxMessage: cfg.MaxMessageBytes},
	}
	c.stats.State = StateWaiting
	c.snapshot.Store(c.expired)
	return c, nil
}

// Start begins to ask. After Stop it does nothing.
func (c *Client) Start() {
	c.lifecycle.Lock()
	defer c.lifecycle.Unlock()
	if c.stopped || c.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.done = cancel, make(chan struct{})
	go c.run(ctx, c.done)
}

// Stop ends a request under way, closes the connection and waits for both.
func (c *Client) Stop() {
	c.lifecycle.Lock()
	defer c.lifecycle.Unlock()
	c.stopped = true
	if c.cancel == nil {
		return
	}
	c.cancel()
	<-c.done
}

// Snapshot gives the last answer, or an empty one with generation 0 where there is none younger than MaxAge. It is never nil.
func (c *Client) Snapshot() *Snapshot {
	s := c.snapshot.Load()
	if s.Generation != 0 && c.now().Sub(s.Asked) > c.cfg.MaxAge {
		return c.expired
	}
	return s
}

// Refresh asks for a new answer soon: at once, or when MinInterval or the back-off allow.
func (c *Client) Refresh() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Client) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	defer c.close()
	pace := pace{period: c.cfg.Period, min: c.cfg.MinInterval, max: c.cfg.MaxBackoff}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
			timer.Reset(pace.sooner(time.Now()))
		case <-timer.C:
			ok := c.ask(ctx)
			timer.Reset(pace.next(time.Now(), ok))
		}
	}
}

// ask makes one request and tells whether the next may follow at the usual pace.
func (c *Client) ask(ctx context.Context) bool {
	asked := c.now()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	answer, state, err := c.list(ctx)
	if state == StateOK {
		c.keep(asked, answer)
	}
	c.report(ctx, state, err)
	return state == StateOK || state == StateAbsent || state == StateUnimplemented
}

// keep makes the answer the snapshot. An answer that says the same as the last keeps its generation, so that nothing built
// on it has to be built again.
func (c *Client) keep(asked time.Time, answer *podresourcesv1.ListPodResourcesResponse) {
	b := builder{resources: c.cfg.Resources, drivers: c.cfg.DRADrivers, limit: c.cfg.MaxAllocations}
	s := b.build(answer)
	last := c.snapshot.Load()
	s.Asked, s.Generation = asked, last.Generation
	if last.Generation == 0 || !slices.Equal(last.Allocations, s.Allocations) {
		s.Generation++
	}
	c.snapshot.Store(s)
}
