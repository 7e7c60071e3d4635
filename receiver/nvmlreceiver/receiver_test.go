// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
)

func xidEvent(uuid string, code uint64) nvmlwire.Event {
	return nvmlwire.Event{UUID: uuid, Kind: nvmlwire.EventXID, Data: code, GPUInstance: -1, ComputeInstance: -1, Count: 1, Time: time.Now()}
}

// names are the event names of all records, in order.
func names(sink *consumertest.LogsSink) []string {
	var all []string
	for _, ld := range sink.AllLogs() {
		for _, record := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			all = append(all, record.EventName())
		}
	}
	return all
}

func TestBothSignalsShareOneCore(t *testing.T) {
	b := newBench(t, func(c *Config) { c.KernelLog.Enabled = true })
	metrics, logs := new(consumertest.MetricsSink), new(consumertest.LogsSink)
	m, l := b.metrics(t, metrics), b.logsReceiver(t, logs)
	made, _, _, _, _ := b.counts()
	require.Zero(t, made, "create has no side effects")
	require.NoError(t, l.Start(t.Context(), b.host))
	require.NoError(t, m.Start(t.Context(), b.host))
	require.NoError(t, m.Start(t.Context(), b.host), "twice")
	eventually(t, func() bool { return len(metrics.AllMetrics()) > 1 }, "metrics")
	b.events(xidEvent("GPU-1", 79))
	b.kernelLine(79)
	eventually(t, func() bool { return logs.LogRecordCount() > 0 }, "an event")
	assert.Equal(t, []string{"inferwatch.gpu.xid"}, names(logs))
	record := logs.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	source, _ := record.Attributes().Get("inferwatch.gpu.event.source")
	assert.Equal(t, "both", source.Str())
	eventually(t, func() bool { return hasXID(metrics.AllMetrics(), 1) }, "xid_79 = 1")

	made, open, _, following, resolving := b.counts()
	assert.Equal(t, []int{1, 1, 1, 1}, []int{made, open, following, resolving})
	require.NoError(t, m.Shutdown(t.Context()))
	_, open, _, _, _ = b.counts()
	assert.Equal(t, 1, open, "the logs receiver still has it")
	before := b.collections()
	eventually(t, func() bool { return b.collections() > before }, "and goes on to collect")
	require.NoError(t, l.Shutdown(t.Context()))
	require.NoError(t, l.Shutdown(t.Context()), "twice")
	_, open, _, following, resolving = b.counts()
	assert.Equal(t, []int{0, 0, 0}, []int{open, following, resolving})
	assert.Empty(t, b.factory.cores.cores)
}

func (m *machine) kernelLine(code uint64) {
	m.mu.Lock()
	take := m.kernel.take
	m.mu.Unlock()
	take(kernellog.Event{Kind: kernellog.KindXID, PCIBusID: "00000000:31:00.0", Code: code, Time: time.Now()})
}

// hasXID tells whether some point of xid_79 has this value.
func hasXID(all []pmetric.Metrics, value int64) bool {
	for _, md := range all {
		for _, rm := range md.ResourceMetrics().All() {
			for _, metric := range rm.ScopeMetrics().At(0).Metrics().All() {
				if metric.Name() != "hw.errors" {
					continue
				}
				for _, p := range metric.Sum().DataPoints().All() {
					if kind, _ := p.Attributes().Get("error.type"); kind.Str() == "xid_79" && p.IntValue() == value {
						return true
					}
				}
			}
		}
	}
	return false
}

func TestMetricsAlone(t *testing.T) {
	b := newBench(t, nil)
	sink := new(consumertest.MetricsSink)
	r := b.metrics(t, sink)
	require.NoError(t, r.Start(t.Context(), b.host))
	eventually(t, func() bool { return len(sink.AllMetrics()) > 0 }, "metrics")
	b.events(xidEvent("GPU-2", 79))
	eventually(t, func() bool { return hasXID(sink.AllMetrics(), 0) && hasXID(sink.AllMetrics(), 1) }, "0 first, then 1")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.True(t, b.settings.Hello.Want.Has(nvmlwire.GroupPower|nvmlwire.GroupProcesses))
	assert.Equal(t, b.cfg.Timeout*4/5, b.settings.Timeout)
	assert.Equal(t, 100*time.Millisecond, b.settings.Hello.Sampling)

	require.NoError(t, r.Start(t.Context(), b.host), "again")
	require.NoError(t, r.Shutdown(t.Context()))
	_, open, _, _, _ := b.counts()
	assert.Zero(t, open)
}

func TestLogsAlonePoll(t *testing.T) {
	b := newBench(t, nil)
	sink := new(consumertest.LogsSink)
	r := b.logsReceiver(t, sink)
	require.NoError(t, r.Start(t.Context(), b.host))
	eventually(t, func() bool { return b.collections() > 1 }, "collections")
	assert.Equal(t, nvmlwire.GroupState, b.settings.Hello.Want, "no more than shows whether a GPU answers")
	assert.Zero(t, b.settings.Hello.Sampling)
	b.change(func(s *nvmlwire.Snapshot) {
		lost := healthy().Devices
		lost[0].State = nvmlwire.StateLost
		s.Devices = lost
	})
	eventually(t, func() bool { return sink.LogRecordCount() == 1 }, "lost")
	b.change(func(s *nvmlwire.Snapshot) { *s = healthy() })
	eventually(t, func() bool { return sink.LogRecordCount() == 2 }, "recovered")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, []string{"inferwatch.gpu.lost", "inferwatch.gpu.recovered"}, names(sink))
}

func TestShutdownInAnyOrder(t *testing.T) {
	b := newBench(t, nil)
	m := b.metrics(t, new(consumertest.MetricsSink))
	l := b.logsReceiver(t, new(consumertest.LogsSink))
	require.NoError(t, m.Shutdown(t.Context()), "without Start")
	require.NoError(t, l.Start(t.Context(), b.host))
	require.NoError(t, m.Start(t.Context(), b.host), "after Shutdown")
	require.NoError(t, l.Shutdown(t.Context()))
	require.NoError(t, m.Shutdown(t.Context()))
	require.NoError(t, m.Shutdown(t.Context()))
	_, open, _, _, _ := b.counts()
	assert.Zero(t, open)
	assert.Empty(t, b.factory.cores.cores)
}

func TestOptionsReachTheHelper(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.ReleaseHandles = true
		c.Processes.Enabled = false
		c.Library, c.Helper = "/lib/nvml.so", "/bin/helper"
	})
	r := b.metrics(t, new(consumertest.MetricsSink))
	require.NoError(t, r.Start(t.Context(), b.host))
	require.NoError(t, r.Shutdown(t.Context()))
	hello := b.settings.Hello
	assert.True(t, hello.Release)
	assert.False(t, hello.Events)
	assert.Zero(t, hello.Sampling)
	assert.False(t, hello.Want.Has(nvmlwire.GroupProcesses))
	assert.Equal(t, "/lib/nvml.so", hello.Library)
	assert.Equal(t, "/bin/helper", b.settings.Path)
}

func TestNoLibraryIsHealthy(t *testing.T) {
	b := newBench(t, nil)
	b.change(func(s *nvmlwire.Snapshot) {
		*s = nvmlwire.Snapshot{State: nvmlwire.LibraryNotFound, Detail: "no such file"}
	})
	sink := new(consumertest.MetricsSink)
	r := b.metrics(t, sink)
	require.NoError(t, r.Start(t.Context(), b.host))
	eventually(t, func() bool { return b.collections() > 3 }, "collections")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, []componentstatus.Status{componentstatus.StatusOK}, b.host.statuses())
	assert.Zero(t, sink.DataPointCount())
	assert.Equal(t, 1, b.logs.FilterMessageSnippet("No NVML library").Len(), "once")
	assert.Zero(t, b.logs.FilterMessageSnippet("Error scraping").Len())
}

func TestStatusFollowsTheLibrary(t *testing.T) {
	b := newBench(t, nil)
	sink := new(consumertest.LogsSink)
	r := b.logsReceiver(t, sink)
	require.NoError(t, r.Start(t.Context(), b.host))
	eventually(t, func() bool { return b.collections() > 0 }, "ready")
	b.change(func(s *nvmlwire.Snapshot) {
		s.State, s.Detail, s.Devices = nvmlwire.LibraryHelperMissing, "not installed", nil
	})
	eventually(t, func() bool { return sink.LogRecordCount() == 1 }, "one event a change")
	before := b.collections()
	eventually(t, func() bool { return b.collections() > before+3 }, "more of the same")
	b.change(func(s *nvmlwire.Snapshot) { *s = healthy() })
	eventually(t, func() bool { return sink.LogRecordCount() == 2 }, "ready again")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, []componentstatus.Status{
		componentstatus.StatusOK, componentstatus.StatusRecoverableError, componentstatus.StatusOK,
	}, b.host.statuses())
	assert.EqualError(t, b.host.events[1].Err(), "NVML is helper_missing: not installed")
	assert.Equal(t, []string{"inferwatch.gpu.library", "inferwatch.gpu.library"}, names(sink))
}

func TestAHungLibraryIsAHungGPUEach(t *testing.T) {
	b := newBench(t, nil)
	sink := new(consumertest.MetricsSink)
	r := b.metrics(t, sink)
	require.NoError(t, r.Start(t.Context(), b.host))
	eventually(t, func() bool { return len(sink.AllMetrics()) > 0 }, "metrics")
	b.change(func(s *nvmlwire.Snapshot) { *s = nvmlwire.Snapshot{State: nvmlwire.LibraryHung, Detail: "no answer"} })
	degraded := func() bool {
		all := sink.AllMetrics()
		last := all[len(all)-1]
		// hw.gpu.info and three points of hw.status for each of two GPUs.
		return last.DataPointCount() == 2*4
	}
	eventually(t, degraded, "hw.status and hw.gpu.info alone")
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestACollectionThatIsCalledOffSaysNothing(t *testing.T) {
	b := newBench(t, nil)
	b.block = make(chan struct{})
	sink := new(consumertest.LogsSink)
	r := b.logsReceiver(t, sink)
	require.NoError(t, r.Start(t.Context(), b.host))
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Empty(t, b.host.statuses(), "the shutdown is no hang")
	assert.Zero(t, sink.LogRecordCount())
}

func TestUnsupportedReadingsAreToldOnce(t *testing.T) {
	b := newBench(t, nil)
	r := b.metrics(t, new(consumertest.MetricsSink))
	require.NoError(t, r.Start(t.Context(), b.host))
	eventually(t, func() bool { return b.collections() > 5 }, "collections")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, 2, b.logs.FilterMessageSnippet("does not give").Len(), "a line for each device")
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	b := newBench(t, func(c *Config) {
		id := component.MustNewID("file_storage")
		c.Storage = &id
		c.KernelLog.Enabled = true
	})
	r := b.metrics(t, new(consumertest.MetricsSink))
	assert.EqualError(t, r.Start(t.Context(), b.host), "`storage` must name a storage extension that is in `service::extensions`, found \"file_storage\"")
	require.NoError(t, r.Shutdown(t.Context()))
	_, open, _, following, resolving := b.counts()
	assert.Equal(t, []int{0, 0, 0}, []int{open, following, resolving})
}

// storageExtension has one client, in memory.
type storageExtension struct {
	component.StartFunc
	component.ShutdownFunc
	client *memoryClient
}

func (e *storageExtension) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return e.client, nil
}

type memoryClient struct {
	values map[string][]byte
	closed bool
}

func (c *memoryClient) Get(_ context.Context, key string) ([]byte, error) { return c.values[key], nil }

func (c *memoryClient) Set(_ context.Context, key string, value []byte) error {
	c.values[key] = value
	return nil
}
func (c *memoryClient) Delete(context.Context, string) error { return nil }
func (c *memoryClient) Batch(context.Context, ...*storage.Operation) error {
	return errors.New("not used")
}
func (c *memoryClient) Close(context.Context) error { c.closed = true; return nil }

func TestPositionIsInTheStorage(t *testing.T) {
	id := component.MustNewID("file_storage")
	b := newBench(t, func(c *Config) { c.Storage, c.KernelLog.Enabled = &id, true })
	client := &memoryClient{values: map[string][]byte{}}
	b.host.extensions = map[component.ID]component.Component{id: &storageExtension{client: client}}
	r := b.logsReceiver(t, new(consumertest.LogsSink))
	require.NoError(t, r.Start(t.Context(), b.host))
	require.NoError(t, b.store.Save(t.Context(), []byte("here")))
	position, err := b.store.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "here", string(position))
	assert.False(t, client.closed)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.True(t, client.closed)
}

func TestSettledIsWhatWasDelivered(t *testing.T) {
	b := newBench(t, func(c *Config) { c.KernelLog.Enabled, c.Events.Enabled = true, false })
	sink := new(consumertest.LogsSink)
	r := b.logsReceiver(t, sink)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	b.kernelLine(79)
	eventually(t, b.kernel.settled, "delivered")
	assert.Equal(t, 1, sink.LogRecordCount())
	require.NoError(t, r.Shutdown(t.Context()))
	b.kernelLine(80)
	assert.False(t, b.kernel.settled(), "nobody takes it now, so it has to come again")
}
