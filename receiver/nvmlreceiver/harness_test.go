// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/helper"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// machine stands in for helper process, kernel log and container runtime of one core.
type machine struct {
	mu        sync.Mutex
	snapshot  nvmlwire.Snapshot
	settings  helper.Settings
	made      int // collectors made
	open      int // of them not shut down
	collected int
	following int
	kernel    kernelSink
	resolving int
	owners    convert.Owners
	store     positionStore
	block     chan struct{} // Collect waits for it, or for its context
}

func (m *machine) dependencies() dependencies {
	return dependencies{
		now:  time.Now,
		boot: func() (time.Time, error) { return time.Unix(1772323200, 0), nil },
		newCollector: func(s helper.Settings) collector {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.settings = s
			m.made++
			m.open++
			return (*fakeCollector)(m)
		},
		newResolver: func(*Config, *zap.Logger) (resolver, error) { return (*fakeResolver)(m), nil },
		newFollower: func(_ *Config, _ *zap.Logger, sink kernelSink, store positionStore) (follower, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.kernel, m.store = sink, store
			return (*fakeFollower)(m), nil
		},
	}
}

func (m *machine) change(edit func(*nvmlwire.Snapshot)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit(&m.snapshot)
}

// counts are collectors made and open, collections made, kernel logs followed, and resolvers started.
func (m *machine) counts() (made, open, collected, following, resolving int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made, m.open, m.collected, m.following, m.resolving
}

func (m *machine) collections() int { _, _, n, _, _ := m.counts(); return n }

func (m *machine) events(events ...nvmlwire.Event) {
	m.mu.Lock()
	take := m.settings.OnEvents
	m.mu.Unlock()
	take(events)
}

type fakeCollector machine

func (c *fakeCollector) Collect(ctx context.Context) nvmlwire.Snapshot {
	c.mu.Lock()
	block := c.block
	c.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return nvmlwire.Snapshot{State: nvmlwire.LibraryHung, Detail: "no answer", Time: time.Now()}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.collected++
	s := c.snapshot
	s.Time = time.Now()
	return s
}

func (c *fakeCollector) Starts() uint64 { return 1 }

func (c *fakeCollector) Shutdown(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	return nil
}

type fakeResolver machine

func (r *fakeResolver) Start() { r.mu.Lock(); r.resolving++; r.mu.Unlock() }
func (r *fakeResolver) Stop()  { r.mu.Lock(); r.resolving--; r.mu.Unlock() }
func (r *fakeResolver) Resolve(*nvmlwire.Snapshot) convert.Owners {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owners
}

type fakeFollower machine

func (f *fakeFollower) Start(context.Context) error {
	f.mu.Lock()
	f.following++
	f.mu.Unlock()
	return nil
}

func (f *fakeFollower) Shutdown(context.Context) error {
	f.mu.Lock()
	f.following--
	f.mu.Unlock()
	return nil
}

// healthy is a snapshot of two GPUs.
func healthy() nvmlwire.Snapshot {
	device := func(uuid, bus string) nvmlwire.Device {
		return nvmlwire.Device{
			UUID: uuid, Info: nvmlwire.Info{Name: "NVIDIA L4", PCIBusID: bus, GPUInstance: -1, ComputeInstance: -1},
			Readings: []nvmlwire.Reading{nvmlwire.Gauge(nvmlwire.PowerInstant, 0, 50)},
			Absent:   []nvmlwire.Absence{{ID: nvmlwire.FanSpeed, Code: 3, Detail: "nvmlDeviceGetFanSpeed: not supported"}},
		}
	}
	return nvmlwire.Snapshot{
		Started: time.Unix(1772323300, 0), Driver: "570.124.06", Calls: 100, CallErrors: 2,
		Devices: []nvmlwire.Device{device("GPU-1", "00000000:31:00.0"), device("GPU-2", "00000000:3B:00.0")},
	}
}

// bench is one factory with a machine behind it, and what a collector has around its receivers.
type bench struct {
	*machine
	factory   *factory
	set       receiver.Settings
	telemetry *componenttest.Telemetry
	logs      *observer.ObservedLogs
	cfg       *Config
	host      *statusHost
}

func newBench(t *testing.T, edit func(*Config)) *bench {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.InitialDelay = 0
	cfg.CollectionInterval = 5 * time.Millisecond
	if edit != nil {
		edit(cfg)
	}
	m := &machine{snapshot: healthy()}
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { assert.NoError(t, tel.Shutdown(context.WithoutCancel(t.Context()))) })
	zapCore, logs := observer.New(zap.DebugLevel)
	set := receivertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	set.Logger = zap.New(zapCore)
	set.ID = component.NewID(metadata.Type)
	return &bench{
		machine: m, set: set, telemetry: tel, logs: logs, cfg: cfg, host: &statusHost{},
		factory: &factory{cores: newRegistry(func(set receiver.Settings, cfg *Config) (*core, error) {
			return newCoreWith(set, cfg, m.dependencies())
		})},
	}
}

func (b *bench) metrics(t *testing.T, sink *consumertest.MetricsSink) receiver.Metrics {
	t.Helper()
	r, err := b.factory.createMetrics(t.Context(), b.set, b.cfg, sink)
	require.NoError(t, err)
	return r
}

func (b *bench) logsReceiver(t *testing.T, sink *consumertest.LogsSink) receiver.Logs {
	t.Helper()
	r, err := b.factory.createLogs(t.Context(), b.set, b.cfg, sink)
	require.NoError(t, err)
	return r
}

// statusHost keeps what was reported, and has extensions.
type statusHost struct {
	mu         sync.Mutex
	events     []*componentstatus.Event
	extensions map[component.ID]component.Component
}

func (h *statusHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

func (h *statusHost) Report(e *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *statusHost) statuses() []componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []componentstatus.Status
	for _, e := range h.events {
		all = append(all, e.Status())
	}
	return all
}

func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, time.Millisecond, what)
}

var _ kernellog.Store = storageStore{}
