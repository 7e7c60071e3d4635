// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package eventhub

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bus = "00000000:3B:00.0"

// recorder is what is behind a hub, with a clock that a test moves.
type recorder struct {
	mu     sync.Mutex
	now    time.Time
	events []gpuevent.Event
	counts map[string]uint64
}

func (r *recorder) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *recorder) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *recorder) emit(e gpuevent.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) count(gpu string, code, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[fmt.Sprintf("%s xid_%d", gpu, code)] += n
}

// took returns the events so far, as "name hw.id source", and forgets them.
func (r *recorder) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.events {
		all = append(all, fmt.Sprintf("%s %s %s", e.Name, e.GPU.ID, e.Source))
	}
	r.events = nil
	return all
}

func newHub(nvml, kernel bool) (*Hub, *recorder) {
	r := &recorder{now: time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC), counts: map[string]uint64{}}
	return New(Settings{NVML: nvml, Kernel: kernel, Count: r.count, Emit: r.emit, Now: r.clock}), r
}

func snapshot() *nvmlwire.Snapshot {
	return &nvmlwire.Snapshot{Driver: "570", Devices: []nvmlwire.Device{
		{UUID: "GPU-1", Info: nvmlwire.Info{Name: "H100", PCIBusID: bus, MIGMode: true, GPUInstance: -1, ComputeInstance: -1}},
		{UUID: "MIG-1", Parent: "GPU-1", Info: nvmlwire.Info{Name: "H100 MIG 1g.10gb", Profile: "1g.10gb", GPUInstance: 5, ComputeInstance: 0}},
		{UUID: "GPU-2", Info: nvmlwire.Info{Name: "L4", PCIBusID: "00000000:AF:00.0", GPUInstance: -1, ComputeInstance: -1}},
	}}
}

func nvmlXID(uuid string, code uint64) nvmlwire.Event {
	return nvmlwire.Event{UUID: uuid, Kind: nvmlwire.EventXID, Data: code, GPUInstance: -1, ComputeInstance: -1, Count: 1}
}

func kernelXID(code uint64) kernellog.Event {
	return kernellog.Event{Kind: kernellog.KindXID, PCIBusID: bus, Code: code, PID: 7}
}

func TestOneSourceIsNotDelayed(t *testing.T) {
	h, r := newHub(true, false)
	h.Snapshot(snapshot())
	h.NVML([]nvmlwire.Event{nvmlXID("GPU-1", 79)})
	assert.Equal(t, []string{"xid GPU-1 nvml"}, r.took())
	h, r = newHub(false, true)
	h.Snapshot(snapshot())
	h.Kernel(kernelXID(79))
	assert.Equal(t, []string{"xid GPU-1 kernel"}, r.took())
}

func TestBothSourcesAreOneEvent(t *testing.T) {
	h, r := newHub(true, true)
	h.Snapshot(snapshot())
	h.NVML([]nvmlwire.Event{nvmlXID("GPU-1", 79)})
	assert.Empty(t, r.took())
	assert.False(t, h.Settled())
	h.Kernel(kernelXID(79))
	assert.Equal(t, []string{"xid GPU-1 both"}, r.took())
	assert.Equal(t, map[string]uint64{"GPU-1 xid_79": 1}, r.counts)
	assert.True(t, h.Settled())
}

func TestKernelAloneWhereNVMLCannotSee(t *testing.T) {
	h, r := newHub(true, true)
	h.Kernel(kernelXID(79))
	assert.Equal(t, []string{"xid  kernel"}, r.took(), "before the first collection, with the bus id")
	assert.Equal(t, map[string]uint64{bus + " xid_79": 1}, r.counts)

	off := snapshot()
	off.EventsOff = "not supported"
	h.Snapshot(off)
	h.Kernel(kernelXID(79))
	assert.Equal(t, []string{"xid GPU-1 kernel"}, r.took())

	h.Snapshot(snapshot())
	replayed := kernelXID(79)
	replayed.Replayed = true
	h.Kernel(replayed)
	assert.Equal(t, []string{"xid GPU-1 kernel"}, r.took())
}

func TestSliceIsNamedAndItsGPUCounted(t *testing.T) {
	h, r := newHub(true, false)
	h.Snapshot(snapshot())
	of := nvmlXID("GPU-1", 31)
	of.GPUInstance, of.ComputeInstance = 5, 0
	h.NVML([]nvmlwire.Event{of, nvmlXID("MIG-1", 31)})
	assert.Equal(t, []string{"xid MIG-1 nvml", "xid GPU-1 nvml"}, r.took())
	assert.Equal(t, map[string]uint64{"GPU-1 xid_31": 2}, r.counts)
}

func TestStorm(t *testing.T) {
	h, r := newHub(true, true)
	h.Snapshot(snapshot())
	storm := nvmlXID("GPU-2", 31)
	storm.Count = 100_000
	h.NVML([]nvmlwire.Event{storm})
	for range 10 {
		h.NVML([]nvmlwire.Event{{UUID: "GPU-2", Kind: nvmlwire.EventClock, Count: 5000}})
	}
	h.Drain()
	assert.Equal(t, map[string]uint64{"GPU-2 xid_31": 100_000}, r.counts)
	total := uint64(0)
	for _, e := range r.events {
		total += max(e.Count, 1)
	}
	assert.EqualValues(t, 150_000, total)
	assert.Less(t, len(r.events), 20)
}

func TestOtherEventsAndUnknownGPUs(t *testing.T) {
	h, r := newHub(true, true)
	s := snapshot()
	s.Simulated = true
	h.Snapshot(s)
	h.NVML([]nvmlwire.Event{
		{UUID: "GPU-2", Kind: nvmlwire.EventECCDouble, GPUInstance: -1, ComputeInstance: -1},
		nvmlXID("GPU-9", 13),
	})
	h.Kernel(kernellog.Event{Kind: kernellog.KindFallenOffBus, PCIBusID: bus})
	h.Kernel(kernellog.Event{Kind: kernellog.KindRateLimited})
	require.Len(t, r.events, 3)
	assert.True(t, r.events[0].Simulated)
	assert.False(t, r.events[2].Simulated, "the kernel log is no stand-in")
	assert.Equal(t, []string{"ecc GPU-2 nvml", "xid GPU-9 nvml", "lost GPU-1 kernel"}, r.took())
}

func TestWhatIsDueIsMadeByTheClock(t *testing.T) {
	h, r := newHub(true, true)
	h.Snapshot(snapshot())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	h.Kernel(kernelXID(119))
	assert.Empty(t, r.took())
	r.pass(mergeWindow)
	h.nudge()
	require.Eventually(t, h.Settled, 5*time.Second, time.Millisecond)
	assert.Equal(t, []string{"xid GPU-1 kernel"}, r.took())
	cancel()
	<-done
}

func TestDirectoryIsBounded(t *testing.T) {
	h, r := newHub(true, false)
	for i := range 3000 {
		s := snapshot()
		s.Devices[1].UUID = fmt.Sprintf("MIG-%d", i)
		h.Snapshot(s)
		require.LessOrEqual(t, len(h.devices.uuids), directoryLimit)
	}
	r.took()
	gone := snapshot()
	gone.Devices = gone.Devices[:2]
	h.Snapshot(gone)
	h.NVML([]nvmlwire.Event{nvmlXID("GPU-2", 79)})
	assert.Equal(t, "L4", r.events[len(r.events)-1].GPU.Name, "the last word about a GPU that went")
}
