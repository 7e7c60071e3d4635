// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/eventhub"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/helper"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/outbox"
)

// collector reads the GPUs: helper.Process.
type collector interface {
	Collect(context.Context) nvmlwire.Snapshot
	Starts() uint64
	Shutdown(context.Context) error
}

// resolver tells whose processes and devices are.
type resolver interface {
	Start()
	Stop()
	Resolve(*nvmlwire.Snapshot) convert.Owners
}

// follower is the kernel log.
type follower interface {
	Start(context.Context) error
	Shutdown(context.Context) error
}

// dependencies are what a core takes from the machine.
type dependencies struct {
	now          func() time.Time
	boot         func() (time.Time, error)
	newCollector func(helper.Settings) collector
	newResolver  func(*Config, *zap.Logger) (resolver, error)
	newFollower  func(*Config, *zap.Logger, kernelSink, positionStore) (follower, error)
}

// core is what the metrics and the logs receiver of one component ID share: one helper process, one stream of events, one reader of the
// kernel log. It runs while at least one of them does.
type core struct {
	set       receiver.Settings
	cfg       *Config
	deps      dependencies
	telemetry *telemetry
	status    statusReporter

	mu      sync.Mutex
	users   int
	scrapes int  // of them, those that collect by themselves
	metrics bool // a metrics receiver was made
	unpoll  func()
	closers []func(context.Context) error

	sink eventSink

	// Of a run, from the first Start to the last Shutdown.
	collecting sync.Mutex
	collector  collector
	resolver   resolver
	converter  *convert.Converter
	hub        *eventhub.Hub
	observed   observed
}

func newCore(set receiver.Settings, cfg *Config) (*core, error) {
	return newCoreWith(set, cfg, dependencies{
		now:          time.Now,
		boot:         bootTime,
		newCollector: func(s helper.Settings) collector { return helper.New(s) },
		newResolver:  newResolver,
		newFollower:  newFollower,
	})
}

func newCoreWith(set receiver.Settings, cfg *Config, deps dependencies) (*core, error) {
	t, err := newTelemetry(set)
	if err != nil {
		return nil, err
	}
	return &core{set: set, cfg: cfg, deps: deps, telemetry: t}, nil
}

// wantMetrics notes that there is a metrics receiver, so that what its metrics need is read.
func (c *core) wantMetrics() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.metrics = true
}

// start begins a run where there is none.
func (c *core) start(ctx context.Context, host component.Host, scrapes bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 {
		if err := c.open(ctx, host); err != nil {
			_ = c.close(ctx)
			return err
		}
	}
	c.users++
	if scrapes {
		c.scrapes++
	}
	c.status.add(host)
	c.poll()
	return nil
}

// stop ends the run with its last user.
func (c *core) stop(ctx context.Context, host component.Host, scrapes bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	if scrapes {
		c.scrapes--
	}
	c.status.remove(host)
	c.poll()
	if c.users > 0 {
		return nil
	}
	return c.close(ctx)
}

// open makes what a run needs. What has to be closed is noted at once.
func (c *core) open(ctx context.Context, host component.Host) error {
	enabled := c.enabled()
	begun := c.deps.now()
	boot, err := c.deps.boot()
	if err != nil {
		c.set.Logger.Info("The time of boot is not known: counters of the driver are taken to begin with the receiver", zap.Error(err))
		boot = begun
	}
	xids := convert.NewXIDs(c.cfg.MaxErrorTypes)
	c.converter = convert.New(convert.Settings{Metrics: c.cfg.MetricsBuilderConfig, Receiver: c.set, Begun: begun, Boot: boot, XIDs: xids})
	c.observed = observed{enabled: enabled}
	c.hub = eventhub.New(eventhub.Settings{
		NVML: c.events(), Kernel: c.cfg.KernelLog.Enabled, Now: c.deps.now, Emit: c.emit,
		Count: func(gpu string, code, n uint64) {
			if !xids.Add(gpu, code, n) {
				c.set.Logger.Warn("An XID is not counted: it names more GPUs than can be", zap.String("hw.id", gpu), zap.Uint64("code", code))
			}
		},
	})
	c.background(c.hub.Run)
	if c.resolver, err = c.deps.newResolver(c.cfg, c.set.Logger); err != nil {
		return err
	}
	c.resolver.Start()
	c.closing(func(context.Context) error { c.resolver.Stop(); return nil })
	if err := c.followKernel(ctx, host); err != nil {
		return err
	}
	c.collector = c.deps.newCollector(c.helperSettings(enabled))
	c.closing(c.collector.Shutdown)
	c.closing(func(context.Context) error { c.hub.Drain(); return nil })
	return nil
}

func (c *core) enabled() []convert.Metric {
	if !c.metrics {
		return nil
	}
	return convert.Enabled(c.cfg.Metrics)
}

// events tells whether NVML's event set is asked for.
func (c *core) events() bool { return c.cfg.Events.Enabled && !c.cfg.ReleaseHandles }

func (c *core) helperSettings(enabled []convert.Metric) helper.Settings {
	want := convert.Want(enabled)
	if !c.cfg.Processes.Enabled {
		want &^= nvmlwire.GroupProcesses
	}
	if !c.metrics {
		want = nvmlwire.GroupState // the least that shows whether a GPU answers
	}
	sampling := c.cfg.SamplingInterval
	if c.cfg.ReleaseHandles || !c.metrics {
		sampling = 0
	}
	return helper.Settings{
		Path: c.cfg.Helper,
		Hello: nvmlwire.Hello{
			Version: nvmlwire.Version, Library: c.cfg.Library, Sampling: sampling, Want: want, Events: c.events(),
			MaxProcesses: c.cfg.Processes.MaxPerGPU, Release: c.cfg.ReleaseHandles,
		},
		// Less than the time of the collection, which has to report a hang, and to hand on what there is.
		Timeout: c.cfg.Timeout * 4 / 5, OnEvents: c.hub.NVML, Logger: c.set.Logger, Now: c.deps.now,
	}
}

// background runs a function until the run closes.
func (c *core) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { run(ctx) })
	c.closing(func(context.Context) error {
		cancel()
		done.Wait()
		return nil
	})
}

// closing notes what the end of the run has to do. The last noted is the first done.
func (c *core) closing(f func(context.Context) error) { c.closers = append(c.closers, f) }

func (c *core) close(ctx context.Context) error {
	var errs []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = append(errs, c.closers[i](ctx))
	}
	c.closers = nil
	return errors.Join(errs...)
}

// eventSink takes events to the logs receiver, if there is one.
type eventSink struct {
	mu     sync.Mutex
	wanted bool
	outbox *outbox.Outbox
}

func (s *eventSink) get() *outbox.Outbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outbox
}

// wantLogs notes that there is a logs receiver.
func (c *core) wantLogs() {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	c.sink.wanted = true
}

// deliverTo says where events go; nil means nowhere.
func (c *core) deliverTo(o *outbox.Outbox) {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	c.sink.outbox = o
}

func (c *core) emit(e gpuevent.Event) {
	if o := c.sink.get(); o != nil {
		o.Add(outbox.Item{Event: e, Observed: c.deps.now()})
	}
}

// settled tells that every event so far was delivered, or counted as lost. Where there is a logs receiver that does not run, it is
// not: the events are to come again after the next start.
func (c *core) settled() bool {
	// Not under the sink's lock: the hub emits under its own.
	if !c.hub.Settled() {
		return false
	}
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	if c.sink.outbox == nil {
		return !c.sink.wanted
	}
	return c.sink.outbox.Empty()
}
